"""Receipt: what everything that came in one payload has in common, and where it goes."""

from __future__ import annotations

from gelf_listener.codec.batch import Batch
from gelf_listener.errors import Reason, Rejected
from gelf_listener.message import FieldValue, Message, Peer
from gelf_listener.notes import Note


class Receipt:
    """
    How a payload arrived. Decoders make its messages and rejections with it.

    Attributes:
        input: Name of the input.
        peer: Who sent the payload, if known.
        time: When it arrived, UTC Unix seconds.
        batch: Takes the results.
    """

    __slots__ = ("batch", "input", "peer", "time")

    def __init__(self, input: str, peer: Peer | None, time: float, batch: Batch) -> None:
        self.input = input
        self.peer = peer
        self.time = time
        self.batch = batch

    @property
    def sender(self) -> str:
        """The peer's address, or an empty string; what limits on senders count by."""
        return "" if self.peer is None else self.peer.host

    @property
    def host(self) -> str:
        """The host of a message that names none: the peer's address."""
        return "unknown" if self.peer is None else self.peer.host

    def message(
        self,
        raw: bytes,
        *,
        timestamp: float,
        host: str,
        short_message: str,
        full_message: str | None = None,
        level: int | None = None,
        fields: dict[str, FieldValue] | None = None,
        notes: tuple[Note, ...] = (),
        id: str = "",
    ) -> Message:
        """
        Make a message of values that are known to be in order; it is in no batch yet.

        Args:
            raw: The payload it came in.
            timestamp: When it was logged, UTC Unix seconds.
            host: Who logged it.
            short_message: Its text.
            full_message: A longer text such as a traceback.
            level: Syslog severity, 0 to 7.
            fields: Additional fields under clean names, without underscore; the message owns the dict.
            notes: How the payload deviates from its format.
            id: A ULID that the message already has; empty: it gets its own.
        """
        return Message(
            timestamp,
            host,
            short_message,
            full_message,
            level,
            raw,
            self.time,
            self.input,
            self.peer,
            _fields={} if fields is None else fields,
            _notes=notes,
            stored_id=id,
        )

    def add(self, message: Message) -> None:
        """Put a message into the batch."""
        self.batch.messages.append(message)
        self.batch.size += len(message.raw)

    def reject(self, reason: Reason, detail: str, payload: bytes | bytearray = b"") -> None:
        """
        Put a rejection into the batch.

        Args:
            reason: The class of failure.
            detail: One sentence for a person.
            payload: The offending bytes.
        """
        self.batch.rejected.append(
            Rejected(reason, detail, payload, peer=self.peer, input=self.input, received_at=self.time)
        )

    def add_rejection(self, rejected: Rejected) -> None:
        """Put a rejection into the batch that was raised without knowing who sent the payload."""
        rejected.peer = self.peer
        rejected.input = self.input
        rejected.received_at = self.time
        rejected.forget_frames()
        self.batch.rejected.append(rejected)
