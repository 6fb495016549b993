#!/usr/bin/env bash
# VictoriaLogs 1.110.0 (Go module github.com/VictoriaMetrics/VictoriaMetrics), /insert/jsonline.
#
# It answers 200 to requests of which it stores nothing, or a part, so a sender that goes by the status loses messages:
#
# * A time in Unix seconds with a fraction, as GELF has it, is not understood (whole seconds, milliseconds and RFC 3339
#   are). The line is not stored, and neither is any line after it in the request. Its own log says so; the answer does
#   not.
# * A body whose content type is that of a form, which is what `curl --data-binary` sends unless it is told another, is
#   read as parameters of a form: there are no lines left, and not even its log says so.
#
# Seen (status, then what was stored):
#   fraction: 200
#   good, fraction, good: 200 one
#   type of a form: 200
#   whole seconds: 200 one
set -euo pipefail
tmp=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; wait; chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
cd "$tmp"
mkdir built
cd built
go mod init example >mod.log 2>&1
go get github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-logs@v1.110.0 >get.log 2>&1
go build -o ../victoria-logs github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-logs
cd ..

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
./victoria-logs -httpListenAddr="127.0.0.1:$port" -storageDataPath=data -retentionPeriod=100y >server.log 2>&1 &
server=$!
for _ in $(seq 100); do curl -fs "http://127.0.0.1:$port/health" >health && break; sleep 0.2; done

# insert NAME CONTENT_TYPE LINE ...: what a search finds of it is asked at the end, because it finds nothing at once.
names=()
statuses=()
insert() {
  names+=("$1")
  statuses+=("$(printf '%s\n' "${@:3}" | curl -s -o answer -w '%{http_code}' -H "content-type: $2" --data-binary @- \
    "http://127.0.0.1:$port/insert/jsonline?_time_field=ts&_msg_field=text&_stream_fields=test")")
}
now=$(date +%s)
line() { printf '{"test":"%s","ts":%s,"text":"%s"}' "$1" "$2" "$3"; }
found() {
  curl -s "http://127.0.0.1:$port/select/logsql/query" --data-urlencode "query=test:=\"$1\"" |
    python3 -c 'import json, sys; print(*(json.loads(line)["_msg"] for line in sys.stdin))'
}
insert "fraction" application/stream+json "$(line fraction "$now.25" one)"
insert "good, fraction, good" application/stream+json "$(line "good, fraction, good" "$now" one)" \
  "$(line "good, fraction, good" "$now.25" two)" "$(line "good, fraction, good" "$now" three)"
insert "type of a form" application/x-www-form-urlencoded "$(line "type of a form" "$now" one)"
insert "whole seconds" application/stream+json "$(line "whole seconds" "$now" one)"
for _ in $(seq 100); do [ -z "$(found "whole seconds")" ] || break; sleep 0.2; done
sleep 3
for n in "${!names[@]}"; do
  echo "${names[n]}: ${statuses[n]} $(found "${names[n]}")" | sed 's/ *$//'
done | tee out
diff out - <<'EXPECTED'
fraction: 200
good, fraction, good: 200 one
type of a form: 200
whole seconds: 200 one
EXPECTED
