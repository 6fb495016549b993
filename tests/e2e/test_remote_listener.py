"""RemoteListener: the questions of a test, asked of a listener in a process of its own, over its API."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.errors import GelfError, QueryError, Reason
from gelf_listener.message import Peer
from gelf_listener.testing import RemoteListener
from tests.e2e.listener import Listener, free_port, until

TOKEN = "a-token-of-this-test-only"


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    directory = tmp_path_factory.mktemp("remote")
    environment = {"GELF_API_TOKENS": TOKEN, "GELF_API_AUTH": "on"}
    store = f"store://{directory}/store"
    with Listener(directory, "gelf+udp://127.0.0.1:0", outputs=[store], environment=environment) as running:
        yield running


@pytest.fixture
def remote(listener: Listener) -> RemoteListener:
    """Emptied before each test."""
    made = RemoteListener(listener.api_url + "/", TOKEN)
    made.clear()
    assert made.messages() == []
    return made


def send(listener: Listener, *payloads: dict[str, Any] | bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for payload in payloads:
            if isinstance(payload, dict):
                payload = json.dumps({"version": "1.1", "host": "web", "level": 6} | payload).encode()
            sock.sendto(payload, listener.endpoint("gelf+udp").address)


def test_waiting(listener: Listener, remote: RemoteListener) -> None:
    """What is stored and what comes, in order; messages have all that is known but their payload."""
    send(listener, {"short_message": "order 1", "_user_id": 42, "full_message": "order 1\nmore"})
    later = threading.Timer(0.2, send, [listener, {"short_message": "order 2", "_user_id": 42}])
    later.start()
    first, second = remote.wait_for("order AND user_id:42", count=2, timeout=30)
    later.join()
    assert [first.short_message, second.short_message] == ["order 1", "order 2"]
    assert (first.host, first.level, first.full_message) == ("web", 6, "order 1\nmore")
    assert first.fields == {"user_id": 42}
    assert first.peer == Peer("127.0.0.1", first.peer.port if first.peer else 0)
    assert first.received_at <= second.received_at
    assert first.id < second.id
    assert [each.id for each in remote.messages("order")] == [first.id, second.id]


def test_too_few(listener: Listener, remote: RemoteListener) -> None:
    """As in process: what came instead, and why it does not match."""
    send(listener, {"short_message": "order 1", "_user_id": 43}, {"short_message": "order 2", "_user_id": 42})
    until(lambda: len(remote.messages()) == 2)
    with pytest.raises(AssertionError) as caught:
        remote.wait_for("order AND user_id:42", count=2, timeout=0.05)
    lines = str(caught.value).splitlines()
    assert lines[0] == "1 of 2 messages match within 0.05 s: order AND user_id:42"
    assert lines[2].endswith("web order 2  user_id=42")
    assert lines[4].endswith("web order 1  user_id=43")
    assert lines[5] == "    - user_id:42: user_id is 43"
    remote.clear()
    with pytest.raises(AssertionError, match=r"nothing arrived at the listener of http://127\.0\.0\.1:"):
        remote.wait_for("order", timeout=0)


def test_none(listener: Listener, remote: RemoteListener) -> None:
    """It holds, and fails at once when something is there."""
    remote.assert_none(within=0.05)
    send(listener, {"short_message": "order 1"})
    with pytest.raises(AssertionError, match=r"should not be there: order\n.*order 1"):
        remote.assert_none("order", within=60)


def test_asynchronous(listener: Listener, remote: RemoteListener) -> None:
    """The test's loop goes on meanwhile."""

    async def main() -> None:
        waiting = asyncio.create_task(remote.wait_for_async("late", timeout=30))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        send(listener, {"short_message": "late"})
        assert len(await waiting) == 1
        await remote.assert_none_async("level:<=3", within=0.01)

    asyncio.run(main())


def test_rejected(listener: Listener, remote: RemoteListener) -> None:
    """The latest last, with the payload."""
    send(listener, b"", b"nonsense")
    until(lambda: len(remote.rejected) >= 2)
    last = remote.rejected[-1]
    assert (last.reason, last.payload, last.payload_bytes) == (Reason.INVALID_JSON, b"nonsense", 8)
    assert last.peer is not None
    assert remote.rejected[-2].reason is Reason.EMPTY_PAYLOAD


def test_mistakes(listener: Listener, remote: RemoteListener) -> None:
    """A query that is none, a login that is missing, a port where nothing is listening, a server that is another."""
    with pytest.raises(QueryError) as caught:
        remote.wait_for("level:(3")
    assert caught.value.column == 7
    with pytest.raises(GelfError, match=r"answered 401: .*; give a token"):
        RemoteListener(listener.api_url).messages()
    with pytest.raises(GelfError, match="nothing answers at"):
        RemoteListener(f"http://127.0.0.1:{free_port()}").wait_for()
    with pytest.raises(GelfError, match="answered 400: count"):
        remote.wait_for(count=0)


def test_a_page_is_no_listener(tmp_path: Path) -> None:
    """Another server's page of HTML is told from an answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises(GelfError, match="is neither a gelf-listener"):
            RemoteListener(f"http://127.0.0.1:{server.getsockname()[1]}").messages()
        thread.join(5)
