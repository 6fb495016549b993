"""
Syslog framing: where does a message end in a stream (RFC 6587)?

Laws of the `SyslogFramer`:

* A frame that starts with a number without leading zero, a space and ``<`` is octet-counted: it has as many bytes as
  the number says, newlines and NULs among them. Blanks between frames are skipped: some end them too. Where newlines
  end frames, those in front of a line without a header are its own: it may go on with a trace.
* Any other frame ends with a newline or a NUL. Which one is settled by the first read with a delimiter in it: once a
  NUL was seen where a frame may end, newlines belong to the text. Python's `SysLogHandler` ends messages with a NUL and
  leaves the newlines of tracebacks as they are; everybody else who does not count ends them with a newline.
* A frame may end at a NUL when ``<``, a line end, another NUL or nothing yet follows. Any other NUL is a byte of the
  text: a stray one from a sender of newlines does not turn all that follows into a single frame.
* A sender may end nothing at all and write a message at a time, as winston-syslog does unless it is told otherwise, and
  Rust's syslog crate. Nothing in the stream says so; `rest` is asked when nothing has come for a while. Where no frame
  has ended by then, or by the end of the stream, the header of the next message ends one. A header without a delimiter
  before it settles it: from then on a read that ends with a line end has a text that does. Without one, such a read is
  that of a slow sender of lines.
* Nothing is emitted twice, nothing between delimiters is lost: blank frames are the only ones left out.
* At most ``max_frame_bytes`` are held. A longer frame is rejected once and skipped up to its delimiter, or for as long
  as its count says.
"""

from __future__ import annotations

import re
from itertools import pairwise

from gelf_listener.codec.receipt import Receipt
from gelf_listener.errors import Reason

_COUNTED = re.compile(rb"([1-9][0-9]{0,8}) <")
_MAYBE_COUNTED = re.compile(rb"[1-9][0-9]{0,8} ?\Z")
_BLANKS = re.compile(rb"[\0\r\n \t]++")
_BLANK = b"\0\r\n \t"
_DELIMITERS = b"\0\n"
_ENDING_NUL = re.compile(rb"\0(?=[<\0\r\n]|\Z)")
_HEADER = re.compile(rb"<\d{1,3}>(?:1 (?:\d{4}-\d\d-\d\dT\d\d:|- )|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d )")
"""What a message begins with, where nothing ends the one before: a priority, and a time."""
_HEADER_BYTES = 32


class SyslogFramer:
    """
    Cuts a byte stream into syslog messages.

    Args:
        max_frame_bytes: Longest frame, count and delimiter not counted.
    """

    def __init__(self, max_frame_bytes: int = 2 * 1024 * 1024) -> None:
        self.max_frame_bytes = max_frame_bytes
        self._buffer = bytearray()
        self._searched = 0
        """Bytes of the buffer known to hold no delimiter."""
        self._delimiter = b""
        """Empty until the first read with one."""
        self._counts = False
        """Whether a frame was counted."""
        self._unended = False
        """Whether this sender seems to end nothing: a header ends the frame before it."""
        self._ends_nothing = False
        """Whether a header came without a delimiter before it, so that it surely ends nothing."""
        self._byte_before = _DELIMITERS[0]
        """The last byte that `_cut_at_headers` took: what stands before the buffer."""
        self._skipping = False
        """Up to the next delimiter, everything belongs to a frame that was rejected."""
        self._counted_out = 0
        """So many bytes more belong to an octet-counted frame that was rejected."""

    @property
    def pending_bytes(self) -> int:
        """Bytes held for a frame that has not ended."""
        return len(self._buffer)

    @property
    def first_pending_byte(self) -> bytes:
        """The first byte of a frame that has not ended; none if there is no such frame."""
        return bytes(self._buffer[:1])

    def feed(self, data: bytes, receipt: Receipt) -> list[bytes]:
        """
        Take bytes of the stream.

        Args:
            data: Any number of bytes, cut anywhere.
            receipt: Takes a rejection for each frame that is too long.

        Returns:
            Frames that ended, in order, without counts and delimiters.
        """
        known = max(0, len(self._buffer) - _HEADER_BYTES)
        self._buffer += data
        if self._unended:
            headers = [match.start() for match in _HEADER.finditer(self._buffer, known)]
            self._ends_nothing = self._ends_nothing or not all(map(self._ended_before, headers))
            if self._ends_nothing or data[-1:] not in (b"\n", b"\0"):
                return self._take_unended(headers[-1] if headers else 0, receipt)
            self._unended = False
        frames: list[bytes] = []
        at = 0
        while at < len(self._buffer):
            start = at
            at = self._step(at, frames, receipt)
            if at == start:
                break
        if at:
            del self._buffer[:at]  # once a read: each deletion moves the rest
        return frames

    def feed_eof(self, receipt: Receipt) -> list[bytes]:  # noqa: ARG002  (as `Framer`)
        """
        End the stream.

        Returns:
            The last frame, which many senders do not end; of a counted one what arrived; all, of who ends nothing.
        """
        frames = self.rest()
        if frames:
            self._buffer.clear()
            return frames
        match = _COUNTED.match(self._buffer)
        rest = bytes(self._buffer[match.end() - 1 :] if match is not None else self._buffer).strip(_BLANK)
        self._buffer.clear()
        return [rest] if rest and not self._skipping else []

    def rest(self) -> list[bytes]:
        """
        Take what waits from a sender that ends nothing, because nothing has come for a while.

        Returns:
            The messages that the bytes hold; none where a frame was ended before, by a delimiter or a count.
        """
        if self._delimiter or self._counts or self._skipping or not _HEADER.match(self._buffer):
            return []
        self._unended = True
        frames = self._cut_at_headers(len(self._buffer))
        self._searched = 0
        return frames

    def _ended_before(self, place: int) -> bool:
        """Whether a delimiter stands before a place in the buffer."""
        return (self._buffer[place - 1] if place else self._byte_before) in _DELIMITERS

    def _take_unended(self, last_header: int, receipt: Receipt) -> list[bytes]:
        """Take the messages of a sender that ends nothing, as far as they are whole: a header follows them."""
        frames = self._cut_at_headers(last_header)
        if len(self._buffer) > self.max_frame_bytes:
            self._reject_long(self._buffer[:1024], len(self._buffer), receipt)
            self._byte_before = self._buffer[-1]
            self._buffer.clear()
        return frames

    def _cut_at_headers(self, end: int) -> list[bytes]:
        """Take the messages before a place off the buffer."""
        places = sorted({0, *(match.start() for match in _HEADER.finditer(self._buffer, 0, end)), end})
        frames = [bytes(self._buffer[start:stop]).strip(_BLANK) for start, stop in pairwise(places)]
        if end:
            self._byte_before = self._buffer[end - 1]
        del self._buffer[:end]
        return [frame for frame in frames if frame]

    def _step(self, at: int, frames: list[bytes], receipt: Receipt) -> int:
        """Take one thing off the buffer; return the position behind it, the same one when bytes are missing."""
        buffer = self._buffer
        if self._counted_out:
            skipped = min(self._counted_out, len(buffer) - at)
            self._counted_out -= skipped
            return at + skipped
        if not self._searched and not self._skipping:
            first = buffer[at]
            if first in _BLANK:
                blank = _BLANKS.match(buffer, at)
                end = blank.end() if blank is not None else at
                if self._delimiter != b"\n":
                    return end
                start = max(at, *(buffer.rfind(each, at, end) + 1 for each in (b"\n", b"\r", b"\0")))
                if end == len(buffer) or (len(buffer) - end < 11 and _MAYBE_COUNTED.match(buffer, end)):
                    return start  # blanks may be the beginning of a line
                if start == end or buffer[end] == 0x3C or _COUNTED.match(buffer, end):
                    return end
                if start > at:
                    return start
                return self._take_delimited(at, frames, receipt)  # a line of a trace
            if 0x31 <= first <= 0x39:
                match = _COUNTED.match(buffer, at)
                if match is not None:
                    return self._take_counted(at, match, frames, receipt)
                if len(buffer) - at < 11 and _MAYBE_COUNTED.match(buffer, at):
                    return at
        return self._take_delimited(at, frames, receipt)

    def _take_counted(self, at: int, match: re.Match[bytes], frames: list[bytes], receipt: Receipt) -> int:
        start, size = match.end() - 1, int(match[1])
        if size > self.max_frame_bytes:
            self._reject_long(self._buffer[at : at + 1024], size, receipt)
            self._counted_out = size
            return start
        if len(self._buffer) < start + size:
            return at
        self._counts = True
        frames.append(bytes(self._buffer[start : start + size]))
        return start + size

    def _take_delimited(self, at: int, frames: list[bytes], receipt: Receipt) -> int:
        buffer = self._buffer
        end = self._end(at + self._searched)
        if end < 0:
            held = len(buffer) - at
            if held <= self.max_frame_bytes:
                self._searched = held
                return at
            if not self._skipping:
                self._reject_long(buffer[at : at + 1024], held, receipt)
                self._skipping = True
            self._searched = 0
            return len(buffer)
        frame = bytes(buffer[at:end])
        self._searched = 0
        if self._skipping:
            self._skipping = False
        elif len(frame) > self.max_frame_bytes:
            self._reject_long(frame, len(frame), receipt)
        elif frame.strip(_BLANK):
            frames.append(frame)
        return end + 1

    def _end(self, start: int) -> int:
        """Return where the delimiter of the frame is, or -1."""
        buffer = self._buffer
        if self._delimiter == b"\0":
            return buffer.find(0, start)
        newline = buffer.find(b"\n", start)
        stop = newline + 1 if self._delimiter and newline >= 0 else len(buffer)
        if buffer.find(0, start, stop) >= 0 and _ENDING_NUL.search(buffer, start, stop) is not None:
            self._delimiter = b"\0"
            return buffer.find(0, start, stop)
        if newline >= 0:
            self._delimiter = b"\n"
        return newline

    def _reject_long(self, excerpt: bytes | bytearray, size: int, receipt: Receipt) -> None:
        detail = f"frame of {size} bytes or more, longer than {self.max_frame_bytes}"
        receipt.reject(Reason.FRAME_TOO_LARGE, detail, excerpt)
