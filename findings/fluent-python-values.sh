#!/usr/bin/env bash
# fluent-logger 0.11.1 (PyPI), Fluentd's client for Python, with the handler and formatter that its README shows.
#
# A record that holds a value MessagePack has no type for (a date, a Decimal, an integer beyond 64 bits) is sent as
# another one: level CRITICAL, message "Can't output to log", and a traceback of the client. Its own level, text and
# fields are nowhere in it, and handleError is not called; only the sender's last_error says what it was. So an INFO about an order becomes a
# CRITICAL about nothing. A text that is JSON is taken apart when it is an object, and kept when it is not.
#
# Seen:
#   {'order': 1}: level INFO, order 1
#   {'order': 2, 'when': datetime.datetime(2026, 1, 1, 0, 0)}: level CRITICAL, message Can't output to log
#   {'order': 3, 'price': Decimal('19.95')}: level CRITICAL, message Can't output to log
#   {'order': 4, 'hash': 18446744073709551616}: level CRITICAL, message Can't output to log
#   '{"order": 5}': level INFO, order 5
#   '[6]': level INFO, message [6]
#   errors told: 0, last_error: Integer value out of range
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv
venv/bin/pip install -q fluent-logger==0.11.1 msgpack==1.2.4

cat > send.py <<'PY'
import datetime, decimal, logging, socket
import msgpack
from fluent.handler import FluentHandler, FluentRecordFormatter

server = socket.create_server(("127.0.0.1", 0))
told = []

class Handler(FluentHandler):
    def handleError(self, record):
        told.append(record)

handler = Handler("shop", host="127.0.0.1", port=server.getsockname()[1])
handler.setFormatter(FluentRecordFormatter({"level": "%(levelname)s"}))
logger = logging.getLogger("shop")
logger.propagate, logger.handlers = False, [handler]
logger.setLevel(logging.INFO)
unpacker, client = msgpack.Unpacker(), None
for message in (
    {"order": 1},
    {"order": 2, "when": datetime.datetime(2026, 1, 1)},
    {"order": 3, "price": decimal.Decimal("19.95")},
    {"order": 4, "hash": 2**64},
    '{"order": 5}',
    "[6]",
):
    logger.info(message)
    client = client or server.accept()[0]
    client.settimeout(10)
    event = None
    while event is None:
        unpacker.feed(client.recv(65536))
        event = next(iter(unpacker), None)
    _, _, record = event
    assert (record.pop("traceback", None) is not None) == (record["level"] == "CRITICAL")
    print(f"{message!r}:", ", ".join(f"{name} {value}" for name, value in record.items()))
print(f"errors told: {len(told)}, last_error: {handler.sender.last_error}")
PY
timeout 60 venv/bin/python send.py | tee out
diff out - <<'EXPECTED'
{'order': 1}: level INFO, order 1
{'order': 2, 'when': datetime.datetime(2026, 1, 1, 0, 0)}: level CRITICAL, message Can't output to log
{'order': 3, 'price': Decimal('19.95')}: level CRITICAL, message Can't output to log
{'order': 4, 'hash': 18446744073709551616}: level CRITICAL, message Can't output to log
'{"order": 5}': level INFO, order 5
'[6]': level INFO, message [6]
errors told: 0, last_error: Integer value out of range
EXPECTED
