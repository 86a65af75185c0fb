# Starts yotpo-mock for a script of tests, and gives each test a store of its own. To be sourced by bash; needs curl 7.82 or newer.
#
# YOTPO_MOCK tells where the binary is; without it, the one on the PATH is taken.

# Runs every function whose name begins with `test_`, each in a store of its own, and ends the script.
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
    echo "what yotpo-mock saw: $(control GET report)"
    stop_mock || failed=1
    exit "$failed"
}

# An emulator on a free port, whose clock stands still until a test advances it. Its address is in MOCK.
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
    kill "$MOCK_PID" && wait "$MOCK_PID" || { echo "the emulator did not end well" >&2; return 1; }
}

# Asks the control surface: control METHOD PATH [BODY]. Fails with its words.
control() {
    local answer
    answer=$(curl -sS --fail-with-body -X "$1" ${3:+--json "$3"} "$MOCK/_mock/$2") || { echo "$1 $2: $answer" >&2; return 1; }
    echo "$answer"
}

# Adds customers and events: seed '"customers":[{"external_id":"c-1"}]'
seed() { control POST seed '{"stores":[{"id":"'"$STORE"'","secret":"'"$SECRET"'",'"$1"'}]}' >/dev/null; }

# Makes the vendor misbehave: fault upsertCustomer '"times":1,"status":503'
fault() { control POST faults '{"match":{"store":"'"$STORE"'","operation":"'"$1"'"},'"$2"'}' >/dev/null; }

# Lets time pass, in seconds: tokens expire, rate windows pass, delayed writes appear.
advance() { control POST "clock/advance?store=$STORE" '{"seconds":'"$1"'}' >/dev/null; }

# Fails unless so many requests were as expected, and prints how the nearest differ: verify '"operation":"upsertCustomer","count":1'
verify() { control POST requests/verify '{"store":"'"$STORE"'",'"$1"'}' >/dev/null; }

# Fails unless a text holds another: contains TEXT PART
contains() { [[ $1 == *"$2"* ]] || { echo "expected $2 in $1" >&2; return 1; }; }
