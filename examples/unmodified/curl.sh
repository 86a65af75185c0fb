#!/usr/bin/env bash
# Saves five customers, and reads all of them back page by page. A token that is refused is replaced.
set -euo pipefail

SHOP=https://api.yotpo.com/core/v3/stores/shop
TOKEN=

log_in() {
    TOKEN=$(curl -sS --fail --json '{"secret":"s3cret"}' $SHOP/access_tokens | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
}

# call METHOD PATH [BODY]: the answer is in ANSWER.
call() {
    local answer status attempt
    for attempt in 1 2; do
        [[ $TOKEN ]] || log_in
        answer=$(curl -sS -X "$1" -H "X-Yotpo-Token: $TOKEN" ${3:+--json "$3"} -w '\n%{http_code}' "$SHOP/$2")
        status=${answer##*$'\n'}
        ANSWER=${answer%$'\n'*}
        case $status in
            200) return 0 ;;
            401 | 403) TOKEN= ;;
            *) break ;;
        esac
    done
    echo "$1 $2: $status $ANSWER" >&2
    return 1
}

for n in 1 2 3 4 5; do
    call PATCH customers '{"customer":{"external_id":"c-'$n'","first_name":"Ann"}}'
done

query=limit=1 ids=
while [[ $query ]]; do
    call GET "customers?$query"
    ids+=$(grep -o '"external_id":"[^"]*"' <<<"$ANSWER" | cut -d '"' -f 4)' '
    next=$(sed 's/.*"next_page_info":\(null\|"\([^"]*\)"\).*/\2/' <<<"$ANSWER")
    query=${next:+page_info=$next}
done
echo "read ${ids% }"
