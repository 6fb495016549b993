#!/usr/bin/env bash
# daiquiri 3.4.0 (PyPI), which sets Python's logging up, writing JSON.
#
# Its JSON_FORMATTER writes the text and the extra fields and nothing else: neither time nor level nor the logger's
# name, all of which its text formatters have. An error cannot be told from information, and order is all that says
# when. A formatter of python-json-logger, on which it is built, has to be given a format string that names them.
#
# Seen: what is logged, and the line
#   JSON_FORMATTER: {"message": "stock is low: 3", "order": 7, "shop": "north"}
#   a format string: {"asctime": true, "levelname": "ERROR", "name": "shop", "message": "stock is low: 3"}
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check daiquiri==3.4.0 python-json-logger==4.2.0

cat > log.py <<'PY'
import io
import json
import logging

import daiquiri
from daiquiri import formatter, output
from pythonjsonlogger.json import JsonFormatter


def logged(made):
    stream = io.StringIO()
    daiquiri.setup(level=logging.DEBUG, outputs=[output.Stream(stream, formatter=made)])
    daiquiri.getLogger("shop", order=7).error("stock is low: %d", 3, shop="north")
    return json.loads(stream.getvalue())


print("JSON_FORMATTER:", json.dumps(logged(formatter.JSON_FORMATTER)))
own = logged(JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
own["asctime"] = bool(own["asctime"])
print("a format string:", json.dumps({name: own[name] for name in ("asctime", "levelname", "name", "message")}))
PY
venv/bin/python log.py | tee seen
diff - seen <<'SEEN'
JSON_FORMATTER: {"message": "stock is low: 3", "order": 7, "shop": "north"}
a format string: {"asctime": true, "levelname": "ERROR", "name": "shop", "message": "stock is low: 3"}
SEEN
