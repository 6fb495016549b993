"""Traces of senders that end messages with newlines: log4j2's syslog appender, and what resembles it."""

from __future__ import annotations

import time

import pytest

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.framing.syslog_frames import SyslogFramer
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.syslog.decoder import SyslogDecoder
from gelf_listener.codec.syslog.session import SyslogSession, join_traces
from gelf_listener.message import Message

HEAD = b"<11>1 2026-11-28T10:00:00.123Z web1 shop 77 - - "
JAVA = (
    b"order failed\n"
    b"java.lang.IllegalStateException: no stock\n"
    b"\tat com.shop.Orders.pay(Orders.java:17)\n"
    b"\tat com.shop.Main.main(Main.java:3)\n"
    b"Caused by: java.io.IOException: closed\n"
    b"\t... 1 more"
)
PYTHON = (
    b'order failed\nTraceback (most recent call last):\n  File "x.py", line 1, in f\n    1 / 0\nZeroDivisionError: no'
)


def read(*pieces: bytes) -> list[Message]:
    batch = Batch()
    receipt = Receipt("in", None, 1795860000.0, batch)
    session = SyslogSession(SyslogFramer(), SyslogDecoder("in"))
    for piece in pieces:
        session.feed(piece, receipt)
    session.feed_eof(receipt)
    assert batch.rejected == []
    return batch.messages


@pytest.mark.parametrize("text", [JAVA, PYTHON])
def test_a_trace_is_one_message(text: bytes) -> None:
    """With level, time and program of the line that has a header; messages around it are their own."""
    before, made, after = read(HEAD + b"one\n" + HEAD + text + b"\n" + HEAD + b"two\n")
    assert (made.short_message, made.level, made.host) == ("order failed", 3, "web1")
    assert made.full_message == text.decode().partition("\n")[2]
    assert made.fields["application_name"] == "shop"
    assert (before.short_message, after.short_message) == ("one", "two")


def test_lines_without_a_header_are_messages_of_their_own() -> None:
    """When they are not of a trace, or nothing with a header came before them."""
    assert [made.short_message for made in read(HEAD + b"one\ntwo\n")] == ["one", "two"]
    assert [made.short_message for made in read(b"one\n\n", b"  two\nthree")] == ["one", "  two", "three"]


def test_counted_messages_are_left_alone() -> None:
    """They say themselves where they end."""
    one = HEAD + JAVA
    (made,) = read(b"%d %s" % (len(one), one))
    assert made.short_message == "order failed"


def test_joining_is_bounded() -> None:
    """A sender of nothing but continuations costs no more than its bytes."""
    frames = [b"<14>x", *[b"\tat x"] * 200_000]
    began = time.perf_counter()
    joined = join_traces(frames)
    assert time.perf_counter() - began < 2.0
    assert max(map(len, joined)) < 300_000
    assert sum(map(len, joined)) + len(joined) - 1 == sum(map(len, frames)) + len(frames) - 1
