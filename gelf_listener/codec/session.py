"""Session: the protocol one connection speaks, without its transport."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

from gelf_listener.codec.contracts import Decoder, Framer
from gelf_listener.codec.receipt import Receipt


class Session:
    """
    Bytes of one connection in, messages and answers out.

    The connection around it reads, waits when buffers are crowded, counts, and sends the answers: each as soon as
    all messages that were received before it are safe (`Intake.when_safe`), in order. So an acknowledgement that a
    session returns together with its messages promises what it says. When messages could not be made safe, the
    connection is closed and nothing is sent.
    """

    greeting: bytes = b""
    """Sent as soon as the connection is open."""

    ended: bool = False
    """Set by the session when the connection is to be closed, once what it has answered is sent."""

    has_more: bool = False
    """Set by a session that has more to do with what it got: it is fed nothing again, once others had their turn."""

    resets: bool = False
    """Set by the session when the connection is to be reset then, as by a server that has not read everything."""

    @property
    def pending_bytes(self) -> int:
        """Bytes held for a message that has not ended; those of all connections together are bounded."""
        return 0

    def feed(self, data: bytes, receipt: Receipt) -> bytes:
        """
        Take bytes of the stream, cut anywhere.

        Args:
            data: What was read.
            receipt: Makes and takes messages and rejections.

        Returns:
            What to answer; empty for nothing.

        Raises:
            Rejected: If the stream cannot be read any further: the connection is closed at once.
        """
        raise NotImplementedError

    def rest(self, receipt: Receipt) -> bytes:  # noqa: ARG002  (for protocols without ends)
        """Take what nothing ends, because nothing has come for a while, and return what to answer."""
        return b""

    def feed_eof(self, receipt: Receipt) -> bytes:  # noqa: ARG002  (for those who hold something)
        """End the stream: take what is complete, and return what to answer."""
        return b""


class FramedSession(Session):
    """
    Frames in, nothing out: the protocol of senders that do not read answers.

    Args:
        framer: Cuts this connection's stream.
        decoder: Reads the frames.
    """

    def __init__(self, framer: Framer, decoder: Decoder) -> None:
        self.framer = framer
        self.decoder = decoder

    @property
    def pending_bytes(self) -> int:
        """Bytes of the frame that has not ended."""
        return self.framer.pending_bytes

    def feed(self, data: bytes, receipt: Receipt) -> bytes:
        """Cut and decode frames."""
        self.decode(self.framer.feed(data, receipt), receipt)
        return b""

    def feed_eof(self, receipt: Receipt) -> bytes:
        """Decode the last frame, which many clients do not end."""
        self.decode(self.framer.feed_eof(receipt), receipt)
        return b""

    def decode(self, frames: Sequence[bytes], receipt: Receipt) -> None:
        """Decode frames, if there are any."""
        if frames:
            self.decoder.decode_all(zip(frames, repeat(receipt.peer)), receipt.time, receipt.batch)
