#!/usr/bin/env bash
# aiofluent 1.2.9 (PyPI), Fluentd's client for asyncio, with the handler that its README shows.
#
# The handler's queue is made by a task that the first record starts. What is logged before the event loop has run that task, such as
# a second and a third record in the same coroutine, is dropped with a line on standard error that names neither: so of
# what a service logs while it starts only the first record arrives.
#
# Seen:
#   one
#   four
#   on standard error: 2 x Error sending async fluentd message
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv
venv/bin/pip install -q aiofluent==1.2.9 msgpack==1.2.4

cat > send.py <<'PY'
import asyncio
import logging
import socket

import msgpack
from aiofluent.handler import FluentHandler, FluentRecordFormatter

server = socket.create_server(("127.0.0.1", 0))


async def main():
    handler = FluentHandler("shop", host="127.0.0.1", port=server.getsockname()[1])
    handler.setFormatter(FluentRecordFormatter())
    logger = logging.getLogger("shop")
    logger.propagate, logger.handlers = False, [handler]
    for text in ("one", "two", "three"):
        logger.warning(text)
    await asyncio.sleep(1)
    logger.warning("four")
    await asyncio.sleep(1)


asyncio.run(main())
client = server.accept()[0]
client.settimeout(1)
unpacker = msgpack.Unpacker()
try:
    while data := client.recv(65536):
        unpacker.feed(data)
except TimeoutError:  # the client leaves its connection open
    pass
for _, _, record in unpacker:
    print(record["message"])
PY
timeout 60 venv/bin/python send.py > out 2> errors
echo "on standard error: $(grep -c . errors) x $(sort -u errors)" >> out
cat out
diff out - <<'EXPECTED'
one
four
on standard error: 2 x Error sending async fluentd message
EXPECTED
