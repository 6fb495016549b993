"""
Framing: where does a message end in a stream?

GELF over TCP ends each frame with a NUL. Real clients also end them with a newline (logging-gelf, a forgetful
rsyslog), with both (log4j2), with nothing before they close (gelf-pro, ``nc``), or count octets (rsyslog set
wrongly); and some compress frames although compressed bytes may contain NULs (asyncgelf, log4j2).

Laws of the `GelfFramer`:

* A NUL always ends a frame, except inside a compressed frame, which ends where its stream does.
* A newline ends a frame only on a stream that has shown no NUL so far, and only behind a first line that is a
  whole JSON value (one that needs repairing will do) or no JSON at all; the first NUL turns this off for good. So
  pretty-printed JSON and raw newlines inside strings survive.
* A frame that starts with digits, a space and a brace is octet-counted (RFC 6587).
* Nothing is emitted twice, nothing between delimiters is lost: blank frames are the only ones left out.
* At most ``max_frame_bytes`` are held, of a compressed frame too: it is inflated when it has ended. A longer frame is
  rejected once and skipped up to its delimiter, or for as long as its count says.
"""

from __future__ import annotations

import enum
import re
import zlib
from itertools import islice

import msgspec

from gelf_listener.codec.compression import is_gzip, is_zlib
from gelf_listener.codec.gelf.tolerant import find_values
from gelf_listener.codec.receipt import Receipt
from gelf_listener.errors import Reason, Rejected

_OBJECTS_ONLY = {b"{"}
"""First bytes of frames that need no closer look."""

_OCTET_COUNT = re.compile(rb"([1-9][0-9]{0,8}) \{")
_MAYBE_OCTET_COUNT = re.compile(rb"[1-9][0-9]{0,8} ?\Z")
_BLANK = b"\0\r\n \t"
_BLANKS = re.compile(rb"[\0\r\n \t]++")


_ZLIB_OR_GZIP = 32 + zlib.MAX_WBITS


class _Mode(enum.Enum):
    UNKNOWN = "unknown"
    NUL = "nul"
    LINE = "line"


class GelfFramer:
    """
    Cuts a byte stream into frames.

    Args:
        max_frame_bytes: Longest frame, delimiter not counted.
        max_payload_bytes: Most bytes a compressed frame may inflate to.
    """

    def __init__(self, max_frame_bytes: int = 2 * 1024 * 1024, max_payload_bytes: int = 8 * 1024 * 1024) -> None:
        self.max_frame_bytes = max_frame_bytes
        self.max_payload_bytes = max_payload_bytes
        self._buffer = bytearray()
        self._searched = 0
        """Bytes of the buffer known to hold no delimiter."""
        self._mode = _Mode.UNKNOWN
        self._spans_lines = False
        """The first line of the current frame is not a whole JSON value: only a NUL can end it."""
        self._skipping = False
        """Up to the next delimiter, everything belongs to a frame that was rejected."""
        self._counted_out = 0
        """So many bytes more belong to an octet-counted frame that was rejected."""
        self._stream: _CompressedFrame | None = None

    @property
    def pending_bytes(self) -> int:
        """Bytes held for a frame that has not ended."""
        return len(self._buffer) + (self._stream.held_bytes if self._stream is not None else 0)

    def feed(self, data: bytes, receipt: Receipt) -> list[bytes]:
        """
        Take bytes of the stream.

        Args:
            data: Any number of bytes, cut anywhere.
            receipt: Takes a rejection for each frame that is too long or damaged.

        Returns:
            Frames that ended, in order, without delimiters; compressed ones already inflated.
        """
        fast = self._split(data, receipt)
        if fast is not None:
            return fast
        self._buffer += data
        return self._cut(receipt)

    def _cut(self, receipt: Receipt) -> list[bytes]:
        """Take what has ended off the buffer, frame by frame."""
        frames: list[bytes] = []
        while self._buffer and self._step(frames, receipt):
            pass
        return frames

    def _split(self, data: bytes, receipt: Receipt) -> list[bytes] | None:
        """Cut many plain frames at once; None when something needs a closer look (see `make bench`, TCP)."""
        delimiter = b"\0" if self._mode is _Mode.NUL else b"\n"
        if self._mode is _Mode.UNKNOWN or self._stream is not None or self._skipping or self._counted_out:
            return None
        if delimiter == b"\n" and 0 in data:
            return None
        end = data.rfind(delimiter)
        if end < 0:
            return None
        whole = bytes(self._buffer) + data[:end] if self._buffer else data[:end]
        frames = whole.split(delimiter)
        if {frame[:1] for frame in frames} != _OBJECTS_ONLY:
            return None  # blank, compressed or counted frames
        self._buffer[:] = data[end + 1 :]
        self._searched = 0
        if len(whole) > self.max_frame_bytes:
            for frame in frames:
                if len(frame) > self.max_frame_bytes:
                    self._reject_long(frame, len(frame), receipt)
            frames = [frame for frame in frames if len(frame) <= self.max_frame_bytes]
        return frames

    def feed_eof(self, receipt: Receipt) -> list[bytes]:
        """
        End the stream.

        Returns:
            The last frame when whole JSON is in it, though not its delimiter; a partial one is rejected.
        """
        frames = self._cut(receipt)  # what many frames were cut from at once was not looked at yet
        if self._stream is not None:
            receipt.add_rejection(self._stream.truncated())
            self._stream = None
        rest = bytes(self._buffer).strip(_BLANK)
        self._buffer.clear()
        if rest and not self._skipping:
            if rest[:1] != b"{" or b"}" in rest:
                frames.append(rest)  # the decoder finds the whole objects in it
            else:
                detail = f"the stream ended inside a frame, after {len(rest)} bytes"
                receipt.reject(Reason.FRAME_TRUNCATED, detail, rest)
        return frames

    def _reject_long(self, excerpt: bytes | bytearray, size: int, receipt: Receipt) -> None:
        detail = f"frame of {size} bytes or more, longer than {self.max_frame_bytes}"
        receipt.reject(Reason.FRAME_TOO_LARGE, detail, excerpt)

    def _step(self, frames: list[bytes], receipt: Receipt) -> bool:
        """Take one thing off the buffer; return False when more bytes are needed."""
        buffer = self._buffer
        if self._stream is not None:
            return self._inflate(frames, receipt)
        if self._counted_out:
            return self._skip_counted()
        if self._searched == 0 and not self._skipping:
            blank = _BLANKS.match(buffer)
            if blank is not None:
                if 0 in blank[0]:
                    self._mode = _Mode.NUL
                del buffer[: blank.end()]
                return bool(buffer)
            if is_gzip(buffer) or is_zlib(buffer):
                self._stream = _CompressedFrame(self.max_frame_bytes, self.max_payload_bytes)
                return True
            if len(buffer) == 1 and buffer[0] in (0x1F, 0x78):
                return False
            if 0x31 <= buffer[0] <= 0x39:
                counted = self._octet_counted(frames, receipt)
                if counted is not None:
                    return counted
        return self._delimited(frames, receipt)

    def _octet_counted(self, frames: list[bytes], receipt: Receipt) -> bool | None:
        """Take an octet-counted frame; None when it is none after all."""
        buffer = self._buffer
        match = _OCTET_COUNT.match(buffer)
        if match is None:
            return False if len(buffer) < 12 and _MAYBE_OCTET_COUNT.match(buffer) else None
        start, size = match.end() - 1, int(match[1])
        if size > self.max_frame_bytes:
            self._reject_long(buffer, size, receipt)
            self._counted_out = start + size
            return True
        if len(buffer) < start + size:
            return False
        frames.append(bytes(buffer[start : start + size]))
        del buffer[: start + size]
        return True

    def _skip_counted(self) -> bool:
        """Skip a frame as long as its count says, but no further than a NUL: the count may have been a joke."""
        buffer = self._buffer
        nul = buffer.find(0, 0, self._counted_out)
        skipped = min(self._counted_out, len(buffer)) if nul < 0 else nul
        self._counted_out = 0 if nul >= 0 else self._counted_out - skipped
        del buffer[:skipped]
        return bool(buffer)

    def _delimited(self, frames: list[bytes], receipt: Receipt) -> bool:
        """Take a frame that a NUL or newline ends."""
        buffer = self._buffer
        end = self._end()
        if end < 0:
            self._searched = len(buffer)
            if len(buffer) > self.max_frame_bytes:
                if not self._skipping:
                    self._reject_long(buffer, len(buffer), receipt)
                    self._skipping = True
                buffer.clear()
                self._searched = 0
            return False
        frame = bytes(buffer[:end])
        del buffer[: end + 1]
        self._searched = 0
        self._spans_lines = False
        if self._skipping:
            self._skipping = False
        elif len(frame) > self.max_frame_bytes:
            self._reject_long(frame, len(frame), receipt)
        elif frame.strip(_BLANK):
            frames.append(frame)
        return True

    def _end(self) -> int:
        """Return where the delimiter of the frame is, or -1; how much was received beyond it does not matter."""
        buffer, start = self._buffer, self._searched
        newline = -1 if self._mode is _Mode.NUL or self._spans_lines else buffer.find(b"\n", start)
        nul = buffer.find(0, start, len(buffer) if newline < 0 else newline)
        if nul < 0 <= newline:
            if self._ends_at(newline):
                return newline
            nul = buffer.find(0, newline)
        if nul >= 0:
            self._mode = _Mode.NUL
        return nul

    def _ends_at(self, newline: int) -> bool:
        """Whether the first newline of a frame ends it."""
        buffer = self._buffer
        if self._mode is _Mode.LINE or self._skipping or buffer[0] not in b"{[":
            return True  # no JSON: whatever it is, it is sent in lines
        line = bytes(buffer[:newline])
        if line.rstrip()[-1:] in (b"}", b"]") and _is_json(line):
            self._mode = _Mode.LINE
            return True
        self._spans_lines = True
        return False

    def _inflate(self, frames: list[bytes], receipt: Receipt) -> bool:
        """Feed the buffer to the compressed frame at its start."""
        stream = self._stream
        assert stream is not None  # noqa: S101  (for the type checker)
        problem = stream.feed(bytes(self._buffer))
        self._buffer.clear()
        if problem is not None:
            receipt.add_rejection(problem)
            self._buffer += stream.unused
            self._stream = None
            self._skipping = True
            return bool(self._buffer)
        if not stream.eof:
            return False
        frames.append(stream.payload())
        self._buffer += stream.unused
        self._stream = None
        return True


class _CompressedFrame:
    """
    A zlib or gzip stream inside the byte stream: it ends where its own format says.

    What was received is held, not what comes out of it: a slow bomb would hold a thousand times what it sent.
    """

    def __init__(self, max_frame_bytes: int, max_payload_bytes: int) -> None:
        self._scout = zlib.decompressobj(_ZLIB_OR_GZIP)
        """Finds the end; what it inflates is counted and thrown away."""
        self._data = bytearray()
        self._room = max_payload_bytes
        self._max_payload_bytes = max_payload_bytes
        self._max_frame_bytes = max_frame_bytes
        self.unused = b""

    @property
    def held_bytes(self) -> int:
        return len(self._data)

    @property
    def eof(self) -> bool:
        return self._scout.eof

    def feed(self, data: bytes) -> Rejected | None:
        """Take more; return a rejection when the frame is damaged or too long."""
        try:
            self._room -= len(self._scout.decompress(data, self._room + 1))
        except zlib.error as error:
            self.unused = bytes(self._data) + data  # the next delimiter is looked for from the beginning
            return Rejected(Reason.CORRUPT_COMPRESSION, f"damaged compressed frame: {error}", self.unused)
        self.unused = self._scout.unused_data
        self._data += data[: len(data) - len(self.unused)]
        if self._room < 0:
            detail = f"frame inflates to more than {self._max_payload_bytes} bytes"
            return Rejected(Reason.PAYLOAD_TOO_LARGE, detail, self._data)
        if len(self._data) > self._max_frame_bytes:
            detail = f"compressed frame longer than {self._max_frame_bytes} bytes"
            return Rejected(Reason.FRAME_TOO_LARGE, detail, self._data)
        return None

    def payload(self) -> bytes:
        """Inflate the whole frame, whose size is known by now."""
        return zlib.decompress(self._data, _ZLIB_OR_GZIP)

    def truncated(self) -> Rejected:
        detail = f"the stream ended inside a compressed frame, after {len(self._data)} bytes"
        return Rejected(Reason.FRAME_TRUNCATED, detail, self._data)


def _is_json(line: bytes) -> bool:
    """Whether a line is a JSON value by itself, if need be after repairing (a NaN, a trailing comma)."""
    try:
        msgspec.json.decode(line)
    except (ValueError, RecursionError):
        found = list(islice(find_values(line), 2))
        return len(found) == 1 and found[0].error is None
    return True
