"""Traces of senders that end messages with newlines: log4j2's syslog appender, and what resembles it."""

from __future__ import annotations

import pytest

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.framing.syslog_frames import SyslogFramer
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.syslog.decoder import SyslogDecoder
from gelf_listener.codec.syslog.session import SyslogSession
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


@pytest.mark.parametrize("text", [JAVA, PYTHON])
def test_reads_that_end_within_a_line(text: bytes) -> None:
    """Wherever that is: what goes on belongs to the message before, and what does not is another."""
    stream = HEAD + text + b"\n" + HEAD + b"two\nthree\n"
    whole = [made.short_message for made in read(stream)]
    assert whole == ["order failed", "two", "three"]
    for cut in range(1, len(stream)):
        if stream[cut - 1 : cut] != b"\n":
            assert [made.short_message for made in read(stream[:cut], stream[cut:])] == whole, cut


def test_what_waits_for_the_rest_of_a_line() -> None:
    """A message does, until the line has ended, another begins, or the connection ends; its bytes are pending."""
    batch = Batch()
    receipt = Receipt("in", None, 1795860000.0, batch)
    session = SyslogSession(SyslogFramer(), SyslogDecoder("in"))
    for piece, made, pending in (
        (HEAD + b"one\n", 1, False),
        (HEAD + b"two\n\tat a", 1, True),
        (b".b\n", 2, False),
        (HEAD + b"three\n ", 2, True),
        (HEAD, 3, True),
        (b"four\nCaused by: x.Y", 3, True),
    ):
        session.feed(piece, receipt)
        assert (len(batch.messages), session.pending_bytes > 0) == (made, pending), piece
    session.feed_eof(receipt)
    assert [made.short_message.partition("\n")[0] for made in batch.messages] == ["one", "two", "three", "four"]
    assert session.pending_bytes == 0


@pytest.mark.parametrize("read_bytes", [7, 1_000_000])
def test_joining_is_bounded(read_bytes: int) -> None:
    """A sender of nothing but continuations costs no more than its bytes, whatever the reads."""
    stream = b"<14>x\n" + b"\tat x\n" * 6_000
    batch = Batch()
    receipt = Receipt("in", None, 1795860000.0, batch)
    session = SyslogSession(SyslogFramer(), SyslogDecoder("in"))
    most = 0
    for start in range(0, len(stream), read_bytes):
        session.feed(stream[start : start + read_bytes], receipt)
        most = max(most, session.pending_bytes)
    session.feed_eof(receipt)
    assert most < 300_000
    lines = sum(made.raw.count(b"\n") + 1 for made in batch.messages)
    assert lines == 6_001


def test_a_sender_that_ends_nothing() -> None:
    """Its messages are decoded after a pause, traces whole."""
    batch = Batch()
    receipt = Receipt("in", None, 1795860000.0, batch)
    session = SyslogSession(SyslogFramer(), SyslogDecoder("in"))
    session.feed(HEAD + b"one", receipt)
    assert batch.messages == []
    session.rest(receipt)
    session.feed(HEAD + PYTHON, receipt)
    session.feed(HEAD + b"two", receipt)
    session.rest(receipt)
    assert [made.short_message for made in batch.messages] == ["one", "order failed", "two"]
    assert batch.messages[1].full_message == PYTHON.decode().partition("\n")[2]
    assert session.pending_bytes == 0
