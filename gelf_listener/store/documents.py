"""
Documents: packed messages -> what the index is given of them, in one pass.

Nearly every message is a payload in order whose fields are plain values, and what its keys and the types of its values
say is looked up as a whole. Most of them lie in tables, and are read a column at a time (`sheets`): texts go into a
document as they came, with a `_Layout` around them. One that cannot be read so, for it has other values or few are like
it, is parsed by itself, with a `_Plan`; that takes half of what making a `Message` and reading its fields
does. Every other message becomes one first. Tests hold the three ways to the same documents.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from gelf_listener.message import FieldValue
from gelf_listener.packing import Packer
from gelf_listener.query.words import spaced_words, spaced_words_of
from gelf_listener.store.schema import (
    MAX_TEXT_CHARACTERS,
    Names,
    are_ids,
    document_of,
    encode,
    field_key,
    is_id,
    key_of,
    micros,
    slot_and_low,
    text_term,
)
from gelf_listener.store.sheets import Kind, read_sheet
from gelf_listener.store.tables import Block, Table

__all__ = ["Documents", "Indexable", "OpenDocument"]

OpenDocument = Callable[[bytes], tuple[dict[str, Any], tuple[str, ...], tuple[Any, ...]] | None]
"""
Reads a payload that is in order, with the names and unread values of its additional fields; None when that is not so
easy. Texts, floats and whole numbers of 64 bits are those values; for others the message has to be unpacked.
"""

_MAX_PLANS = 2000
_PLANNED = 4096
"""Messages after which is looked again in which fields they have ids."""
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
        added: Their additional fields as they stand in ``added``, a JSON text with a place for each value.
        terms: Those that stand in ``terms``, whatever their value, with a place for each.
        texts: Picks the values for these places.
        ids: Positions of texts that are mostly ids, and how their terms begin, which are made where they are not.
        numbers: Positions of whole numbers.
    """

    added: str
    terms: str
    texts: Callable[[tuple[Any, ...]], Any]
    ids: tuple[tuple[int, str], ...]
    numbers: tuple[int, ...]


class _Layout(NamedTuple):
    """
    What rows of a sheet with the same keys have in common.

    Attributes:
        text: Their document, with a place for each thing that differs.
        pick: Picks these things out of a row.
        ids: Where in a row texts are that are mostly ids, and how their terms begin, which are made where they are not.
    """

    text: str
    pick: Callable[[Sequence[Any]], tuple[Any, ...]]
    ids: tuple[tuple[int, str], ...]


_KNOWN: dict[str, tuple[Kind, ...]] = {
    "version": ("text",),
    "host": ("text",),
    "short_message": ("text",),
    "timestamp": ("whole", "decimal", "both"),
    "level": ("whole",),
    "full_message": ("text",),
}
"""Keys with a place of their own, and what they hold in a sheet that is read."""
_IN_ORDER = {"version": "1.1", "host": "h", "short_message": "m", "timestamp": 1}
"""A payload, to learn from what others become that have its keys."""
_ORIGIN_TERMS, _LEVEL, _FULL, _TERMS, _COMMON = range(9, 14)
"""Where in a row things are that do not stand at the beginning of its document; the last is the first value."""
_START = (
    '{"timestamp":%s,"received":%s,"order":%s,"slot":%s,"low":%s,"source":"%s","host":"%s","words":"%s","added":{%s'
)
"""How a document begins, with places for the first things in a row."""


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
        self._layouts: dict[tuple[Any, ...], _Layout | None] = {}
        self._planned = -1
        self._received = (0.0, 0)
        """The latest time of arrival, in seconds and microseconds: a batch shares it."""
        self._origin: tuple[tuple[Any, ...], str, str] = ((), "", "")
        """The latest input, peer and port, and how they stand in ``added`` and ``terms``."""

    def of_block(self, messages: Sequence[bytes], first: int) -> list[Indexable | None]:
        """
        Make documents of the messages of a block, as far as they can be read by the column.

        Args:
            messages: All of them.
            first: Place of the first one.

        Returns:
            One for each message; None for what has to be read by itself, whatever may be odd about it.
        """
        made: list[Indexable | None] = [None] * len(messages)
        if not isinstance(messages, Block) or self._open_document is None:
            return made
        for number, table in enumerate(messages.tables, 1):
            at = [place for place, each in enumerate(messages.numbers) if each == number]
            try:
                found = self._of_table(table, [first + place for place in at], self._open_document)
            except Exception:  # noqa: BLE001, S112  (each is read by itself then, and what is odd about it is known)
                continue
            for place, document in zip(at, found, strict=True):
                made[place] = document
        return made

    def _of_table(self, table: Table, places: Sequence[int], open_document: OpenDocument) -> Sequence[Indexable | None]:
        """Make the documents of a table's messages."""
        nothing = [None] * len(places)
        sheet = read_sheet(table)
        arrivals = None if sheet is None else self._packer.open_heads(sheet.heads)
        if sheet is None or arrivals is None:
            return nothing
        known = {slot.keys[0]: slot for slot in sheet.slots if slot.same and slot.keys[0] in _KNOWN}
        slots = [slot for slot in sheet.slots if not (slot.same and slot.keys[0] in _KNOWN)]
        origins = {arrival: (micros(arrival[0]), *_origin(*arrival[1:])) for arrival in set(arrivals)}
        if (
            not _IN_ORDER.keys() <= known.keys()
            or len(known) + len(slots) < len(sheet.slots)  # a key is there twice
            or not all([slot.kind in _KNOWN[key] for key, slot in known.items()])
            or known["host"].values is not known["host"].texts  # something in it is escaped
            or known["version"].values.count("1.1") < len(places)
            or any([slot.longest > MAX_TEXT_CHARACTERS for slot in sheet.slots])  # so every text is a term
            or not all([input or peer is not None for _, input, peer, _ in origins])
        ):
            return nothing
        level, full, hosts = known.get("level"), known.get("full_message"), known["host"].values
        parts = [slot_and_low(place) for place in places]
        rows = zip(
            [micros(float(text)) for text in known["timestamp"].values],
            [origins[arrival][0] for arrival in arrivals],
            places,
            [part for part, _ in parts],
            [low for _, low in parts],
            map(str.lower, hosts),
            hosts,
            spaced_words_of(known["short_message"].texts),
            [origins[arrival][1] for arrival in arrivals],
            [origins[arrival][2] for arrival in arrivals],
            repeat("") if level is None else level.values,
            repeat("") if full is None else spaced_words_of(full.texts),
            repeat(""),
            *[slot.values for slot in slots],
            strict=False,
        )
        kinds = (level is not None, full is not None, *[slot.kind for slot in slots])
        pure = {at for at, slot in enumerate(slots, _COMMON) if slot.kind == "text" and are_ids(slot.texts)}
        varying = [slot.keys for slot in slots if not slot.same]
        learned: dict[tuple[str, ...], tuple[_Layout | None, list[tuple[int, str]]]] = {}
        made: list[Indexable | None] = []
        for number, (row, key) in enumerate(
            zip(rows, zip(*varying, strict=True) if varying else repeat(()), strict=False)
        ):
            if key not in learned:
                keys = tuple([slot.keys[number] for slot in slots])
                layout = self._known_layout(kinds, keys, row, open_document)
                learned[key] = layout, [] if layout is None else [each for each in layout.ids if each[0] not in pure]
            layout, impure = learned[key]
            if layout is None:
                made.append(None)
                continue
            whole = row
            if impure:
                terms = "".join([f'{start}{row[at]}"' for at, start in impure if not is_id(row[at])])
                whole = (*row[:_TERMS], terms, *row[_COMMON:])
            made.append(Indexable(layout.text % layout.pick(whole), row[0], row[1]))
        return made

    def _known_layout(
        self, kinds: tuple[Any, ...], keys: tuple[str, ...], row: Sequence[Any], open_document: OpenDocument
    ) -> _Layout | None:
        """Return what is known of rows like this one, or learn it."""
        period = row[2] // _PLANNED
        if period != self._planned:
            self._planned = period
            self._layouts.clear()
        if (kinds, keys) not in self._layouts:
            if len(self._layouts) >= _MAX_PLANS:
                self._layouts.clear()
            self._layouts[kinds, keys] = self._layout(kinds, keys, row, open_document)
        return self._layouts[kinds, keys]

    def _layout(
        self, kinds: tuple[Any, ...], keys: tuple[str, ...], row: Sequence[Any], open_document: OpenDocument
    ) -> _Layout | None:
        """Learn what rows like this one have in common; None if they need care, or a name has no room."""
        level, full, *kinds_of_values = kinds
        opened = open_document(encode(dict(zip(keys, range(len(keys)), strict=True)) | _IN_ORDER))
        if opened is None or len(set(keys)) < len(keys) or not _KNOWN.keys().isdisjoint(keys):
            return None
        _, names, positions = opened
        if len(names) < len(keys):
            return None
        added, terms, values, texts, ids = "", "", [], [], []
        for name, position in zip(names, positions, strict=True):
            kind, at = kinds_of_values[position], _COMMON + position
            for value in _samples(kind, row[at]):
                if self._names.put({name: value}, {}, []):
                    return None
            key = field_key(name)
            start = f',"{_escaped(text_term(key, "="))}'
            values.append(at)
            added += f',"{key}":'.replace("%", "%%") + ('"=%s"' if kind == "text" else "%s")
            if kind == "text" and key in self._names.ids:
                ids.append((at, start))
            elif kind == "text":
                texts.append(at)
                terms += start.replace("%", "%%") + '%s"'
        end = (',"level":%s' if level else "") + (',"full":"%s","marks":["full"]' if full else "")
        ends = [*([_LEVEL] if level else []), *([_FULL] if full else [])]
        picked = [*range(_ORIGIN_TERMS), *values, _ORIGIN_TERMS, *texts, _TERMS, *ends]
        return _Layout(
            f'{_START}{added}}},"terms":[%s{terms}%s]{end}}}',  # a `schema.Document`
            itemgetter(*picked),
            tuple(ids),
        )

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
        if not place % _PLANNED:
            self._plans.clear()
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
            self._origin = ((input, peer, port), *_origin(input, peer, port))
        timestamp, received, level = micros(document["timestamp"]), self._received[1], document.get("level")
        words = spaced_words(document["short_message"])
        rest = "" if level is None else f',"level":{level}'
        full = document.get("full_message")
        if full is not None:
            rest += f',"full":"{spaced_words(full)}","marks":["full"]'
        key = key_of(id, received_at) if type(id) is str else _UNSET
        if key is not _UNSET:
            rest += f',"key":{key}'
        terms = plan.terms % plan.texts(values)
        for position, start in plan.ids:
            if not is_id(values[position]):
                terms += f'{start}{values[position]}"'
        slot, low = slot_and_low(place)
        text = (
            f'{{"timestamp":{timestamp},"received":{received},"order":{place},"slot":{slot},"low":{low},'
            f'"source":"{source}",'
            f'"host":"{host}","words":"{words}","added":{{{self._origin[1]}{plan.added % values}}},'
            f'"terms":[{self._origin[2]}{terms}]{rest}}}'
        )  # a `schema.Document`
        return Indexable(text, timestamp, received)

    def _plan(self, names: tuple[str, ...], kinds: tuple[type, ...], values: tuple[Any, ...]) -> _Plan | None:
        """Learn what documents like this one have in common; None if they need care, or a name has no room."""
        if not {str, int, float}.issuperset(kinds) or self._names.put(dict(zip(names, values, strict=True)), {}, []):
            return None
        keys = [field_key(name) for name in names]
        slots = ['"=%s"' if kind is str else "%r" for kind in kinds]
        added = [f',"{key}":'.replace("%", "%%") + slot for key, slot in zip(keys, slots, strict=True)]
        texts = [position for position, kind in enumerate(kinds) if kind is str]
        ids = [position for position in texts if keys[position] in self._names.ids]
        terms = [position for position in texts if position not in ids]
        starts = [f',"{_escaped(text_term(key, "="))}' for key in keys]
        numbers = tuple(position for position, kind in enumerate(kinds) if kind is int)
        if len(self._plans) >= _MAX_PLANS:
            self._plans.clear()
        plan = self._plans[names, kinds] = _Plan(
            "".join(added),
            "".join([starts[position].replace("%", "%%") + '%s"' for position in terms]),
            itemgetter(*terms) if terms else lambda _: (),
            tuple((position, starts[position]) for position in ids),
            numbers,
        )
        return plan


def _samples(kind: Kind, value: str) -> tuple[FieldValue, ...]:
    """Return values of a kind: of texts one that is there, for it may be an id."""
    if kind == "text":
        return (value,)
    return {"whole": (1,), "decimal": (1.5,), "both": (1, 1.5)}[kind]


def _escaped(text: str) -> str:
    """Return a text as it stands between the quotes of JSON."""
    return encode(text).decode()[1:-1]


def _origin(input: str, peer: str | None, port: int) -> tuple[str, str]:
    """Return what the listener adds to ``added`` and ``terms``, without what is around them."""
    added: dict[str, Any] = {"@input": "=" + input} if input else {}
    if peer is not None:
        added["@ip"] = "=" + peer
    terms = [text_term(key, text) for key, text in added.items()]
    if peer is not None:
        added["@port"] = port
    return encode(added).decode()[1:-1], encode(terms).decode()[1:-1]
