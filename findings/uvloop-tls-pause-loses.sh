#!/usr/bin/env bash
# uvloop 0.23.0, its TLS transport on the server's side.
#
# A protocol that calls pause_reading(), for back-pressure, loses data when the client closes meanwhile: what uvloop had
# read from the socket before, up to some hundred kilobytes that are not decrypted yet, is dropped when it sees the end of
# the stream. resume_reading() is followed by connection_lost(None), without data, without eof_received(), and without an
# error. asyncio's own loop hands on every byte, and so does uvloop without TLS.
#
# Every client that writes, closes and never reads is affected, as loggers do, whenever the server is busy for a moment.
#
# Seen (of 2,000,000 bytes):
#   asyncio plain: none lost
#   asyncio TLS: none lost
#   uvloop plain: none lost
#   uvloop TLS: some lost, connection_lost(None)
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uvloop==0.23.0 trustme==1.2.1

cat > show.py <<'PY'
import asyncio
import socket
import ssl
import threading

import trustme
import uvloop

SENT = 2_000_000
authority = trustme.CA()
server_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
server_context.num_tickets = 0  # unread tickets would make the client's closing a reset
authority.issue_cert("localhost").configure_cert(server_context)
client_context = ssl.create_default_context()
authority.configure_trust(client_context)


class Pausing(asyncio.Protocol):
    """Pauses after each read, and goes on a while later."""

    def __init__(self, lost):
        self.lost, self.received = lost, 0

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.received += len(data)
        self.transport.pause_reading()
        asyncio.get_running_loop().call_later(0.3, self.transport.resume_reading)

    def connection_lost(self, exc):
        self.lost.set_result((self.received, exc))


def client(port, tls):
    sock = socket.create_connection(("127.0.0.1", port))
    if tls:
        sock = client_context.wrap_socket(sock, server_hostname="localhost")
    for _ in range(SENT // 1000):
        sock.sendall(bytes(1000))
    sock.close()


async def show(name, tls):
    lost = asyncio.get_running_loop().create_future()
    context = server_context if tls else None
    server = await asyncio.get_running_loop().create_server(lambda: Pausing(lost), "127.0.0.1", 0, ssl=context)
    threading.Thread(target=client, args=(server.sockets[0].getsockname()[1], tls)).start()
    received, exc = await asyncio.wait_for(lost, 60)
    end = "none lost" if received == SENT else f"some lost, connection_lost({exc})"
    print(f"{name} {'TLS' if tls else 'plain'}: {end}")
    server.close()


for name, loop in (("asyncio", asyncio.new_event_loop), ("uvloop", uvloop.new_event_loop)):
    for tls in (False, True):
        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(show(name, tls))
PY
venv/bin/python show.py | tee out
diff out - <<'EXPECTED'
asyncio plain: none lost
asyncio TLS: none lost
uvloop plain: none lost
uvloop TLS: some lost, connection_lost(None)
EXPECTED
