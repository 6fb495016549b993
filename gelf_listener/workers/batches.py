"""
Batches: messages on their way from one process to another, as bytes.

They go column by column: that costs a third of message by message. What is in order is sent as it came, and its
additional fields are read on the other side when somebody asks; everything else is sent with all its values.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import msgspec

from gelf_listener.message import PROCESS_ID, SEQUENCE_BITS, Message, OpenFields, Peer
from gelf_listener.packing import fitting, pack_notes, unpack_notes, value_of


class _Whole(msgspec.Struct, array_like=True, gc=False):
    """What the other side cannot read from a payload."""

    index: int
    exact: bool
    level: Any
    fields: dict[str, Any]
    notes: list[tuple[str, str, str]]
    stored_id: str


class _Columns(msgspec.Struct, array_like=True, gc=False):
    """Messages, a list for each of their values."""

    origin: int
    runs: list[tuple[int, str, Peer | None, float]]
    """How many came in a row, by which input, from whom and when."""
    sequences: list[int]
    timestamps: list[float]
    hosts: list[str]
    texts: list[str]
    full_texts: list[str | None]
    levels: list[int | None]
    raws: list[bytes]
    wholes: list[_Whole]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Columns).decode


class BatchPacker:
    """
    Packs batches, and unpacks those of another process.

    Args:
        open_fields: Reads the additional fields of payloads that are in order, here and on the other side.
    """

    def __init__(self, open_fields: OpenFields) -> None:
        self._open_fields = open_fields

    def pack(self, messages: Sequence[Message]) -> bytes:
        """
        Return messages of this process as bytes.

        Raises:
            ValueError: If a value of one of them cannot be written, such as half an emoji.
        """
        opener = self._open_fields
        wholes = [
            self._whole(index, message)
            for index, message in enumerate(messages)
            if not message.exact or message._open is not opener or message.stored_id  # noqa: SLF001
        ]
        levels = [message.level for message in messages]
        for whole in wholes:
            levels[whole.index] = None
        try:
            return _encode(
                _Columns(
                    PROCESS_ID,
                    _runs(messages),
                    [message.sequence for message in messages],
                    [message.timestamp for message in messages],
                    [message.host for message in messages],
                    [message.short_message for message in messages],
                    [message.full_message for message in messages],
                    levels,
                    [message.raw for message in messages],
                    wholes,
                )
            )
        except (OverflowError, UnicodeError) as error:
            raise ValueError(str(error)) from None

    def unpack(self, data: bytes) -> tuple[list[Message], int]:
        """
        Return messages of another process and the sum of their raw lengths. They have the ids they had there.

        Raises:
            ValueError: If `pack` did not make these bytes.
        """
        try:
            columns = _decode(data)
        except msgspec.MsgspecError as error:
            raise ValueError(f"not a packed batch: {error}") from None
        opener, elsewhere = self._open_fields, (columns.origin ^ PROCESS_ID) << SEQUENCE_BITS
        rows = zip(
            columns.sequences,
            columns.timestamps,
            columns.hosts,
            columns.texts,
            columns.full_texts,
            columns.levels,
            columns.raws,
            strict=True,
        )
        messages: list[Message] = []
        for count, input, peer, received_at in columns.runs:
            messages += [
                Message(
                    timestamp,
                    host,
                    text,
                    full_text,
                    level,
                    raw,
                    received_at,
                    input,
                    peer,
                    True,
                    opener,
                    None,
                    (),
                    sequence | elsewhere,
                )
                for sequence, timestamp, host, text, full_text, level, raw in islice(rows, count)
            ]
        for whole in columns.wholes:
            messages[whole.index] = msgspec.structs.replace(
                messages[whole.index],
                level=value_of(whole.level),
                exact=whole.exact,
                _open=None,
                _fields={name: value_of(value) for name, value in whole.fields.items()},
                _notes=unpack_notes(whole.notes),
                stored_id=whole.stored_id,
            )
        return messages, sum(map(len, columns.raws))

    def _whole(self, index: int, message: Message) -> _Whole:
        fields = {name: fitting(value) for name, value in message.fields.items()}
        notes = pack_notes(message.notes)
        return _Whole(index, message.exact, fitting(message.level), fields, notes, message.stored_id)


def _runs(messages: Sequence[Message]) -> list[tuple[int, str, Peer | None, float]]:
    """Return how many messages in a row have input, peer and time in common; one read of a transport mostly has."""
    runs: list[tuple[int, str, Peer | None, float]] = []
    start = 0
    first = messages[0]
    for index, message in enumerate(messages):
        if (
            message.peer is not first.peer
            or message.received_at != first.received_at
            or message.input is not first.input
        ):
            runs.append((index - start, first.input, first.peer, first.received_at))
            start, first = index, message
    runs.append((len(messages) - start, first.input, first.peer, first.received_at))
    return runs
