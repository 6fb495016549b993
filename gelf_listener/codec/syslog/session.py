"""
Session: the connection of a sender of syslog that ends messages with newlines, and has some within them.

log4j2's appender writes a message and its trace as lines, of which the first alone has a header. A line that goes on
with a trace belongs to the message before it, if both are read together, or a read ended within the line: then the
message waits for the rest of the line, which its sender has begun to write. A line that comes in a read of its own is a
message of its own, because nothing says whether there will be another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gelf_listener.codec.contracts import Decoder
from gelf_listener.codec.framing.syslog_frames import SyslogFramer
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.session import FramedSession

_GOES_ON = re.compile(
    rb"[\t ]+\S|Caused by: |\.\.\. \d+ |Suppressed: |Traceback \("
    rb"|During handling of |The above exception |[A-Za-z_$][\w$.]*(?:Exception|Error|Throwable)\b"
)
_MAX_LINES = 2000
_MAX_BYTES = 256 * 1024
_NEW_MESSAGE = b"<0123456789"
"""First bytes of a header, or of the count before it."""


class SyslogSession(FramedSession):
    """A `FramedSession` whose decoder gets traces as a whole."""

    def __init__(self, framer: SyslogFramer, decoder: Decoder) -> None:
        super().__init__(framer, decoder)
        self._syslog_framer = framer
        self._lines: list[bytes] = []
        """A message and the lines that go on with its trace, while there may be more."""
        self._size = 0

    @property
    def pending_bytes(self) -> int:
        """Bytes of the frame that has not ended, and of the message it may belong to."""
        return super().pending_bytes + self._size

    def feed(self, data: bytes, receipt: Receipt) -> bytes:
        """Cut frames, and decode the messages that are whole."""
        messages = [*self._joined(self.framer.feed(data, receipt))]
        begun = self._syslog_framer.first_pending_byte
        if not begun or begun in _NEW_MESSAGE:
            messages += self._taken()
        self.decode(messages, receipt)
        return b""

    def rest(self, receipt: Receipt) -> bytes:
        """Decode what a sender that ends nothing has written."""
        messages = self._syslog_framer.rest()
        if messages:
            self.decode([*self._taken(), *messages], receipt)
        return b""

    def feed_eof(self, receipt: Receipt) -> bytes:
        """Decode what is left."""
        self.decode([*self._joined(self.framer.feed_eof(receipt)), *self._taken()], receipt)
        return b""

    def _joined(self, frames: Sequence[bytes]) -> Iterator[bytes]:
        """Give the messages that frames end, the lines of a trace as one."""
        if frames and not self._lines and all([frame[:1] == b"<" for frame in frames]):
            yield from frames[:-1]  # what nearly all senders send, without a look at each
            frames = frames[-1:]
        for frame in frames:
            if frame[:1] == b"<" or not self._goes_on(frame):
                yield from self._taken()
            self._lines.append(frame)
            self._size += len(frame)

    def _goes_on(self, frame: bytes) -> bool:
        """Whether a line goes on with the trace of a message that has a header, and has room for it."""
        room = len(self._lines) < _MAX_LINES and self._size + len(frame) <= _MAX_BYTES
        return bool(self._lines) and self._lines[0][:1] == b"<" and room and _GOES_ON.match(frame) is not None

    def _taken(self) -> list[bytes]:
        """Take the message that was waiting for lines."""
        taken = [b"\n".join(self._lines)] if self._lines else []
        self._lines, self._size = [], 0
        return taken
