# shellcheck shell=bash disable=SC2034
# Sets URL and ACCESS for the other examples: signs in to the demo that `make run` starts. To be sourced.
#   INDABA_URL       where the server is         [http://127.0.0.1:8080]
#   INDABA_USER      who signs in                [anna]
#   INDABA_PASSWORD  with which password         [the demo's, from data/demo-password]
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
URL=${INDABA_URL:-http://127.0.0.1:8080}
INDABA_PASSWORD=${INDABA_PASSWORD:-$(cat "$here/../data/demo-password")}

# field NAME: that member of the JSON object on standard input
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

# The password goes in by standard input: arguments of a command can be seen by everyone on the machine.
ACCESS=$(USERNAME=${INDABA_USER:-anna} PASSWORD=$INDABA_PASSWORD python3 -c '
import json, os
print(json.dumps({"username": os.environ["USERNAME"], "password": os.environ["PASSWORD"]}))' |
  curl --silent --show-error --fail-with-body "$URL/api/v1/auth/token" \
    -H 'Content-Type: application/json' --data-binary @- | field access)
