"""Closed connections: nothing of them waits for a collection of garbage, which in a flood comes late and takes long."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from gelf_listener.inputs.stream import StreamInput
from gelf_listener.plugins import INPUT_GROUP, load, names
from gelf_listener.testing.contracts import RecordingIntake, until

KINDS = {
    name: kind
    for name in names(INPUT_GROUP)
    if not name.endswith("+unix") and issubclass(kind := load(INPUT_GROUP, name), StreamInput)
}

_POST = b"POST /gelf HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
SENT = [
    b"",
    b'{"short_message":"frame"}\0',
    b"not a message at all\n",
    b'{"short_message":"cut',
    b"<13>1 - - - - - - syslog\n",
    b"\x16\x03\x01",
    _POST % 23 + b'\r\n{"short_message":"body"}',
    _POST % 4 + b"Content-Encoding: gzip\r\n\r\nnone",
    _POST % 4 + b"\r\ncut",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAAA\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnot a frame",
    bytes(range(256)),
]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    trustme.CA().issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(path)
    return path


def connect(port: int, data: bytes, context: ssl.SSLContext | None, ends: str) -> None:
    """Send on a connection of its own, and end it in one of the ways that clients have."""
    with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
        sock = stack.enter_context(socket.create_connection(("127.0.0.1", port), 20))
        if context is not None:
            sock = stack.enter_context(context.wrap_socket(sock))
        sock.sendall(data)
        if ends == "half":
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(4096):
                pass
        elif ends == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def left_behind() -> list[str]:
    """Collect garbage, and return what of the listener's was in it."""
    before = gc.get_debug()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
    finally:
        gc.set_debug(before)
    kinds = (type(thing) for thing in gc.garbage)
    ours = sorted({kind.__qualname__ for kind in kinds if kind.__module__.startswith(("gelf_listener", "httptools"))})
    gc.garbage.clear()
    return ours


@pytest.mark.parametrize("scheme", sorted(KINDS))
def test_a_closed_connection_leaves_no_garbage(scheme: str, certificate: Path) -> None:
    """However it ended, and whether it got as far as its protocol or not."""
    secured = "cert" in KINDS[scheme].Settings.model_fields
    given = {"cert": certificate} if secured else {}
    input = KINDS[scheme](KINDS[scheme].Settings(port=0, **given))
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE

    async def main() -> list[str]:
        await input.start(RecordingIntake())
        port = urlsplit(input.listening[0]).port
        assert port is not None
        gc.collect()
        gc.disable()
        try:
            count = 0
            for data in SENT:
                for ends in ("close", "half", "reset"):
                    for context in (None, client) if secured else (None,):
                        await asyncio.to_thread(connect, port, data, context, ends)
                        count += 1
            await until(lambda: input.counters()["connections_total"] == count)
            await until(lambda: input.counters()["connections"] == 0)
            await asyncio.sleep(0)
            return left_behind()
        finally:
            gc.enable()
            await input.close()

    assert asyncio.run(main()) == []
