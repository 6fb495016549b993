"""
Framing as a Graylog's inputs do it: one delimiter, whatever the stream looks like.

Laws of the `GraylogFramer`, measured with a Graylog 7.0.1 and its own classes:

* A frame ends at the delimiter and nowhere else: a NUL (TCP, where compressed bytes may have some), or a newline with
  or without a carriage return before it (HTTP with bulk receiving).
* The last frame of a stream needs no delimiter.
* A frame of less than two bytes, or one that is too long, ends the connection. What was received together with it is
  still read.
"""

from __future__ import annotations

from gelf_listener.codec.receipt import Receipt
from gelf_listener.errors import Reason

_SHORTEST_BYTES = 2
_READ_BYTES = 64 * 1024
"""Most that Graylog reads at once, so that it finds out in the middle of a frame that it is too long."""


class GraylogFramer:
    """
    Cuts a byte stream into frames.

    Args:
        max_frame_bytes: Longest frame, delimiter not counted.
        delimiter: What ends frames.
    """

    def __init__(self, max_frame_bytes: int = 2 * 1024 * 1024, delimiter: bytes = b"\0") -> None:
        self.max_frame_bytes = max_frame_bytes
        self.ended = False
        """Whether Graylog closes the connection now."""
        self.unread = False
        """Whether it does so in the middle of a frame, which resets the connection."""
        self._delimiter = delimiter
        self._buffer = bytearray()

    @property
    def pending_bytes(self) -> int:
        """Bytes held for a frame that has not ended."""
        return len(self._buffer)

    def feed(self, data: bytes, receipt: Receipt) -> list[bytes]:
        """
        Take bytes of the stream.

        Args:
            data: Any number of bytes, cut anywhere.
            receipt: Takes a rejection for each frame that ends the connection.

        Returns:
            Frames that ended, in order, without delimiters.
        """
        frames: list[bytes] = []
        for start in range(0, len(data), _READ_BYTES):
            frames += self._cut(data[start : start + _READ_BYTES], receipt)
            if self.unread:
                break
        return self._trimmed(frames)

    def _cut(self, data: bytes, receipt: Receipt) -> list[bytes]:
        frames: list[bytes] = []
        at = data.rfind(self._delimiter)
        if at >= 0:
            whole = bytes(self._buffer) + data[:at]
            self._buffer[:] = data[at + 1 :]
            frames = [frame for frame in whole.split(self._delimiter) if self._usable(frame, receipt)]
        else:
            self._buffer += data
        if len(self._buffer) > self.max_frame_bytes:
            self._end(Reason.FRAME_TOO_LARGE, f"frame longer than {self.max_frame_bytes} bytes", self._buffer, receipt)
            self.unread = True
            self._buffer.clear()
        return frames

    def feed_eof(self, receipt: Receipt) -> list[bytes]:
        """End the stream; return the last frame."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return self._trimmed([rest]) if rest and self._usable(rest, receipt) else []

    def _trimmed(self, frames: list[bytes]) -> list[bytes]:
        return [frame.removesuffix(b"\r") for frame in frames] if self._delimiter == b"\n" else frames

    def _usable(self, frame: bytes, receipt: Receipt) -> bool:
        if len(frame) < _SHORTEST_BYTES:
            self._end(Reason.EMPTY_PAYLOAD, f"a frame of {len(frame)} bytes", frame, receipt)
        elif len(frame) > self.max_frame_bytes:
            detail = f"frame of {len(frame)} bytes, longer than {self.max_frame_bytes}"
            self._end(Reason.FRAME_TOO_LARGE, detail, frame, receipt)
        else:
            return True
        return False

    def _end(self, reason: Reason, detail: str, frame: bytes | bytearray, receipt: Receipt) -> None:
        """Reject the frame that ends the connection; those behind it are rejected with it."""
        if not self.ended:
            self.ended = True
            receipt.reject(reason, f"{detail}: Graylog closes the connection", frame)
