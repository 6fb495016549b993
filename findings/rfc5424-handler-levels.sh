#!/usr/bin/env bash
# rfc5424-logging-handler 1.4.3 (PyPI), syslog after RFC 5424 for Python's logging.
#
# Levels are found by their names, and every name that the handler does not know is a warning: TRACE (5), which is less
# than DEBUG, arrives as severity 4, and so does 45, which is more than ERROR. A service that turns tracing on fills the
# warnings of whoever reads its syslog, and loses its own order of levels: 5 stands above 20.
#
# Seen: severity by level
#   5: 4, 10: 7, 15: 4, 20: 6, 25: 4, 30: 4, 35: 4, 40: 3, 45: 4, 50: 2
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv
venv/bin/pip install -q rfc5424-logging-handler==1.4.3

cat > levels.py <<'PY'
import logging, re, socket
from rfc5424logging import Rfc5424SysLogHandler

receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("127.0.0.1", 0))
receiver.settimeout(10)
logger = logging.getLogger("shop")
logger.propagate, logger.handlers = False, [Rfc5424SysLogHandler(address=receiver.getsockname())]
logger.setLevel(1)
found = []
for level in range(5, 55, 5):
    logger.log(level, "paid")
    found.append(f"{level}: {int(re.match(rb'<([0-9]+)>', receiver.recv(65535))[1]) % 8}")
print(", ".join(found))
PY
timeout 60 venv/bin/python levels.py | tee out
diff out - <<'EXPECTED'
5: 4, 10: 7, 15: 4, 20: 6, 25: 4, 30: 4, 35: 4, 40: 3, 45: 4, 50: 2
EXPECTED
