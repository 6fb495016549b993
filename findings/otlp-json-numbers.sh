#!/usr/bin/env bash
# OTLP/JSON of two official SDKs: npm @opentelemetry/exporter-logs-otlp-http 0.223.1 (with sdk-logs 0.223.1) and
# PyPI opentelemetry-exporter-otlp-json-http 0.66b1 (with opentelemetry-sdk 1.45.2).
#
# The same attributes do not arrive as the same JSON. Node writes intValue as a JSON number, where protobuf's JSON
# mapping and Python have text. Its NaN and Infinity are doubleValue null, which that mapping reads as "not set": the
# value is lost, while Python sends the names. A BigInt is left out, of which only a diagnostic logger, off by default,
# would tell. And 2.0 is an integer, so one attribute changes its type from record to record.
#
# Seen:
#   node   n={"intValue":17} whole={"intValue":2} nan={"doubleValue":null} inf={"doubleValue":null}
#   python n={"intValue":"17"} whole={"doubleValue":2.0} nan={"doubleValue":"NaN"} inf={"doubleValue":"Infinity"} big={"intValue":"9007199254740993"}
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv
venv/bin/pip install -q opentelemetry-sdk==1.45.2 opentelemetry-exporter-otlp-json-http==0.66b1
npm install --silent --no-fund --prefix "$tmp" \
  @opentelemetry/sdk-logs@0.223.1 @opentelemetry/exporter-logs-otlp-http@0.223.1 >/dev/null

cat > send.js <<'JS'
const { LoggerProvider, SimpleLogRecordProcessor } = require("@opentelemetry/sdk-logs");
const { OTLPLogExporter } = require("@opentelemetry/exporter-logs-otlp-http");
const exporter = new OTLPLogExporter({ url: process.argv[2] });
const provider = new LoggerProvider({ processors: [new SimpleLogRecordProcessor({ exporter })] });
const attributes = { n: 17, whole: 2.0, nan: NaN, inf: Infinity, big: 9007199254740993n };
provider.getLogger("shop").emit({ body: "paid", attributes });
provider.forceFlush().then(() => provider.shutdown());
JS
cat > send.py <<'PY'
import sys
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.json.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor

provider = LoggerProvider()
provider.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter(endpoint=sys.argv[1])))
attributes = {"n": 17, "whole": 2.0, "nan": float("nan"), "inf": float("inf"), "big": 9007199254740993}
provider.get_logger("shop").emit(LogRecord(body="paid", attributes=attributes))
provider.shutdown()
PY
cat > receive.py <<'PY'
"""Print the attributes of the one record that the command given as arguments posts."""
import gzip, http.server, json, subprocess, sys

class Logs(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = b""
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        record = json.loads(body)["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]
        values = (a["key"] + "=" + json.dumps(a["value"], separators=(",", ":")) for a in record["attributes"])
        print(f"{sys.argv[1]:6}", *values, flush=True)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
        self.close_connection = True

    def log_message(self, *args):
        pass

with http.server.HTTPServer(("127.0.0.1", 0), Logs) as server:
    server.timeout = 30
    client = subprocess.Popen([*sys.argv[2:], f"http://127.0.0.1:{server.server_port}/v1/logs"])
    server.handle_request()
    client.wait(30)
PY
{ python3 receive.py node node send.js; python3 receive.py python venv/bin/python send.py; } | tee out
diff out - <<'EXPECTED'
node   n={"intValue":17} whole={"intValue":2} nan={"doubleValue":null} inf={"doubleValue":null}
python n={"intValue":"17"} whole={"doubleValue":2.0} nan={"doubleValue":"NaN"} inf={"doubleValue":"Infinity"} big={"intValue":"9007199254740993"}
EXPECTED
