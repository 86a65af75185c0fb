#!/usr/bin/env bash
# Saves five customers and reads them back page by page. Replaces a rejected token.
set -euo pipefail

SHOP=https://api.yotpo.com/core/v3/stores/shop
TOKEN=

log_in() {
    TOKEN=$(curl -sS --fail --json '{"secret":"s3cret"}' $SHOP/access_tokens | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
}

# call METHOD PATH [BODY]: the response is in RESPONSE.
call() {
    local response status attempt
    for attempt in 1 2; do
        [[ $TOKEN ]] || log_in
        response=$(curl -sS -X "$1" -H "X-Yotpo-Token: $TOKEN" ${3:+--json "$3"} -w '\n%{http_code}' "$SHOP/$2")
        status=${response##*$'\n'}
        RESPONSE=${response%$'\n'*}
        case $status in
            200) return 0 ;;
            401 | 403) TOKEN= ;;
            *) break ;;
        esac
    done
    echo "$1 $2: $status $RESPONSE" >&2
    return 1
}

for n in 1 2 3 4 5; do
    call PATCH customers '{"customer":{"external_id":"c-'$n'","first_name":"Ann"}}'
done

query=limit=1 ids=
while [[ $query ]]; do
    call GET "customers?$query"
    ids+=$(grep -o '"external_id":"[^"]*"' <<<"$RESPONSE" | cut -d '"' -f 4)' '
    next=$(sed 's/.*"next_page_info":\(null\|"\([^"]*\)"\).*/\2/' <<<"$RESPONSE")
    query=${next:+page_info=$next}
done
echo "read ${ids% }"
