"""
Documents: packed messages -> what the index is given of them, in one pass.

Nearly every message is a payload in order whose fields are plain values, and what its keys and the types of its values
say is looked up as a whole. Most of them lie in tables, and are read and written a column at a time (`sheets`,
`_Rows`): texts go into a document as they came, with what all have in common around them. One that cannot be read so,
for it has other values or few are like it, is parsed by itself, with a `_Plan`; that takes half of what making a
`Message` and reading its fields does. Every other message becomes one first. Tests hold the three ways to the same
documents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
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
    ids_test,
    is_id,
    key_of,
    micros,
    slot_and_low,
    text_term,
)
from gelf_listener.store.sheets import Kind, Slot, read_sheet
from gelf_listener.store.tables import Block, Table

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
    """A message as the index takes it, with its times in microseconds and its place."""

    text: str
    timestamp: int
    received: int
    place: int


class _Plan(NamedTuple):
    """
    What documents with the same names and types of values have in common.

    Attributes:
        added: Their additional fields as they stand in ``added``, a JSON text with a place for each value.
        terms: Those that stand in ``terms``, whatever their value, with a place for each.
        texts: Picks the values for these places.
        ids: Positions of texts that are mostly ids, how their terms begin, which are made where they are not, and keys.
        are_ids: Whether they are, of letters that are noted.
        numbers: Positions of whole numbers.
    """

    added: str
    terms: str
    texts: Callable[[tuple[Any, ...]], Any]
    ids: tuple[tuple[int, str, str], ...]
    are_ids: Callable[[tuple[Any, ...]], bool]
    numbers: tuple[int, ...]


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
_START = '{"timestamp":%s,"received":%s,"order":%s,"slot":%s,"low":%s,'
"""How a document begins."""


class _Rows:
    """Texts that differ in some places only."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._columns: list[Iterable[Any]] = []

    def put(self, text: str, *columns: Iterable[Any]) -> None:
        """Go on with a text and what stands in its places (``%s``) in each row."""
        self._text.append(text)
        self._columns += columns

    def texts(self) -> Iterator[str]:
        """Give the text of each row."""
        return map("".join(self._text).__mod__, zip(*self._columns, strict=True))


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
        self._keys: dict[tuple[Any, ...], list[str] | None] = {}
        """By kinds of values and keys of a payload: the keys of its additional fields."""
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
        if places[0] // _PLANNED != self._planned:
            self._planned = places[0] // _PLANNED
            self._keys.clear()
        keys, apart = self._keys_of(slots, open_document)
        if not all(keys):
            return nothing
        level, full, hosts = known.get("level"), known.get("full_message"), known["host"].values
        times = [micros(float(text)) for text in known["timestamp"].values]
        received = [origins[arrival][0] for arrival in arrivals]
        parts = [slot_and_low(place) for place in places]
        rows = _Rows()
        rows.put(_START, times, received, places, [part for part, _ in parts], [low for _, low in parts])
        rows.put('"source":"%s","host":"%s"', map(str.lower, hosts), hosts)
        rows.put(',"words":"%s"', spaced_words_of(known["short_message"].texts))
        rows.put(',"added":{%s', [origins[arrival][1] for arrival in arrivals])
        for slot, names in zip(slots, keys, strict=True):
            _put_value(rows, slot, names)
        rows.put('},"terms":[%s', [origins[arrival][2] for arrival in arrivals])
        for slot, names in zip(slots, keys, strict=True):
            if slot.kind == "text":
                _put_term(rows, slot, names, self._names)
        rows.put("]")
        if level is not None:
            rows.put(',"level":%s', level.values)
        if full is not None:
            rows.put(',"full":"%s","marks":["full"]', spaced_words_of(full.texts))
        rows.put("}")
        made = map(Indexable, rows.texts(), times, received, places)
        return [None if odd else each for each, odd in zip(made, apart, strict=True)] if apart else list(made)

    def _keys_of(
        self, slots: Sequence[Slot], open_document: OpenDocument
    ) -> tuple[Sequence[dict[str, str]], Sequence[bool]]:
        """
        Look up what the keys of payloads are in ``added``.

        Returns:
            For each slot, by key; nothing for one whose rows all need care. And for each row, whether it does; nothing
            if none does.
        """
        kinds = tuple([slot.kind for slot in slots])
        found: list[dict[str, str]] = [{} for _ in slots]
        odd = set()
        shapes = list(zip(*[slot.keys for slot in slots if not slot.same], strict=True)) or [()]
        for shape, row in dict(zip(shapes, range(len(shapes)), strict=True)).items():
            names = tuple([slot.keys[row] for slot in slots])
            if (kinds, names) not in self._keys:
                if len(self._keys) >= _MAX_PLANS:
                    self._keys.clear()
                values = [slot.values[row] for slot in slots]
                self._keys[kinds, names] = self._learn(kinds, names, values, open_document)
            keys = self._keys[kinds, names]
            if keys is None or any(
                [known.get(name, key) != key for known, name, key in zip(found, names, keys, strict=True)]
            ):
                odd.add(shape)
                continue
            for known, name, key in zip(found, names, keys, strict=True):
                known[name] = key
        return found, [shape in odd for shape in shapes] if odd else ()

    def _learn(
        self, kinds: tuple[Kind, ...], names: tuple[str, ...], values: Sequence[str], open_document: OpenDocument
    ) -> list[str] | None:
        """Learn what the keys of a payload are in ``added``, and note them; None if it needs care."""
        opened = open_document(encode(dict(zip(names, range(len(names)), strict=True)) | _IN_ORDER))
        if opened is None or len(set(names)) < len(names) or not _KNOWN.keys().isdisjoint(names):
            return None
        _, fields, positions = opened
        if len(fields) < len(names):
            return None
        keys = [""] * len(names)
        for field, position in zip(fields, positions, strict=True):
            for value in _samples(kinds[position], values[position]):
                if self._names.put({field: value}, {}, []):
                    return None
            keys[position] = field_key(field)
        return keys

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
            document_of(message, place, self._names), micros(message.timestamp), micros(message.received_at), place
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
        terms, letters = plan.terms % plan.texts(values), self._names.letters
        if not plan.are_ids(values):
            for position, start, field in plan.ids:
                value = values[position]
                if not is_id(value):
                    terms += f'{start}{value}"'
                elif value.strip(letters.get(field, value)):
                    self._names.note_letters(field, value)
                    self._plans.clear()
        slot, low = slot_and_low(place)
        text = (
            f'{{"timestamp":{timestamp},"received":{received},"order":{place},"slot":{slot},"low":{low},'
            f'"source":"{source}",'
            f'"host":"{host}","words":"{words}","added":{{{self._origin[1]}{plan.added % values}}},'
            f'"terms":[{self._origin[2]}{terms}]{rest}}}'
        )  # a `schema.Document`
        return Indexable(text, timestamp, received, place)

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
            tuple((position, starts[position], keys[position]) for position in ids),
            _are_ids(ids, [self._names.letters.get(keys[position]) for position in ids]),
            numbers,
        )
        return plan


def _put_value(rows: _Rows, slot: Slot, keys: dict[str, str]) -> None:
    """Put a field as it stands in ``added``."""
    value = '"=%s"' if slot.kind == "text" else "%s"
    if slot.same:
        rows.put(f',"{_literal(keys[slot.keys[0]])}":{value}', slot.values)
    else:
        rows.put(f',"%s":{value}', [keys.get(name) for name in slot.keys], slot.values)


def _put_term(rows: _Rows, slot: Slot, keys: dict[str, str], names: Names) -> None:
    """Put a text as it stands in ``terms``; an id whose name is noted has no term."""
    starts = {name: f',"{_escaped(text_term(key, "="))}' for name, key in keys.items()}
    noted = {name for name, key in keys.items() if key in names.ids}
    all_ids = len(noted) == len(keys) and are_ids(slot.texts)
    apart = slot.texts if all_ids or not noted else [text if is_id(text) else "" for text in slot.texts]
    if noted:
        ids = "".join(apart)
        for name in noted:
            names.note_letters(keys[name], ids)
    if all_ids:
        return
    if noted:
        rows.put(
            "%s",
            [
                "" if name in noted and id else f'{starts.get(name)}{value}"'
                for name, value, id in zip(slot.keys, slot.values, apart, strict=True)
            ],
        )
    elif slot.same:
        rows.put(_literal(starts[slot.keys[0]]) + '%s"', slot.values)
    else:
        rows.put('%s%s"', [starts.get(name) for name in slot.keys], slot.values)


def _are_ids(ids: Sequence[int], letters: Sequence[str | None]) -> Callable[[tuple[Any, ...]], bool]:
    """Return a test of a document's values: whether those at some positions are ids of some letters."""
    if not ids:
        return lambda _: True
    test, pick = ids_test(letters), itemgetter(*ids)
    if len(ids) == 1:
        return lambda values: test(pick(values)) is not None
    return lambda values: test("\0".join(pick(values))) is not None


def _literal(text: str) -> str:
    """Return a text as it stands between the places of another."""
    return text.replace("%", "%%")


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
