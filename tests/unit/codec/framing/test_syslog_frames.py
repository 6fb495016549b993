"""RFC 6587: counted octets, newlines and NULs, told apart; every stream whole and byte by byte."""

from __future__ import annotations

import pytest

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
