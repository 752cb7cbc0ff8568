#!/usr/bin/env bash
# Prints the events of a stream as they come (server-sent events), with curl alone.
#   examples/sse.sh [STREAM] [SINCE]        examples/sse.sh orgs/demo/notifications 0
set -euo pipefail
# shellcheck source=examples/sign-in.sh
source "$(dirname "$0")/sign-in.sh"
stream=${1:-orgs/demo/notifications}
exec curl --no-buffer --silent --show-error --fail-with-body --get "$URL/api/v1/events" \
  -H "Authorization: Bearer $ACCESS" -H 'Accept: text/event-stream' \
  --data-urlencode "stream=$stream" ${2:+--data-urlencode "since=$2"}
