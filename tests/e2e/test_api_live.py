"""The live feed of a real listener: what arrives is seen, in order, and a slow reader holds nobody up."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import pytest

from tests.e2e.conftest import Start
from tests.e2e.listener import ANSWER_SECONDS, Listener, until
from tests.e2e.wire import gelf, send_udp


class Event(NamedTuple):
    name: str
    id: str
    data: Any


@contextmanager
def watching(listener: Listener, path: str, headers: dict[str, str] | None = None) -> Iterator[Iterator[Event]]:
    """Events of a stream; the watcher is there when the block begins."""
    with (
        httpx.Client(base_url=listener.api_url, timeout=60) as client,
        client.stream("GET", f"/api/gelf/live{path}", headers=headers or {}) as answer,
    ):
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert next(lines) == "retry: 1000"
        assert next(lines) == ""
        yield events(lines)


def events(lines: Iterator[str]) -> Iterator[Event]:
    found: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            found[name] = value
        else:
            yield Event(found.get("event", ""), found.get("id", ""), json.loads(found["data"]))
            found = {}


def seen(stream: Iterator[Event], count: int) -> list[dict[str, Any]]:
    """So many messages, from as many events as they came in."""
    messages: list[dict[str, Any]] = []
    while len(messages) < count:
        event = next(stream)
        if event.name == "messages":
            messages += event.data
            assert event.id == messages[-1]["id"]
    assert len(messages) == count
    return messages


def test_what_arrives_is_seen(start: Start) -> None:
    """What matches the query, with the fields that were asked for."""
    listener = start("gelf+udp://127.0.0.1:0")
    address = listener.endpoint("gelf+udp").address
    with watching(listener, "?query=" + quote("level:<=3 AND source:web") + "&fields=user_id") as stream:
        send_udp(address, gelf("fine", host="web", level=6), gelf("bad", host="web", level=3, _user_id=42, _b=1))
        send_udp(address, gelf("worse", host="web", level=2), gelf("other", host="db", level=2))
        bad, worse = seen(stream, 2)
    assert (bad["short_message"], bad["fields"], bad["level"]) == ("bad", {"user_id": 42}, 3)
    assert (worse["short_message"], worse["fields"]) == ("worse", {})
    assert bad["id"] < worse["id"]


def test_where_the_stored_ones_end(start: Start, tmp_path: Path) -> None:
    """A stream says once that what comes now arrives now, also when nothing was stored."""
    listener = start("gelf+udp://127.0.0.1:0", outputs=[f"store://{tmp_path}/store"])
    address = listener.endpoint("gelf+udp").address
    with watching(listener, "?tail=10") as stream:
        assert next(stream) == ("following", "", {"stored": 0})
        send_udp(address, gelf("one"))
        seen(stream, 1)
    with watching(listener, "?tail=10") as stream:
        assert seen(stream, 1)[0]["short_message"] == "one"
        assert next(stream)[::2] == ("following", {"stored": 1})


def test_two_watchers_and_none_left(start: Start) -> None:
    """Each gets its own; who goes is forgotten."""
    listener = start("gelf+udp://127.0.0.1:0")
    address = listener.endpoint("gelf+udp").address
    with watching(listener, "?query=a") as first, watching(listener, "?query=b") as second:
        send_udp(address, gelf("a"), gelf("b"))
        assert seen(first, 1)[0]["short_message"] == "a"
        assert seen(second, 1)[0]["short_message"] == "b"
        assert json.loads(listener.get("/api/gelf/stats")[1])["watchers"] == 2
    until(lambda: json.loads(listener.get("/api/gelf/stats")[1])["watchers"] == 0, what="both are gone")


def test_a_query_that_is_none(start: Start) -> None:
    """400, with the column, instead of a stream."""
    listener = start("gelf+udp://127.0.0.1:0")
    status, text = listener.get("/api/gelf/live?query=level:(")
    assert (status, json.loads(text)["column"]) == (400, 8)


def test_a_reader_that_does_not_read(start: Start) -> None:
    """It loses messages and is told so; the output file has all of them."""
    listener = start("gelf+tcp://127.0.0.1:0")
    host, port = listener.api_url.removeprefix("http://").split(":")
    count, text = 30_000, "x" * 1000
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect((host, int(port)))
        reader.settimeout(ANSWER_SECONDS)
        reader.sendall(f"GET /api/gelf/live HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        assert reader.recv(12) == b"HTTP/1.1 200"
        with socket.create_connection(listener.endpoint("gelf+tcp").address) as sender:
            sender.sendall(b"".join(gelf(f"{number} {text}") + b"\0" for number in range(count)))
        listener.messages(count, 60)
        received = b""
        deadline = time.monotonic() + ANSWER_SECONDS
        while b"event: missed" not in received and time.monotonic() < deadline:
            received = received[-20:] + reader.recv(1 << 20)
        assert b"event: missed" in received
    status, report = listener.stop()
    assert status == 0
    assert f"stopped: {count:,} messages taken, 0 rejected" in report
    assert "dropped" not in report


def test_the_end_of_the_listener_ends_the_stream(start: Start) -> None:
    """At once, not after a time-out."""
    listener = start("gelf+udp://127.0.0.1:0")
    with watching(listener, "") as stream:
        send_udp(listener.endpoint("gelf+udp").address, gelf("last"))
        assert seen(stream, 1)
        began = time.monotonic()
        assert listener.stop()[0] == 0
        assert time.monotonic() - began < 20
        with pytest.raises(StopIteration):
            next(stream)
