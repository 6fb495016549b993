"""
JSON shapes: documents with the same names again and again -> their values by columns, without a dict for any of them.

A line of code logs documents with the same names. Of one of them a class is made, into which msgspec reads those that
follow in a third of the time that a dict takes. A value may be null or missing then; what has another name, or a list
or an object where there was none, is of another shape (see `python -m bench.intake`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

import msgspec

Column = list[Any]
"""The values of one name: texts, numbers of 64 bits, truth values, lists that are not empty; None for nothing."""

Meaning = TypeVar("Meaning")

_LEARN_EVERY = 32
"""Of so many documents that no shape has, one is looked at: making a class costs as much as reading five."""
_MAX_SHAPES = 8
_MAX_MISSES = 256
"""A shape that so many documents in a row do not have is forgotten: asking costs a twentieth of reading one."""
_PAUSE = 16
"""So many times documents are read one by one after some that could not be read together."""
_MAX_DEPTH = 8
_MAX_NAMES = 64
_MAX_CHARACTERS = 4096
_OPENS, _CLOSES = {b"{"}, {b"}"}
_SCALARS = frozenset((str, int, float, bool, type(None)))
_Value = str | Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)] | float | bool
_List = Annotated[list[Any], msgspec.Meta(min_length=1)]


class Rows(NamedTuple, Generic[Meaning]):
    """
    Documents of one shape.

    Attributes:
        meaning: Of the shape.
        places: Where they are among those that were given.
        columns: Their values, in the order of `names_of`.
        is_whole: Whether it is known that no value is None, but of names that were null in the first of all.
    """

    meaning: Meaning
    places: Sequence[int]
    columns: list[Column]
    is_whole: bool


class _Shape(Generic[Meaning]):
    """Classes, and what their documents mean to whoever reads them."""

    def __init__(self, document: dict[str, Any], meaning: Meaning) -> None:
        self.kinds = _kinds_of(document)
        self.meaning = meaning
        self.misses = 0
        self._steps: list[tuple[int, Callable[[Any], Any]]] = []
        """How each column is made of another one; the first are the documents."""
        self._leaves: list[int] = []
        self.decode = msgspec.json.Decoder(_class_of(document, is_loose=True, may_miss=not _has_lists(document))).decode
        self._decode_lines = msgspec.json.Decoder(_class_of(document, is_loose=False, may_miss=False)).decode_lines
        self._plan(document, 0)

    def _plan(self, document: dict[str, Any], parent: int) -> None:
        for number, value in enumerate(document.values()):
            self._steps.append((parent, attrgetter(f"f{number}")))
            if type(value) is dict:
                self._plan(value, len(self._steps))
            else:
                self._leaves.append(len(self._steps))

    def columns(self, read: list[Any]) -> list[Column]:
        """Return the values of documents."""
        columns = [read]
        for parent, get in self._steps:
            above = columns[parent]
            if parent and None in above:
                columns.append([None if each is None else get(each) for each in above])
            else:
                columns.append([*map(get, above)])
        return [columns[leaf] for leaf in self._leaves]

    def read_together(self, documents: Sequence[bytes]) -> list[Any] | None:
        """Read documents that all have the shape and lack nothing; None if they do not, or may not."""
        # Only so does a document end where the next one begins: no text has an end of a line in it, and within an
        # object none begins right behind another.
        if {document[:1] for document in documents} != _OPENS or {document[-1:] for document in documents} != _CLOSES:
            return None
        try:
            read: list[Any] = self._decode_lines(b"\n".join(documents))
        except (ValueError, RecursionError):
            return None
        return read if len(read) == len(documents) else None


def _class_of(document: dict[str, Any], *, is_loose: bool, may_miss: bool) -> Any:
    """Make a class for an object, and for those in it; where it is loose, values may be null, or even missing."""
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    rename = {}
    for number, (name, value) in enumerate(document.items()):
        field = f"f{number}"
        rename[field] = name
        kind: Any = _Value
        if type(value) is dict:
            kind = _class_of(value, is_loose=is_loose, may_miss=may_miss)
        elif type(value) is list:
            kind = _List
        if value is None:
            kind = None
        elif is_loose:
            kind = kind | None
        fields.append((field, kind, None) if may_miss else (field, kind))
    return msgspec.defstruct("Document", fields, rename=rename, forbid_unknown_fields=True, gc=False, eq=False)


def names_of(document: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return the ways to all values of a document, in order."""
    ways: list[tuple[str, ...]] = []
    for name, value in document.items():
        ways += [(name, *way) for way in names_of(value)] if type(value) is dict else [(name,)]
    return ways


def _is_plain(document: dict[str, Any], depth: int = 1) -> bool:
    """Whether all values may be in columns, or are objects of such."""
    for value in document.values():
        if type(value) is dict:
            if depth >= _MAX_DEPTH or not _is_plain(value, depth + 1):
                return False
        elif type(value) not in _SCALARS and not (type(value) is list and value):
            return False
    return True


def _kinds_of(document: dict[str, Any]) -> frozenset[tuple[object, ...]]:
    """Return the ways to all values, and whether each is null or a list: what tells a shape from others."""
    ways: set[tuple[object, ...]] = set()
    for name, value in document.items():
        if type(value) is dict:
            ways |= {(name, *way) for way in _kinds_of(value)}
        else:
            ways.add((name, value is None, type(value) is list))
    return frozenset(ways)


def _has_lists(document: dict[str, Any]) -> bool:
    return any(type(value) is list or (type(value) is dict and _has_lists(value)) for value in document.values())


class JsonShapes(Generic[Meaning]):
    """
    Knows the shapes of the documents that came last.

    Args:
        learn: Says what documents like one mean; None: they are to be read as they are.
    """

    def __init__(self, learn: Callable[[dict[str, Any]], Meaning | None]) -> None:
        self._learn_meaning = learn
        self._shapes: list[_Shape[Meaning]] = []
        self._missed = 0
        self._pause = 0
        """How many times documents are still to be read one by one."""

    def read(self, documents: Sequence[bytes]) -> list[Rows[Meaning]]:
        """
        Read the documents that have a shape.

        Returns:
            Those of each shape. What is in none of these is to be read in another way.
        """
        if self._shapes and not self._pause and documents:
            first = self._shapes[0]
            read = first.read_together(documents)
            if read is not None:
                return [Rows(first.meaning, range(len(documents)), first.columns(read), True)]
            self._pause = _PAUSE
        self._pause = max(self._pause - 1, 0)
        return self._read_each(documents)

    def _read_each(self, documents: Sequence[bytes]) -> list[Rows[Meaning]]:
        found: dict[_Shape[Meaning], tuple[list[int], list[Any]]] = {}
        shapes = self._shapes
        missed = b""
        for place, document in enumerate(documents):
            for shape in shapes:
                try:
                    read = shape.decode(document)
                except (ValueError, RecursionError):
                    shape.misses += 1
                    continue
                shape.misses = 0
                rows = found.get(shape)
                if rows is None:
                    rows = found[shape] = [], []
                rows[0].append(place)
                rows[1].append(read)
                break
            else:
                self._missed += 1
                missed = document
        if len(shapes) > 1:
            self._shapes = shapes = [shape for shape in shapes if shape.misses < _MAX_MISSES]
            shapes.sort(key=lambda shape: len(found[shape][0]) if shape in found else 0, reverse=True)
        if self._missed >= _LEARN_EVERY and missed:
            self._missed = 0
            self._learn(missed)
        return [Rows(shape.meaning, places, shape.columns(read), False) for shape, (places, read) in found.items()]

    def _learn(self, document: bytes) -> None:
        """Make a shape of a document; the one that came least goes."""
        try:
            value = msgspec.json.decode(document)
        except (ValueError, RecursionError):
            return
        if type(value) is not dict or not _is_plain(value):
            return
        names = names_of(value)
        if not 2 <= len(names) <= _MAX_NAMES or sum(len(part) for way in names for part in way) > _MAX_CHARACTERS:
            return
        if any(shape.kinds == _kinds_of(value) for shape in self._shapes):
            return
        meaning = self._learn_meaning(value)
        if meaning is None:
            return
        try:
            shape = _Shape(value, meaning)
        except ValueError:  # a name that JSON has to escape
            return
        del self._shapes[_MAX_SHAPES - 1 :]
        self._shapes.insert(0, shape)
        self._pause = 0
