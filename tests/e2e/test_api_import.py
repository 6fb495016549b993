"""Files put into a real listener through its API."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import httpx

from tests.e2e.conftest import Start
from tests.e2e.listener import ANSWER_SECONDS
from tests.e2e.wire import gelf


def test_a_large_file(start: Start) -> None:
    """Tens of megabytes arrive whole and in order, in little memory."""
    listener = start("gelf+udp://127.0.0.1:0")
    httpx.get(listener.api_url + "/api/gelf/stats", timeout=ANSWER_SECONDS)
    before = listener.memory()[1]
    text = "x" * 1000

    def lines() -> Iterator[bytes]:
        for begin in range(0, 40_000, 1000):
            yield b"".join(gelf(f"{number} {text}") + b"\n" for number in range(begin, begin + 1000))

    answer = httpx.post(
        listener.api_url + "/api/gelf/import", content=lines(), headers={"X-Requested-By": "me"}, timeout=60
    )
    assert answer.json() == {"messages": 40_000, "rejected": 0, "reasons": {}}
    written = listener.messages(40_000, 30)
    assert [int(line["short_message"].split()[0]) for line in written] == list(range(40_000))
    assert listener.memory()[1] - before < 150


def test_a_client_that_goes_away_in_the_middle(start: Start) -> None:
    """What came is taken; the log is not filled with its misfortune."""
    listener = start("gelf+udp://127.0.0.1:0")
    host, port = listener.api_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        head = f"POST /api/gelf/import HTTP/1.1\r\nHost: {host}:{port}\r\nX-Requested-By: me\r\n"
        connection.sendall(head.encode() + b"Content-Length: 1000000\r\n\r\n" + gelf("first") + b"\n" + b'{"short')
        listener.messages(1)
    time.sleep(0.5)
    assert listener.health()[0] == 200
    assert "Traceback" not in listener.log
    assert listener.stop()[0] == 0
