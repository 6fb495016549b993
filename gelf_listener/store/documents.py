"""
Documents: packed messages -> what the index is given of them, in one pass.

Nearly every message is a payload in order whose fields are plain values. Such a one is parsed once, and what its keys
and the types of its values say is looked up as a whole (`_Plan`): that takes half of what making a `Message` and
reading its fields does. Every other message becomes one first; a test holds the two ways to the same documents.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from gelf_listener.message import ulid_key
from gelf_listener.packing import Packer
from gelf_listener.query.words import spaced_words
from gelf_listener.store.schema import (
    MAX_TEXT_CHARACTERS,
    Names,
    document_of,
    encode,
    field_key,
    micros,
)

__all__ = ["Documents", "Indexable", "OpenDocument"]

OpenDocument = Callable[[bytes], tuple[dict[str, Any], tuple[str, ...], tuple[Any, ...]] | None]
"""
Reads a payload that is in order, with the names and unread values of its additional fields; None when that is not so
easy. Texts, floats and whole numbers of 64 bits are those values; for others the message has to be unpacked.
"""

_MAX_PLANS = 2000
_I64 = 1 << 63
_UNSET = msgspec.UNSET


class Indexable(msgspec.Struct, gc=False):
    """A message as the index takes it, with its times in microseconds."""

    text: str
    timestamp: int
    received: int


class _Plan(NamedTuple):
    """
    What documents with the same names and types of values have in common.

    Attributes:
        added: Their additional fields as they stand in the index, a JSON text with a place for each value.
        numbers: Positions of whole numbers.
    """

    added: str
    numbers: tuple[int, ...]


class Documents:
    """
    Makes documents for one partition.

    Args:
        packer: Makes messages of bytes.
        names: Of the partition; new ones are put in.
        open_document: Reads payloads in order; without it every message is unpacked.
    """

    def __init__(self, packer: Packer, names: Names, open_document: OpenDocument | None = None) -> None:
        self._packer = packer
        self._names = names
        self._open_document = open_document
        self._plans: dict[tuple[tuple[str, ...], tuple[type, ...]], _Plan] = {}
        self._received = (0.0, 0)
        """The latest time of arrival, in seconds and microseconds: a batch shares it."""
        self._origin: tuple[tuple[Any, ...], str] = ((), "")
        """The latest input, peer and port, and how they stand in ``added``."""

    def of(self, packed: bytes, place: int) -> Indexable:
        """
        Make the document of a message.

        Raises:
            ValueError: If the bytes are not a packed message.
            Exception: Whatever making one of an odd message raises.
        """
        if self._open_document is not None and len(packed) <= MAX_TEXT_CHARACTERS:  # so every text is a term
            found = self._packer.open(packed)
            if found is not None:
                made = self._plainly(found, place, self._open_document)
                if made is not None:
                    return made
        message = self._packer.unpack(packed)
        return Indexable(
            document_of(message, place, self._names), micros(message.timestamp), micros(message.received_at)
        )

    def _plainly(self, found: tuple[Any, ...], place: int, open_document: OpenDocument) -> Indexable | None:
        """Make a document of a payload; None when its fields have to be read with care."""
        id, received_at, input, peer, port, raw = found
        opened = open_document(raw)
        if opened is None or not (input or peer is not None):
            return None
        document, names, values = opened
        kinds = tuple(map(type, values))
        plan = self._plans.get((names, kinds)) or self._plan(names, kinds, values)
        if plan is None:
            return None
        for position in plan.numbers:
            if not -_I64 <= values[position] < _I64:
                return None
        host = document["host"]
        source = host.lower()[:MAX_TEXT_CHARACTERS]
        if b"\\" in raw:  # otherwise no text in it has anything to escape
            host, source = _escaped(host), _escaped(source)
            values = tuple([_escaped(value) if type(value) is str else value for value in values])
        if received_at != self._received[0]:
            self._received = (received_at, micros(received_at))
        if self._origin[0] != (input, peer, port):
            self._origin = ((input, peer, port), _origin(input, peer, port))
        key = ulid_key(id) if type(id) is str else (id[0] & 0xFFFFFFFF) << 32 | id[1]
        timestamp, received, level = micros(document["timestamp"]), self._received[1], document.get("level")
        words = spaced_words(document["short_message"])
        rest = "" if level is None else f',"level":{level}'
        full = document.get("full_message")
        if full is not None:
            rest += f',"full":"{spaced_words(full)}","marks":["full"]'
        text = (
            f'{{"timestamp":{timestamp},"received":{received},"order":{place},"key":{key},"source":"{source}",'
            f'"host":"{host}","words":"{words}","added":{{{self._origin[1]}{plan.added % values}}}{rest}}}'
        )  # a `schema.Document`
        return Indexable(text, timestamp, received)

    def _plan(self, names: tuple[str, ...], kinds: tuple[type, ...], values: tuple[Any, ...]) -> _Plan | None:
        """Learn what documents like this one have in common; None if they need care, or a name has no room."""
        if not {str, int, float}.issuperset(kinds) or self._names.put(dict(zip(names, values, strict=True)), {}):
            return None
        places = ['"=%s"' if kind is str else "%r" for kind in kinds]
        added = "".join(
            [f',"{field_key(name)}":'.replace("%", "%%") + place for name, place in zip(names, places, strict=True)]
        )
        numbers = tuple(position for position, kind in enumerate(kinds) if kind is int)
        if len(self._plans) >= _MAX_PLANS:
            self._plans.clear()
        plan = self._plans[names, kinds] = _Plan(added, numbers)
        return plan


def _escaped(text: str) -> str:
    """Return a text as it stands between the quotes of JSON."""
    return encode(text).decode()[1:-1]


def _origin(input: str, peer: str | None, port: int) -> str:
    """Return what the listener adds to ``added``, without the braces around it."""
    added: dict[str, Any] = {"@input": "=" + input} if input else {}
    if peer is not None:
        added |= {"@ip": "=" + peer, "@port": port}
    return encode(added).decode()[1:-1]
