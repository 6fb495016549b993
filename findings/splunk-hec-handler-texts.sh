#!/usr/bin/env bash
# splunk-hec-handler 1.2.0 (PyPI), a handler for Python's logging that posts to Splunk's HTTP Event Collector.
#
# It sends the format string, not the text: arguments of a call, which logging keeps apart, are lost, and so are the
# traceback of exception(), the logger's name and extra fields; formatters have no effect. A text that happens to be a
# Python literal is sent as its value: a batch number 1_000 arrives as the number 1000, 0x1F as 31, 'quoted' without
# its quotes. That is documented of dicts only.
#
# Seen: what is logged, and the event that arrives
#   warning('stock is low: %d of %s', 3, 'tea'): {"log_level": "WARNING", "message": "stock is low: %d of %s"}
#   exception('order failed'), with a formatter: {"log_level": "ERROR", "message": "order failed"}
#   info('1_000'): {"log_level": "INFO", "message": 1000}
#   info('0x1F'): {"log_level": "INFO", "message": 31}
#   info("'quoted'"): {"log_level": "INFO", "message": "quoted"}
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv
venv/bin/pip install -q splunk-hec-handler==1.2.0

cat > send.py <<'PY'
import http.server, json, logging, threading
from splunk_hec_handler import SplunkHecHandler

events = []

class Collector(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        if body:
            events.append(json.loads(body)["event"])
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"text":"Success","code":0}')

    def log_message(self, *args):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Collector)
threading.Thread(target=server.serve_forever, daemon=True).start()
handler = SplunkHecHandler("127.0.0.1", "token", port=server.server_port, proto="http", ssl_verify=False)
handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
logger = logging.getLogger("shop")
logger.setLevel(logging.INFO)
logger.propagate, logger.handlers = False, [handler]

def show(what):
    print(f"{what}: {json.dumps(events[-1])}")

logger.warning("stock is low: %d of %s", 3, "tea", extra={"order": 17})
show("warning('stock is low: %d of %s', 3, 'tea')")
try:
    raise ValueError("no stock")
except ValueError:
    logger.exception("order failed")
show("exception('order failed'), with a formatter")
for text in ("1_000", "0x1F", "'quoted'"):
    logger.info(text)
    show(f"info({text!r})")
PY
timeout 60 venv/bin/python send.py | tee out
diff out - <<'EXPECTED'
warning('stock is low: %d of %s', 3, 'tea'): {"log_level": "WARNING", "message": "stock is low: %d of %s"}
exception('order failed'), with a formatter: {"log_level": "ERROR", "message": "order failed"}
info('1_000'): {"log_level": "INFO", "message": 1000}
info('0x1F'): {"log_level": "INFO", "message": 31}
info("'quoted'"): {"log_level": "INFO", "message": "quoted"}
EXPECTED
