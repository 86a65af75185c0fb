# Starts yotpo-mock for a script of tests, and gives each test an isolated store. To be sourced by bash; needs curl 7.82 or newer.
#
# YOTPO_MOCK is the path of the binary. Without it, `yotpo-mock` must be on the PATH.

# Runs every function whose name begins with `test_`, each with its own store, and exits.
run_tests() {
    local name failed=0
    start_mock
    for name in $(compgen -A function test_); do
        (
            set -euo pipefail
            STORE=$name SECRET=s3cret
            URL=$MOCK/core/v3/stores/$STORE
            seed '"customers":[]'
            "$name"
        )
        if [[ $? == 0 ]]; then
            echo "ok      $name"
        else
            echo "FAILED  $name"
            failed=1
        fi
    done
    echo "report of yotpo-mock: $(control GET report)"
    stop_mock || failed=1
    exit "$failed"
}

# Starts a mock on a free port and sets MOCK to its URL. The clock is frozen, and only tests advance it.
start_mock() {
    local binary=${YOTPO_MOCK:-yotpo-mock} ready=
    MOCK_FILES=$(mktemp -d)
    mkfifo "$MOCK_FILES/stdout"
    "$binary" --port 0 >"$MOCK_FILES/stdout" 2>"$MOCK_FILES/stderr" &
    MOCK_PID=$!
    trap '{ kill -KILL $MOCK_PID; wait $MOCK_PID; } 2>/dev/null; rm -r "$MOCK_FILES"' EXIT
    read -r -t 10 ready <"$MOCK_FILES/stdout"
    MOCK=${ready#yotpo-mock listening on }
    if [[ $MOCK != http* ]]; then
        echo "\`$binary\` did not start: $(cat "$MOCK_FILES/stderr")" >&2
        exit 1
    fi
    control PUT clock '{"now":"2030-01-01T00:00:00Z","frozen":true}' >/dev/null
}

stop_mock() {
    kill "$MOCK_PID" && wait "$MOCK_PID" || { echo "the mock did not stop cleanly" >&2; return 1; }
}

# Calls the control API: control METHOD PATH [BODY]. Prints the error if it fails.
control() {
    local response
    response=$(curl -sS --fail-with-body -X "$1" ${3:+--json "$3"} "$MOCK/_mock/$2") || { echo "$1 $2: $response" >&2; return 1; }
    echo "$response"
}

# Adds customers and events: seed '"customers":[{"external_id":"c-1"}]'
seed() { control POST seed '{"stores":[{"id":"'"$STORE"'","secret":"'"$SECRET"'",'"$1"'}]}' >/dev/null; }

# Injects a fault: fault upsertCustomer '"times":1,"status":503'
fault() { control POST faults '{"match":{"store":"'"$STORE"'","operation":"'"$1"'"},'"$2"'}' >/dev/null; }

# Advances the clock by seconds: tokens expire, the rate limit resets, delayed writes become visible.
advance() { control POST "clock/advance?store=$STORE" '{"seconds":'"$1"'}' >/dev/null; }

# Fails unless exactly `count` requests match, and prints how the nearest ones differ: verify '"operation":"upsertCustomer","count":1'
verify() { control POST requests/verify '{"store":"'"$STORE"'",'"$1"'}' >/dev/null; }

# Fails unless a text contains another: contains TEXT PART
contains() { [[ $1 == *"$2"* ]] || { echo "expected $2 in $1" >&2; return 1; }; }
