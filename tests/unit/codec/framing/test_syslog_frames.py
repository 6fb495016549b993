"""RFC 6587: counted octets, newlines and NULs, told apart; every stream whole and byte by byte."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelf_listener.codec import Batch, Receipt
from gelf_listener.codec.framing.syslog_frames import SyslogFramer

LIMIT = 100


def cut(*pieces: bytes) -> tuple[list[bytes], list[str]]:
    framer = SyslogFramer(LIMIT)
    receipt = Receipt("in", None, 0.0, Batch())
    frames = [frame for piece in pieces for frame in framer.feed(piece, receipt)]
    frames += framer.feed_eof(receipt)
    assert framer.pending_bytes == 0
    return frames, [each.reason.value for each in receipt.batch.rejected]


STREAMS = [
    ("newlines", b"<14>one\n<14>two\r\n<14>three\n", [b"<14>one", b"<14>two\r", b"<14>three"], []),
    ("no newline at the end", b"<14>one\n<14>two", [b"<14>one", b"<14>two"], []),
    ("NULs", b"<14>one\0<14>two\0", [b"<14>one", b"<14>two"], []),
    ("counted", b"7 <14>one10 <14>two\nhas", [b"<14>one", b"<14>two\nha", b"s"], []),
    ("counted, with a NUL inside", b"9 <14>a\0b\nc7 <14>one", [b"<14>a\0b\nc", b"<14>one"], []),
    ("counted, and a newline behind each", b"7 <14>one\n7 <14>two\n", [b"<14>one", b"<14>two"], []),
    ("a count at the end of the stream", b"7 <14>one70 <14>two", [b"<14>one", b"<14>two"], []),
    ("a number that is not a count", b"2026 was\n7 up\n", [b"2026 was", b"7 up"], []),
    ("a long number", b"12345678901234 <14>x\n", [b"12345678901234 <14>x"], []),
    ("blank lines", b"\n\n <14>one\n\n", [b"<14>one"], []),
    ("too long", b"<14>" + b"x" * LIMIT + b"\n<14>two\n", [b"<14>two"], ["frame_too_large"]),
    ("as long as may be", b"<14>" + b"x" * (LIMIT - 4) + b"\n<14>two\n", [b"<14>" + b"x" * (LIMIT - 4), b"<14>two"], []),
    ("a count too large", b"101 <14>" + b"x" * 97 + b"7 <14>two", [b"<14>two"], ["frame_too_large"]),
    ("as much as may be counted", b"100 <14>" + b"x" * 96 + b"7 <14>two", [b"<14>" + b"x" * 96, b"<14>two"], []),
    ("nothing", b"", [], []),
]  # fmt: skip


@pytest.mark.parametrize(("stream", "frames", "reasons"), [pytest.param(*case[1:], id=case[0]) for case in STREAMS])
def test_framing(stream: bytes, frames: list[bytes], reasons: list[str]) -> None:
    """However the stream is read."""
    assert cut(stream) == (frames, reasons)
    assert cut(*[stream[at : at + 1] for at in range(len(stream))]) == (frames, reasons)
    for middle in range(len(stream)):
        assert cut(stream[:middle], stream[middle:]) == (frames, reasons)


def test_newlines_of_a_traceback() -> None:
    """Python's SysLogHandler ends messages with a NUL: newlines before it belong to the text."""
    assert cut(b"<11>Traceback\n  File x\0<14>two\0") == ([b"<11>Traceback\n  File x", b"<14>two"], [])


def test_a_nul_settles_it() -> None:
    """A stream of lines that shows a NUL is one of NULs from then on."""
    assert cut(b"<14>one\n", b"<14>two\0<14>a\nb\0") == ([b"<14>one", b"<14>two", b"<14>a\nb"], [])


def test_a_stray_nul_settles_nothing() -> None:
    """A byte within a text of a sender of lines; before, all that followed was held as one frame."""
    lines = [b"<14>bin\0ary", b"<14>two", b"<14>three"]
    assert cut(b"".join(line + b"\n" for line in lines)) == (lines, [])
    assert cut(b"<14>one\n", *(line + b"\n" for line in lines)) == ([b"<14>one", *lines], [])


def test_nothing_is_held_of_what_is_too_long() -> None:
    """A stream without any delimiter costs no memory."""
    framer = SyslogFramer(LIMIT)
    receipt = Receipt("in", None, 0.0, Batch())
    for _ in range(1000):
        assert framer.feed(b"x" * 50, receipt) == []
        assert framer.pending_bytes <= LIMIT
    assert len(receipt.batch.rejected) == 1
    assert framer.feed(b"\n<14>two\n", receipt) == [b"<14>two"]


ONE, TWO = b"<11>1 2026-11-28T10:00:00.123Z web1 shop 77 - - one", b"<12>Nov 28 10:00:00 web1 shop: two\n more"
"""Messages that winston-syslog writes, and nothing behind them."""


def framer_and_receipt() -> tuple[SyslogFramer, Receipt]:
    return SyslogFramer(3 * LIMIT), Receipt("in", None, 0.0, Batch())


def test_a_sender_that_ends_nothing() -> None:
    """A pause ends the first, and from then on a header does, wherever the stream is cut."""
    framer, receipt = framer_and_receipt()
    assert framer.feed(ONE, receipt) == []
    assert framer.rest() == [ONE]
    assert framer.pending_bytes == 0
    three = ONE.replace(b"one", b"three")
    stream = three + ONE + three
    frames = [frame for at in range(len(stream)) for frame in framer.feed(stream[at : at + 1], receipt)]
    assert frames == [three, ONE]
    assert framer.rest() == [three]
    assert framer.feed(TWO, receipt) + framer.feed(ONE, receipt) + framer.feed_eof(receipt) == [TWO, ONE]
    assert framer.rest() == []
    assert receipt.batch.rejected == []


def test_messages_that_came_together_before_a_pause() -> None:
    """They begin with a header each."""
    framer, receipt = framer_and_receipt()
    assert framer.feed(ONE + ONE, receipt) == []
    assert framer.rest() == [ONE, ONE]


def test_a_sender_that_ends_nothing_but_its_connection() -> None:
    """Rust's syslog crate 7.0, whose connection ends before the pause: each message is one all the same."""
    one, two = (
        b"<131>Nov 30 20:17:40 web1 shop[7]: order failed",
        b"<132>1 2026-11-30T20:17:40.438013Z web1 shop 7 2 - low",
    )
    for cuts in ([one + two], [one, two], [one + two[:9], two[9:]]):
        framer, receipt = framer_and_receipt()
        frames = [frame for cut in cuts for frame in framer.feed(cut, receipt)]
        assert [*frames, *framer.feed_eof(receipt)] == [one, two]
        assert framer.pending_bytes == 0
    framer, receipt = framer_and_receipt()
    assert framer.feed(one + b"\n" + one + two, receipt) + framer.feed_eof(receipt) == [one, one + two]


def test_a_pause_ends_nothing_of_senders_that_end_messages() -> None:
    """Neither of those that count, nor of those with delimiters, nor what has no header."""
    for before, end in ((b"7 <14>one", b"\n"), (b"<14>one\n", b"\n"), (b"<14>one\0", b"\0")):
        framer, receipt = framer_and_receipt()
        assert framer.feed(before + ONE[:20], receipt) == [b"<14>one"]
        assert framer.rest() == []
        assert framer.feed(ONE[20:] + end, receipt) == [ONE]
    framer, receipt = framer_and_receipt()
    assert framer.feed(b"no header", receipt) + framer.rest() == []


def test_a_slow_sender_of_lines_is_one_again_with_its_first_line_end() -> None:
    """A pause within its first message divides it, and nothing else."""
    framer, receipt = framer_and_receipt()
    assert framer.feed(ONE, receipt) + framer.rest() == [ONE]
    assert framer.feed(b" and more\n", receipt) == [b"and more"]
    assert framer.feed(b"<14>x <12>Nov 28 10:00:00 y\n<14>z", receipt) == [b"<14>x <12>Nov 28 10:00:00 y"]
    assert framer.rest() == []


def test_what_is_too_long_of_a_sender_that_ends_nothing() -> None:
    """It is rejected, and the next header begins a message."""
    framer, receipt = framer_and_receipt()
    assert framer.feed(ONE, receipt) + framer.rest() == [ONE]
    assert framer.feed(ONE + b"x" * 3 * LIMIT, receipt) == []
    assert framer.pending_bytes == 0
    assert [each.reason.value for each in receipt.batch.rejected] == ["frame_too_large"]
    assert framer.feed(TWO, receipt) + framer.rest() == [TWO]


def test_a_text_that_ends_with_a_newline_from_a_sender_that_ends_nothing() -> None:
    """It ends no message but its own; before, what waited was glued to it, and all that followed to one another."""
    framer, receipt = framer_and_receipt()
    assert framer.feed(ONE, receipt) + framer.rest() == [ONE]
    assert framer.feed(TWO, receipt) == []
    assert framer.feed(ONE + b"\n", receipt) == [TWO]
    assert framer.feed(TWO + b"\n", receipt) + framer.feed(TWO + b"\n", receipt) == [ONE, TWO]
    assert framer.feed(ONE, receipt) + framer.rest() == [TWO, ONE]
    assert framer.feed(ONE + b"\n", receipt) + framer.feed(TWO, receipt) == [ONE]
    assert framer.rest() == [TWO]


def test_a_slow_sender_of_lines_that_pauses_before_the_line_end() -> None:
    """What follows is cut into lines, for the header has a line end before it."""
    framer, receipt = framer_and_receipt()
    assert framer.feed(ONE, receipt) + framer.rest() == [ONE]
    assert framer.feed(b"\n" + ONE + b"\nmore\n", receipt) == [ONE, b"more"]
    assert framer.feed(ONE, receipt) + framer.rest() == []


_HEADERS = st.sampled_from([ONE[:-3], b"<12>Nov 28 10:00:00 web1 shop: ", b"<191>1 - web1 shop - - - "])
_TEXTS = st.text(alphabet="ab< >1\n\t", max_size=20).map(str.encode)
_CUTS = st.lists(st.integers(0, 400), max_size=12)


def _reads(stream: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    return [stream[start:stop] for start, stop in pairwise(places)]


@given(st.lists(st.tuples(_HEADERS, _TEXTS, st.booleans()), min_size=1, max_size=6), _CUTS)
def test_messages_that_nothing_ends_stay_apart(messages: list[tuple[bytes, bytes, bool]], cuts: list[int]) -> None:
    """Wherever the reads end, and whatever their texts end with, once a pause has ended the first."""
    framer, receipt = framer_and_receipt()
    frames = framer.feed(ONE, receipt) + framer.rest()
    stream = b""
    for header, text, pause in messages:
        stream += header + text
        if pause:
            frames += [frame for read in _reads(stream, cuts) for frame in framer.feed(read, receipt)] + framer.rest()
            stream = b""
    frames += [frame for read in _reads(stream, cuts) for frame in framer.feed(read, receipt)]
    assert frames + framer.feed_eof(receipt) == [ONE, *((header + text).strip() for header, text, _ in messages)]


@given(st.lists(st.tuples(_HEADERS, _TEXTS.map(bytes.split)), min_size=1, max_size=6), _CUTS, st.integers(0, 60))
def test_lines_of_a_slow_sender_stay_apart(
    messages: list[tuple[bytes, list[bytes]]], cuts: list[int], pause: int
) -> None:
    """A pause within the first message divides it there, and no other, wherever the reads end."""
    framer, receipt = framer_and_receipt()
    first = ONE + b" x" * 30
    lines = [header + b" ".join(words) for header, words in messages]
    frames = framer.feed(first[: 50 + pause], receipt) + framer.rest()
    stream = first[50 + pause :] + b"\n" + b"".join(line + b"\n" for line in lines)
    frames += [frame for read in _reads(stream, cuts) for frame in framer.feed(read, receipt)]
    assert b"".join(frames).replace(b" ", b"") == b"".join([first, *lines]).replace(b" ", b"")
    assert [frame.strip() for frame in frames[-len(lines) :]] == [line.strip() for line in lines]
