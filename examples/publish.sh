#!/usr/bin/env bash
# What a team's backend does: makes an API key, publishes a notification, and events on a topic of its own.
#   examples/publish.sh [TEXT]
set -euo pipefail
# shellcheck source=examples/sign-in.sh
source "$(dirname "$0")/sign-in.sh"

call() { # METHOD PATH CREDENTIALS BODY
  curl --silent --show-error --fail-with-body -X "$1" "$URL/api/v1/$2" -H "Authorization: $3" \
    -H 'Content-Type: application/json' -d "$4"
}

made=$(call POST orgs/demo/api-keys "Bearer $ACCESS" '{"name":"example","scopes":["publish"]}')
key=$(field key <<<"$made")
id=$(field id <<<"$made")
trap 'curl --silent -X DELETE "$URL/api/v1/orgs/demo/api-keys/$id" -H "Authorization: Bearer $ACCESS"' EXIT

text=$(python3 -c 'import json, sys; print(json.dumps(sys.argv[1]))' "${1:-It works.}")
# A dedupe_key makes a repetition harmless: 201 with the event the first time, 200 with the same one ever after.
once="\"example-$(date +%s)\""
echo "A notification, and its repetition:"
call POST orgs/demo/notifications "Token $key" "{\"type\":\"announcement\",\"payload\":{\"text\":$text},\"dedupe_key\":$once}"; echo
call POST orgs/demo/notifications "Token $key" "{\"type\":\"announcement\",\"payload\":{\"text\":$text},\"dedupe_key\":$once}"; echo

echo "A topic, and three events on it (the last one is not kept):"
call PUT orgs/demo/topics/prices "Token $key" '{"client_publish":"none"}'; echo
call POST orgs/demo/topics/prices/events "Token $key" '[
  {"type":"price_changed","data":{"sku":"A-1","cents":1990}},
  {"type":"price_changed","data":{"sku":"A-2","cents":490}},
  {"type":"looked_at","data":{"sku":"A-1"},"ephemeral":true}]'; echo
