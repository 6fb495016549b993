#!/usr/bin/env bash
# python-splunk-logging 1.2.0 (PyPI), a handler for Python's logging that posts to Splunk's HTTP Event Collector.
#
# HecHandler formats records with its JsonFormatter, and that writes dicts: of a record that has a text, which is what
# nearly all code and every library logs, it writes {}. The README attaches it to the root logger so. The text, the level
# and the logger's name are gone, and of logger.exception() only the traceback is left; nothing is reported. Keys have to
# be named one by one, JsonFormatter(message="%(message)s", level="%(levelname)s").
#
# Seen: what is logged, and the event
#   info("stock is low: %d", 3): {}
#   info({"order": 7}): {"order": 7}
#   exception("order failed"): {"exception": "..."}
#   with keys named: {"level": "INFO", "message": "stock is low: 3"}
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv
venv/bin/pip install -q python-splunk-logging==1.2.0

cat > send.py <<'PY'
import http.server, json, logging, threading
from splunk_logging.formatters import JsonFormatter
from splunk_logging.handlers import HecHandler

received = []

class Collector(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["event"])
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"text":"Success","code":0}')

    def log_message(self, *args):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Collector)
threading.Thread(target=server.serve_forever, daemon=True).start()
handler = HecHandler(host="127.0.0.1", port=server.server_port, token="token", use_ssl=False)
handler.setFormatter(JsonFormatter())  # as the README does, and what it has anyhow
logging.getLogger().addHandler(handler)
logger = logging.getLogger("shop")
logger.setLevel(logging.INFO)

def show(what):
    event = received.pop()
    if isinstance(event, dict) and "exception" in event:
        event["exception"] = "..."
    print(f"{what}: {json.dumps(event, sort_keys=True)}")

logger.info("stock is low: %d", 3)
show('info("stock is low: %d", 3)')
logger.info({"order": 7})
show('info({"order": 7})')
try:
    {}["tea"]
except KeyError:
    logger.exception("order failed")
show('exception("order failed")')
handler.setFormatter(JsonFormatter(message="%(message)s", level="%(levelname)s"))
logger.info("stock is low: %d", 3)
show("with keys named")
PY
timeout 60 venv/bin/python send.py | tee out
diff out - <<'EXPECTED'
info("stock is low: %d", 3): {}
info({"order": 7}): {"order": 7}
exception("order failed"): {"exception": "..."}
with keys named: {"level": "INFO", "message": "stock is low: 3"}
EXPECTED
