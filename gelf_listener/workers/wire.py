"""Wire: what the parent tells its workers, and what they answer and report; msgpack in the frames of a `Channel`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from gelf_listener.config import Spec
from gelf_listener.errors import Reason, Rejected
from gelf_listener.figures import OutputFigures
from gelf_listener.message import Peer
from gelf_listener.senders import Sender

Lane = Literal["outputs", "watchers"]
"""Whom a batch is for: outputs that are open in the parent alone, or those who watch messages arrive."""


class UseOutputs(msgspec.Struct, tag=True, array_like=True, frozen=True):
    """
    Have these outputs, keep what is the same, and read certificates again.

    Attributes:
        specs: The outputs.
        query: What queries mean; see `Config.query`.
        drain_seconds: Time to write what waits for outputs that are gone, and at the end.
        lane: Whether the parent has outputs of its own that want every message.
        counted: Whether to report senders and samples of messages.
    """

    specs: tuple[Spec, ...]
    query: Literal["graylog", "extended"] | None
    drain_seconds: float
    lane: bool
    counted: bool


class OpenInput(msgspec.Struct, tag=True, array_like=True, frozen=True):
    """Open an input on sockets that were sent before, so many."""

    spec: Spec
    sockets: int


class CloseInput(msgspec.Struct, tag=True, array_like=True, frozen=True):
    """Hand over what an input has, and close it."""

    name: str


class Settle(msgspec.Struct, tag=True, array_like=True, frozen=True):
    """Wait until an output has written what was accepted until now."""

    name: str


class Ask(msgspec.Struct, tag=True, array_like=True, frozen=True):
    """Something to be carried out in turn (`Settle`: beside the rest) and answered with `Done` of this number."""

    number: int
    order: UseOutputs | OpenInput | CloseInput | Settle


class Watch(msgspec.Struct, tag=True, array_like=True, frozen=True):
    """Somebody watches messages arrive, or nobody does any more."""

    on: bool


class TryOutput(msgspec.Struct, tag=True, array_like=True, frozen=True):
    """End the pause before an output is tried again."""

    name: str


class Finish(msgspec.Struct, tag=True, array_like=True, frozen=True):
    """Write what there is, send a last report and end."""


class Taken(msgspec.Struct, tag=True, array_like=True, frozen=True):
    """The oldest batch of a lane is taken; safe, if there is no problem."""

    lane: Lane
    problem: str | None


Order = Ask | Watch | TryOutput | Finish | Taken


class Done(msgspec.Struct, tag=True, array_like=True, frozen=True):
    """What was asked is done, or why it cannot be."""

    number: int
    error: str = ""


class Batch(msgspec.Struct, tag=True, array_like=True, frozen=True):
    """Messages (`BatchPacker`) for a lane, answered with `Taken`; so many were let go before them."""

    lane: Lane
    data: bytes
    missed: int


class Samples(msgspec.Struct, tag=True, array_like=True, frozen=True):
    """Some of the messages that were taken (`BatchPacker`)."""

    data: bytes


class RejectedRecord(msgspec.Struct, array_like=True, frozen=True):
    """A rejection."""

    reason: Reason
    detail: str
    payload: bytes
    payload_bytes: int
    peer: Peer | None
    input: str
    received_at: float

    @classmethod
    def of(cls, rejected: Rejected) -> RejectedRecord:
        """Write a rejection down."""
        return cls(
            rejected.reason,
            rejected.detail,
            rejected.payload,
            rejected.payload_bytes,
            rejected.peer,
            rejected.input,
            rejected.received_at,
        )

    def rejected(self) -> Rejected:
        """Make it a rejection again."""
        rejected = Rejected(
            self.reason,
            self.detail,
            self.payload,
            peer=self.peer,
            input=self.input,
            received_at=self.received_at,
        )
        rejected.payload_bytes = self.payload_bytes
        return rejected


class Report(msgspec.Struct, tag=True, array_like=True, frozen=True):
    """
    What happened since the last report, and how things are.

    Attributes:
        messages: Messages taken since, by input.
        bytes: Their raw bytes, by input.
        rejected: Payloads rejected since, by input and reason.
        recent: The last of them.
        senders: What each sender sent since.
        lost: Messages dropped since when an output ended, by its name.
        full: Whether inputs wait.
        inputs: The inputs' own counters, by input.
        outputs: Its outputs.
        cpu_seconds: Processor time of the process.
        memory_bytes: Its memory.
        unwritten: In the last one: how many messages could not be written.
    """

    messages: dict[str, int]
    bytes: dict[str, int]
    rejected: list[tuple[str, str, int]]
    recent: list[RejectedRecord]
    senders: list[Sender]
    lost: dict[str, int]
    full: bool
    inputs: dict[str, dict[str, float]]
    outputs: list[OutputFigures]
    cpu_seconds: float
    memory_bytes: int
    unwritten: int


Reply = Done | Batch | Samples | Report


def _plain(value: Any) -> Any:
    """Write what TOML and the listener have and msgpack does not."""
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"a setting of type {type(value).__name__} cannot be sent to a worker")


encode = msgspec.msgpack.Encoder(enc_hook=_plain).encode
"""Writes an order or a reply."""
decode_order = msgspec.msgpack.Decoder(Order).decode
"""Reads an order."""
decode_reply = msgspec.msgpack.Decoder(Reply).decode
"""Reads a reply."""
