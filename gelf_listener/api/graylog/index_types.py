"""
Index types: as what the index of a Graylog would have each field.

An index takes the type of the first value it gets (dynamic mapping): a text that is a date makes a field of dates,
decimals have 32 bits. So where a field has had values of several types, the first message decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

from gelf_listener.query.fields import FieldType, getter, is_lower_case, known_field
from gelf_listener.query.nodes import Exists
from gelf_listener.store import Store
from gelf_listener.store.parameters import EVERYTHING, Reading, Sort
from gelf_listener.store.readings import moment_of

IndexType: TypeAlias = Literal["text", "keyword", "long", "float", "date", "boolean"]
"""As OpenSearch names them; ``text`` can be searched only."""

_KNOWN: Mapping[FieldType, IndexType] = {
    "string": "keyword",
    "ip": "keyword",
    "text": "text",
    "long": "long",
    "double": "float",
    "date": "date",
    "boolean": "boolean",
}
_MOST_LOOKED_AT = 500
"""Fields whose first message is read; of more at a time it is not said that they hold dates."""
_FIRST = Sort("gl2_receive_timestamp", descending=False)


async def index_types(store: Store, names: Iterable[str]) -> dict[str, IndexType]:
    """Return the types of some fields by their names; those that no message has are left out."""
    wanted = set(names)
    found = {name: type for name in wanted if (type := _known_type(name)) is not None}
    others = sorted(name for name in wanted - found.keys() if known_field(name) is None)
    if not others:
        return found
    stored: dict[str, tuple[FieldType, ...]] = {}
    for field in await store.fields():
        stored[field.name] = stored[field.name.replace(".", "_")] = field.types
    looked_at = 0
    for name in others:
        types = stored.get(name, ())
        if len(types) == 1 and types != ("string",):
            found[name] = _KNOWN[types[0]]
        elif types and looked_at < _MOST_LOOKED_AT:
            looked_at += 1
            found[name] = await _first_type(store, name)
        elif types:
            found[name] = "keyword"
    return found


async def index_type(store: Store, name: str) -> IndexType | None:
    """Return the type of a field; None where no message has it."""
    return (await index_types(store, [name])).get(name)


def _known_type(name: str) -> IndexType | None:
    known = known_field(name)
    if known is not None:
        return _KNOWN[known.type] if known.name == name else None
    return "keyword" if name == "streams" else None


async def _first_type(store: Store, name: str) -> IndexType:
    """Return the type of what the first message has in a field."""
    first = await store.search(Exists(name), EVERYTHING, limit=1, sort=_FIRST)
    value = next((getter(name)(message) for message in first.messages), None)
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "keyword" if moment_of(value) is None else "date"
    return "keyword" if value is None else "long" if isinstance(value, int) else "float"


def is_number(type: IndexType | None) -> bool:
    """Whether a field can be computed with; one that no message has gives nothing, which is not a mistake."""
    return type not in ("text", "keyword")


def reading_of(name: str, type: IndexType | None) -> Reading:
    """Return how an index reads the values of a field."""
    if folds(name):
        return "lower"
    if type == "float":
        return "single"
    return "moment" if type == "date" and known_field(name) is None else "stored"


def folds(name: str) -> bool:
    """Whether values that differ in case only are one."""
    return is_lower_case(name)
