#!/usr/bin/env bash
# OpenTelemetry's logs SDK for Python (PyPI opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http 1.45.2).
#
# One record that cannot be written as protobuf takes the whole batch with it, up to 512 records of other code: the
# batch is encoded at once, the error is logged ("Failed to encode logs batch"), and force_flush() says True. A date or
# a Decimal in a body does it, an integer of 64 bits that is no int64 (a hash, a snowflake), and through Python's own
# logging a text with half an emoji, which is what cutting a JavaScript string leaves. In attributes the same dates are
# written as text, and an integer that is too large is left out of its record, which then has no count of it.
#
# Seen: of three records, the second with this body, so many arrive
#   a text: 3, flushed: True
#   {'id': 9223372036854775807}: 3, flushed: True
#   {'id': 9223372036854775808}: 0, flushed: True
#   {'when': datetime.datetime(2026, 1, 1, 0, 0)}: 0, flushed: True
#   Decimal('19.95'): 0, flushed: True
#   half an emoji, by logging: 0, flushed: True
#   an attribute of 2**63: 3, with [[], [], []], dropped [0, 0, 0]
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv
venv/bin/pip install -q opentelemetry-sdk==1.45.2 opentelemetry-exporter-otlp-proto-http==1.45.2 \
  opentelemetry-instrumentation-logging==0.66b2

cat > send.py <<'PY'
import datetime, decimal, gzip, http.server, logging, threading

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

received = []

class Collector(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        body = gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body
        for resource in ExportLogsServiceRequest.FromString(body).resource_logs:
            for scope in resource.scope_logs:
                received.extend(scope.log_records)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Collector)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}/v1/logs"
logging.getLogger("opentelemetry").setLevel(100)  # what it says of it goes to standard error otherwise

def send(what, write):
    """Write three records in one batch, and return those that arrive."""
    received.clear()
    provider = LoggerProvider()
    provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(endpoint=address)))
    write(provider)
    flushed = provider.force_flush()
    provider.shutdown()
    return f"{what}: {len(received)}", f"flushed: {flushed}"

def records(*bodies, **attributes):
    def write(provider):
        for body in bodies:
            provider.get_logger("shop").emit(
                LogRecord(timestamp=1, severity_number=SeverityNumber.INFO, body=body, attributes=attributes)
            )
    return write

def by_logging(provider):
    logger = logging.getLogger("shop")
    logger.propagate, logger.handlers = False, [LoggingHandler(logger_provider=provider)]
    for text in ("before", "half \ud83d", "after"):
        logger.error(text)

print(*send("a text", records("before", "paid", "after")), sep=", ")
for body in ({"id": 2**63 - 1}, {"id": 2**63}, {"when": datetime.datetime(2026, 1, 1)}, decimal.Decimal("19.95")):
    print(*send(repr(body), records("before", body, "after")), sep=", ")
print(*send("half an emoji, by logging", by_logging), sep=", ")
count, _ = send("an attribute of 2**63", records("one", "two", "three", id=2**63))
names = [[each.key for each in record.attributes] for record in received]
print(f"{count}, with {names}, dropped {[record.dropped_attributes_count for record in received]}")
PY
timeout 120 venv/bin/python send.py 2> errors | tee out
diff out - <<'EXPECTED'
a text: 3, flushed: True
{'id': 9223372036854775807}: 3, flushed: True
{'id': 9223372036854775808}: 0, flushed: True
{'when': datetime.datetime(2026, 1, 1, 0, 0)}: 0, flushed: True
Decimal('19.95'): 0, flushed: True
half an emoji, by logging: 0, flushed: True
an attribute of 2**63: 3, with [[], [], []], dropped [0, 0, 0]
EXPECTED
