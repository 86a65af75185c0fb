#!/usr/bin/env bash
# A small integration and its tests against yotpo-mock.
source "$(dirname "$0")/mock.sh"

# Represents your own code: saves customers, retries twice, and replaces an expired token.
TOKEN=

save() {
    local status
    for _ in 1 2 3; do
        [[ $TOKEN ]] || log_in
        status=$(curl -s -o /dev/null -w '%{http_code}' -X PATCH -H "X-Yotpo-Token: $TOKEN" \
            --json '{"customer":'"$1"'}' "$URL/customers")
        case $status in
            2??) return 0 ;;
            401) TOKEN= ;;
            5??) ;;
            *) break ;;
        esac
    done
    echo "not saved: $status" >&2
    return 1
}

log_in() {
    TOKEN=$(curl -s --json '{"secret":"'"$SECRET"'"}' "$URL/access_tokens" | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
}

test_a_customer_is_saved_under_its_external_id() {
    seed '"customers":[{"external_id":"c-1","email":"emma@example.com","first_name":"Emma"}]'

    save '{"external_id":"c-1","last_name":"Johnson"}'

    local customers
    customers=$(control GET "stores/$STORE/customers")
    contains "$customers" '"first_name":"Emma"'
    contains "$customers" '"last_name":"Johnson"'
}

test_a_customer_is_sent_again_after_a_server_error() {
    fault upsertCustomer '"times":1,"status":503'

    save '{"external_id":"c-1"}'

    verify '"operation":"upsertCustomer","status":503,"count":1'
    verify '"operation":"upsertCustomer","status":200,"body":{"customer":{"external_id":"c-1"}},"count":1'
}

test_an_expired_token_is_replaced() {
    save '{"external_id":"c-1"}'
    advance $((15 * 24 * 3600))

    save '{"external_id":"c-2"}'

    verify '"operation":"createAccessToken","count":2'
    verify '"operation":"upsertCustomer","status":200,"count":2'
}

run_tests
