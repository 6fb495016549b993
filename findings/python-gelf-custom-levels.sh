#!/usr/bin/env bash
# Three GELF handlers for Python's logging: PyPI graypy 2.1.0, pygelf 0.4.3 and gelfHandler 1.0.0.
#
# Libraries register levels of their own (NOTICE 25, say), and none of the three maps one to a syslog severity.
# graypy sends Python's number as GELF's level, which ends at 7. pygelf sends nothing: the lookup fails within the
# handler, and logging prints a KeyError on standard error, or is silent with raiseExceptions off, as here.
# gelfHandler raises into the service that called logger.log(), and what it raises is a text, hence the TypeError.
# Of Python's own levels, gelfHandler sends CRITICAL as 9, which is no severity either.
#
# Seen:
#   graypy: ERROR 3, CRITICAL 2, 25 25
#   pygelf: ERROR 3, CRITICAL 2, 25 nothing
#   gelfHandler: ERROR 3, CRITICAL 9, 25 TypeError
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv
venv/bin/pip install -q graypy==2.1.0 pygelf==0.4.3 gelfHandler==1.0.0

cat > levels.py <<'PY'
import json, logging, socket, zlib
import gelfHandler, graypy, pygelf

logging.raiseExceptions = False
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("127.0.0.1", 0))
receiver.settimeout(2)
port = receiver.getsockname()[1]
logger = logging.getLogger("shop")
logger.propagate = False
logger.setLevel(1)

def outcome(handler, level):
    """The level that arrives, or what happens instead."""
    logger.handlers = [handler]
    try:
        logger.log(level, "paid")
    except TypeError as error:
        return type(error).__name__
    try:
        data = receiver.recv(65535)
    except TimeoutError:
        return "nothing"
    return json.loads(data if data.startswith(b"{") else zlib.decompress(data, 47))["level"]

for name, handler in {
    "graypy": graypy.GELFUDPHandler("127.0.0.1", port),
    "pygelf": pygelf.GelfUdpHandler("127.0.0.1", port),
    "gelfHandler": gelfHandler.GelfHandler(host="127.0.0.1", port=port),
}.items():
    levels = {"ERROR": logging.ERROR, "CRITICAL": logging.CRITICAL, "25": 25}
    print(f"{name}:", ", ".join(f"{level} {outcome(handler, number)}" for level, number in levels.items()))
PY
venv/bin/python levels.py | tee out
diff out - <<'EXPECTED'
graypy: ERROR 3, CRITICAL 2, 25 25
pygelf: ERROR 3, CRITICAL 2, 25 nothing
gelfHandler: ERROR 3, CRITICAL 9, 25 TypeError
EXPECTED
