#!/usr/bin/env bash
# graypy 2.1.0 (PyPI), handlers for Python's logging that send GELF.
#
# Every line end of a traceback is doubled in full_message, for its parts are joined by line ends that they have already. extra={"id": 7}
# is left out without a word, for GELF reserves `_id`. A Decimal is sent as its repr, so an amount is not a number that can be searched. And
# one NaN makes the message something that is not JSON: a Graylog refuses it as a whole.
#
# Seen:
#   traceback: 'Traceback (most recent call last):\n\n  File'
#   fields: _amount="Decimal('12.50')" _card="x"
#   NaN: "_rate":NaN
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv
venv/bin/pip install -q graypy==2.1.0

cat > send.py <<'PY'
import decimal, json, logging, re, socket, zlib
import graypy

receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("127.0.0.1", 0))
receiver.settimeout(5)
logger = logging.getLogger("shop")
logger.propagate = False
logger.addHandler(graypy.GELFUDPHandler("127.0.0.1", receiver.getsockname()[1], debugging_fields=False))

def payload():
    return zlib.decompress(receiver.recv(65535)).decode()

try:
    {}["order"]
except KeyError:
    logger.exception("failed")
print("traceback:", repr(json.loads(payload())["full_message"].split(' "')[0]))

logger.warning("paid", extra={"id": 7, "amount": decimal.Decimal("12.50"), "card": "x"})
fields = {name: value for name, value in json.loads(payload()).items() if name in ("_id", "_amount", "_card", "id")}
print("fields:", *(f"{name}={json.dumps(value)}" for name, value in sorted(fields.items())))

logger.warning("rate", extra={"rate": float("nan")})
print("NaN:", re.search(r'"_rate": ?[^,}]+', payload())[0])
PY
venv/bin/python send.py | tee out
diff out - <<'SEEN'
traceback: 'Traceback (most recent call last):\n\n  File'
fields: _amount="Decimal('12.50')" _card="x"
NaN: "_rate":NaN
SEEN
