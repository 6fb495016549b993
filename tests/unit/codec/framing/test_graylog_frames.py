"""GraylogFramer: one delimiter, and frames that end the connection."""

from __future__ import annotations

import pytest

from gelf_listener.codec import Batch, Receipt
from gelf_listener.codec.framing.graylog_frames import GraylogFramer
from gelf_listener.errors import Reason
from gelf_listener.message import Peer

HELLO = b'{"short_message":"hello"}'
LIMIT = 1024


def feed(framer: GraylogFramer, *pieces: bytes, end: bool = False) -> tuple[list[bytes], list[Reason]]:
    batch = Batch()
    receipt = Receipt("test", Peer("192.0.2.1", 1), 0.0, batch)
    frames = [frame for piece in pieces for frame in framer.feed(piece, receipt)]
    if end:
        frames += framer.feed_eof(receipt)
    return frames, [rejected.reason for rejected in batch.rejected]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_however_it_is_cut(size: int) -> None:
    """Newlines, compressed bytes and octet counts mean nothing, and the last frame needs no NUL."""
    stream = HELLO + b"\n" + HELLO + b"\0" + b"25 " + HELLO + b"\0" + HELLO
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert feed(GraylogFramer(LIMIT), *pieces, end=True) == ([HELLO + b"\n" + HELLO, b"25 " + HELLO, HELLO], [])


@pytest.mark.parametrize("short", [b"", b" ", b"{"])
def test_a_short_frame_ends_the_connection(short: bytes) -> None:
    """What came in the same read is still taken; the client's bug is rejected once."""
    framer = GraylogFramer(LIMIT)
    assert feed(framer, HELLO + b"\0" + short + b"\0" + short + b"\0" + HELLO + b"\0") == (
        [HELLO, HELLO],
        [Reason.EMPTY_PAYLOAD],
    )
    assert framer.ended
    assert not framer.unread


def test_at_the_limit_and_beyond() -> None:
    """A frame of exactly the limit is taken; one byte more ends the connection."""
    framer = GraylogFramer(LIMIT)
    assert feed(framer, b"x" * LIMIT, b"\0" + HELLO + b"\0") == ([b"x" * LIMIT, HELLO], [])
    assert not framer.ended
    assert feed(framer, b"x" * (LIMIT + 1) + b"\0" + HELLO + b"\0") == ([HELLO], [Reason.FRAME_TOO_LARGE])
    assert framer.ended
    assert not framer.unread


def test_a_frame_without_end_resets_the_connection() -> None:
    """Nothing of it is held."""
    framer = GraylogFramer(LIMIT)
    assert feed(framer, b"x" * LIMIT, b"x") == ([], [Reason.FRAME_TOO_LARGE])
    assert framer.ended
    assert framer.unread
    assert framer.pending_bytes == 0


def test_a_long_read() -> None:
    """What a read holds beyond the point where a frame became too long is lost; Graylog reads less at once."""
    framer = GraylogFramer(LIMIT)
    assert feed(framer, HELLO + b"\0" + b"x" * 70_000 + b"\0" + HELLO + b"\0") == ([HELLO], [Reason.FRAME_TOO_LARGE])
    assert framer.unread


def test_lines() -> None:
    """A carriage return before a newline belongs to it."""
    framer = GraylogFramer(LIMIT, b"\n")
    assert feed(framer, HELLO + b"\r\n" + HELLO, b"\n" + HELLO, end=True) == ([HELLO, HELLO, HELLO], [])
