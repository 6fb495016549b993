"""
Session: the connection of a sender of syslog that ends messages with newlines, and has some within them.

log4j2's appender writes a message and its trace as lines, of which the first alone has a header. What is read at once
is looked at together: a line that goes on with a trace belongs to the message before it. One that comes in a read of
its own is a message of its own, because nothing says whether there will be another.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.session import FramedSession

__all__ = ["SyslogSession", "join_traces"]

_GOES_ON = re.compile(
    rb"[\t ]+\S|Caused by: |\.\.\. \d+ |Suppressed: |Traceback \("
    rb"|During handling of |The above exception |[A-Za-z_$][\w$.]*(?:Exception|Error|Throwable)\b"
)
_MAX_LINES = 2000
_MAX_BYTES = 256 * 1024


class SyslogSession(FramedSession):
    """A `FramedSession` whose decoder gets traces as a whole."""

    def decode(self, frames: Sequence[bytes], receipt: Receipt) -> None:
        """Decode frames, the lines of a trace as one."""
        super().decode(join_traces(frames), receipt)


def join_traces(frames: Sequence[bytes]) -> Sequence[bytes]:
    """
    Join lines that go on with a trace with the message before them.

    Args:
        frames: Of one read, in order.
    """
    if all([frame[:1] == b"<" for frame in frames]):
        return frames
    joined: list[bytes] = []
    lines: list[bytes] = []
    size = 0
    for frame in frames:
        room = len(lines) < _MAX_LINES and size + len(frame) <= _MAX_BYTES
        if lines and lines[0][:1] == b"<" and room and frame[:1] != b"<" and _GOES_ON.match(frame) is not None:
            lines.append(frame)
            size += len(frame)
            continue
        if lines:
            joined.append(b"\n".join(lines))
        lines, size = [frame], len(frame)
    joined.append(b"\n".join(lines))
    return joined
