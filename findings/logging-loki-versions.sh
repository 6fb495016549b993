#!/usr/bin/env bash
# python-logging-loki 0.3.1 (PyPI), a handler that pushes Python's log records to Loki.
#
# What a record becomes depends on version=, which only names the form of Loki's API ("1" for all of today's). With "0"
# the time is the record's own, to the microsecond, and labels are texts. With "1" the time is when the handler runs, so
# behind the LokiQueueHandler that the README recommends, records of a burst are late and out of order with others; and
# labels keep their Python types, where Loki's API has texts only and refuses the push with 400 (its JSON is read into a
# map of strings), which loses the record. So tags={"status": 500} works with one version and not with the other.
#
# Seen:
#   version 0: the record's own time: True, labels status='500' ok='True' severity='error'
#   version 1: the record's own time: False, labels status=500 ok=True severity='error'
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv
venv/bin/pip install -q python-logging-loki==0.3.1

cat > send.py <<'PY'
import http.server, json, logging, re, threading
import logging_loki

received = []

class Loki(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Loki)
threading.Thread(target=server.serve_forever, daemon=True).start()
for version in ("0", "1"):
    handler = logging_loki.LokiHandler(f"http://127.0.0.1:{server.server_port}/push", version=version)
    record = {"name": "shop", "levelno": 40, "levelname": "ERROR", "msg": "paid", "created": 1700000000.5}
    handler.handle(logging.makeLogRecord({**record, "tags": {"status": 500, "ok": True}}))
    [stream] = received.pop()["streams"]
    if version == "0":
        labels = dict(re.findall(r'(\w+)="(\w+)"', stream["labels"]))
        own = stream["entries"][0]["ts"] == "2023-11-14T22:13:20.500000+00:00"
    else:
        labels, own = stream["stream"], stream["values"][0][0] == "1700000000500000000"
    shown = " ".join(f"{name}={labels[name]!r}" for name in ("status", "ok", "severity"))
    print(f"version {version}: the record's own time: {own}, labels {shown}")
PY
timeout 60 env TZ=UTC venv/bin/python send.py | tee out
diff out - <<'EXPECTED'
version 0: the record's own time: True, labels status='500' ok='True' severity='error'
version 1: the record's own time: False, labels status=500 ok=True severity='error'
EXPECTED
