"""
Packing: messages as bytes, for disk, and back.

A message whose payload may be written as it came (`Message.exact`) is packed as that payload and what the payload does
not say: id, arrival, input and peer. Every other message is packed with all its values. Each is an array in msgpack.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from gelf_listener.message import SEQUENCE_BITS, Message, OpenFields, Peer, ulid
from gelf_listener.notes import Deviation, Note

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode

_PARTS_OF_PAYLOAD = 6
_NUMBERED = b"\x96\x92"
"""How a message begins that is a payload with an id of two numbers: an array of six, and in it one of two."""
_WIDTHS = {0xCC: 2, 0xCD: 3, 0xCE: 5, 0xCF: 9}
"""Bytes of a number by the first of them; 1 for all others."""
_LENGTHS = (3, 2, 5)
_SEQUENCES = (1 << SEQUENCE_BITS) - 1

_DEVIATIONS = {deviation.label: deviation for deviation in Deviation}


class _Known(msgspec.Struct, gc=False):
    """What an exact payload says itself."""

    host: str
    short_message: str
    timestamp: float
    level: int | None = None
    full_message: str | None = None


_parse_known = msgspec.json.Decoder(_Known).decode


class Packer:
    """
    Packs messages and unpacks them.

    Args:
        open_fields: Reads the additional fields of an exact payload, later and only when somebody asks for them.
            Messages that read theirs in another way are packed with their fields.
    """

    def __init__(self, open_fields: OpenFields) -> None:
        self._open_fields = open_fields

    def pack(self, message: Message) -> bytes:
        """Return a message as bytes."""
        peer = message.peer
        # Half of what a message costs would be its id as text: the numbers it is made of do.
        id = message.stored_id or (message.sequence & _SEQUENCES, message.origin)
        arrival = (id, message.received_at, message.input, peer and peer.host, peer.port if peer else 0)
        if message.exact and message._open is self._open_fields:  # noqa: SLF001  (the other half of a lazy message)
            return _encode((*arrival, message.raw))
        notes = pack_notes(message.notes)
        fields = {name: fitting(value) for name, value in message.fields.items()}
        level = fitting(message.level)
        known = (message.timestamp, message.host, message.short_message, message.full_message, level)
        return _encode((*arrival, message.raw, *known, message.exact, fields, notes))

    def open(self, data: bytes) -> tuple[Any, float, str, str | None, int, bytes] | None:
        """
        Return what was packed of a message that is a payload, without reading that; None when it was packed in parts.

        Returns:
            Its id (a text, or the sequence and the origin that it is made of), when it arrived, its input, its peer's
            host and port, and the payload.

        Raises:
            ValueError: If the bytes are not something that `pack` made.
        """
        try:
            found = _decode(data)
            return tuple(found) if len(found) == _PARTS_OF_PAYLOAD else None
        except (msgspec.MsgspecError, TypeError) as error:
            raise ValueError(f"not a packed message: {error}") from None

    @staticmethod
    def open_heads(heads: Iterable[bytes]) -> list[tuple[float, str, str | None, int]] | None:
        """
        Return what stands before payloads, of which some hundreds mostly share all but a number.

        Args:
            heads: What was packed of each message, up to its payload.

        Returns:
            When each arrived, its input, its peer's host and port. None if any has an id that it came with, or was not
            packed as a payload.
        """
        opened: dict[bytes, tuple[float, str, str | None, int] | None] = {}
        found = []
        for head in heads:
            if not head.startswith(_NUMBERED) or len(head) == len(_NUMBERED):
                return None
            for length in _LENGTHS:  # of what says how long the payload is
                shared = head[len(_NUMBERED) + _WIDTHS.get(head[len(_NUMBERED)], 1) : -length]
                if shared not in opened:
                    opened[shared] = _open_shared(shared)
                if (arrival := opened[shared]) is not None:
                    found.append(arrival)
                    break
            else:
                return None
        return found

    def unpack(self, data: bytes) -> Message:
        """
        Return the message that was packed.

        Raises:
            ValueError: If the bytes are none that `pack` made.
        """
        try:
            id, received_at, input, host, port, raw, *rest = _decode(data)
            peer = None if host is None else Peer(host, port)
            if type(id) is list:
                sequence, origin = id
                id = ulid(received_at, sequence, origin)
            if not rest:
                return self._exact(id, received_at, input, peer, raw)
            timestamp, source, short_message, full_message, level, exact, fields, notes = rest
            return Message(
                timestamp,
                source,
                short_message,
                full_message,
                value_of(level),
                raw,
                received_at,
                input,
                peer,
                exact,
                None,
                {name: value_of(value) for name, value in fields.items()},
                unpack_notes(notes),
                stored_id=id,
            )
        except (msgspec.MsgspecError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"no packed message: {error}") from None

    def _exact(self, id: str, received_at: float, input: str, peer: Peer | None, raw: bytes) -> Message:
        known = _parse_known(raw)
        return Message(
            known.timestamp,
            known.host,
            known.short_message,
            known.full_message,
            known.level,
            raw,
            received_at,
            input,
            peer,
            exact=True,
            _open=self._open_fields,
            stored_id=id,
        )


def _open_shared(shared: bytes) -> tuple[float, str, str | None, int] | None:
    """Read what was packed between the first number and the payload; None if it is not just that."""
    try:
        _, received_at, input, host, port, nothing = _decode(b"\x96" + shared + b"\xc0")
    except (msgspec.MsgspecError, TypeError, ValueError):
        return None
    return None if nothing is not None else (received_at, input, host, port)


def pack_notes(notes: Iterable[Note]) -> list[tuple[str, str, str]]:
    """Return notes as msgpack takes them."""
    return [(note.deviation.label, note.field, note.detail) for note in notes]


def unpack_notes(packed: Iterable[Sequence[str]]) -> tuple[Note, ...]:
    """Return what `pack_notes` was given; without notes that only another version knows."""
    return tuple([Note(_DEVIATIONS[label], field, detail) for label, field, detail in packed if label in _DEVIATIONS])


def fitting(value: Any) -> Any:
    """Write an integer that msgpack has no room for as text."""
    return value if type(value) is not int or -(1 << 63) <= value < 1 << 64 else {"int": str(value)}


def value_of(value: Any) -> Any:
    """Read an integer that msgpack has no room for."""
    if type(value) is dict:
        digits = value["int"]
        return int(digits) if len(digits) <= 4300 else float("inf")  # Python reads no longer ones
    return value
