#!/usr/bin/env bash
# splunk-handler 3.0.0 (PyPI), a handler for Python's logging that posts to Splunk's HTTP Event Collector.
#
# record_format=True, which the README offers for JSON, has no effect: it tries to make JSON of the LogRecord itself,
# which always fails, and the failure is ignored. With and without it a logged dict arrives as Python's text (single
# quotes, None), and a formatter's JSON as a text with JSON in it. There is no level and no logger's name unless the
# formatter prints them. The event's time is when the handler formats the record, not the record's own, so behind a
# QueueHandler or MemoryHandler all times are late. And the request has no Content-Type.
#
# Seen:
#   record_format=False, a dict: "{'order': 17, 'paid': None}"
#   record_format=False, a formatter's JSON: "{\"level\": \"ERROR\"}"
#   record_format=True, a dict: "{'order': 17, 'paid': None}"
#   record_format=True, a formatter's JSON: "{\"level\": \"ERROR\"}"
#   each with event host index source sourcetype time; the record's time: False; Content-Type: None
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv
venv/bin/pip install -q splunk-handler==3.0.0

cat > send.py <<'PY'
import http.server, json, logging, threading
from splunk_handler import SplunkHandler

CREATED = 1700000000.5
received, rest = [], set()

class Collector(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        received.append((self.headers["Content-Type"], json.loads(body)))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"text":"Success","code":0}')

    def log_message(self, *args):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Collector)
threading.Thread(target=server.serve_forever, daemon=True).start()
for record_format in (False, True):
    handler = SplunkHandler(
        host="127.0.0.1", port=server.server_port, protocol="http", token="token", index="main", hostname="web-1",
        source="shop", sourcetype="json", record_format=record_format, flush_interval=0, verify=False,
    )
    record = {"name": "shop", "levelno": 40, "levelname": "ERROR", "created": CREATED}
    for what, message, layout in (
        ("a dict", {"order": 17, "paid": None}, "%(message)s"),
        ("a formatter's JSON", "paid", '{"level": "%(levelname)s"}'),
    ):
        handler.setFormatter(logging.Formatter(layout))
        handler.handle(logging.makeLogRecord({**record, "msg": message}))
        kind, event = received.pop()
        print(f"record_format={record_format}, {what}: {json.dumps(event['event'])}")
        rest.add(f"{' '.join(sorted(event))}; the record's time: {event['time'] == CREATED}; Content-Type: {kind}")
print("each with", *rest)
PY
timeout 60 venv/bin/python send.py | tee out
diff out - <<'EXPECTED'
record_format=False, a dict: "{'order': 17, 'paid': None}"
record_format=False, a formatter's JSON: "{\"level\": \"ERROR\"}"
record_format=True, a dict: "{'order': 17, 'paid': None}"
record_format=True, a formatter's JSON: "{\"level\": \"ERROR\"}"
each with event host index source sourcetype time; the record's time: False; Content-Type: None
EXPECTED
