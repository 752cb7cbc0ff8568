#!/usr/bin/env bash
# Follows a stream where nothing but plain HTTP gets through: each answer has a cursor, the next request goes on from it.
#   examples/long-poll.sh [STREAM] [SINCE]
# It ends when its access token does (10 minutes); a program would refresh the token and go on with the same cursor.
set -euo pipefail
# shellcheck source=examples/sign-in.sh
source "$(dirname "$0")/sign-in.sh"
stream=${1:-orgs/demo/notifications}
next=(${2:+--data-urlencode "since=$2"})
while true; do
  answer=$(curl --silent --show-error --fail-with-body --get "$URL/api/v1/events" \
    -H "Authorization: Bearer $ACCESS" --data-urlencode "stream=$stream" -d wait=25 "${next[@]}")
  python3 -c '
import json, sys
page = json.loads(sys.argv[1])
for gone in page["reset"]:
    print("events are gone:", json.dumps(gone))
for event in page["results"]:
    print(json.dumps(event), flush=True)' "$answer"
  next=(--data-urlencode "cursor=$(field cursor <<<"$answer")")
done
