"""
JSON shapes: documents with the same names again and again -> their values, without a dict for any of them.

A line of code logs documents with the same names. Of one of them a class is made, into which msgspec reads those that
follow in a third of the time that a dict takes. What has another name, lacks one, or has a list or null somewhere, is
of another shape (see `python -m bench.intake`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from operator import attrgetter
from typing import Any, Generic, TypeVar

import msgspec

__all__ = ["JsonShapes", "Values", "names_of"]

Values = tuple[str | int | float | bool, ...]
"""Of a document, in the order of `names_of`."""

Meaning = TypeVar("Meaning")

_LEARN_EVERY = 32
"""Of so many documents that no shape has, one is looked at: making a class costs as much as reading five."""
_MAX_SHAPES = 8
_MAX_MISSES = 256
"""A shape that so many documents in a row do not have is forgotten: asking costs a twentieth of reading one."""
_MAX_DEPTH = 8
_MAX_NAMES = 64
_MAX_CHARACTERS = 4096
_SCALARS = frozenset((str, int, float, bool))
_Value = str | int | float | bool


class _Shape(Generic[Meaning]):
    """A class, and what its documents mean to whoever reads them."""

    def __init__(self, document: dict[str, Any], meaning: Meaning) -> None:
        numbers = count()
        ways: list[str] = []
        self.decode = msgspec.json.Decoder(_class_of(document, "", ways, numbers)).decode
        self.values: Callable[[Any], Values] = attrgetter(*ways)
        self.names = frozenset(names_of(document))
        self.meaning = meaning
        self.misses = 0


def _class_of(document: dict[str, Any], way: str, ways: list[str], numbers: count[int]) -> type[msgspec.Struct]:
    """Make a class for an object, and for those in it; `ways` are the attributes that have values."""
    fields: list[tuple[str, Any]] = []
    rename = {}
    for name, value in document.items():
        field = f"f{next(numbers)}"
        rename[field] = name
        if type(value) is dict:
            fields.append((field, _class_of(value, f"{way}{field}.", ways, numbers)))
        else:
            fields.append((field, _Value))
            ways.append(way + field)
    return msgspec.defstruct("Document", fields, rename=rename, forbid_unknown_fields=True, gc=False, eq=False)


def names_of(document: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return the ways to all values of a document, in order."""
    ways: list[tuple[str, ...]] = []
    for name, value in document.items():
        ways += [(name, *way) for way in names_of(value)] if type(value) is dict else [(name,)]
    return ways


def _is_plain(document: dict[str, Any], depth: int = 1) -> bool:
    """Whether all values are texts, numbers and truth values, or objects of such."""
    for value in document.values():
        if type(value) is dict:
            if depth >= _MAX_DEPTH or not _is_plain(value, depth + 1):
                return False
        elif type(value) not in _SCALARS:
            return False
    return True


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

    def read(self, documents: Sequence[bytes]) -> list[tuple[Meaning, list[int], list[Values]]]:
        """
        Read the documents that have a shape.

        Returns:
            For each shape what it means, the places of its documents among those given, and their values. What is in
            none of these is to be read in another way.
        """
        found: dict[_Shape[Meaning], tuple[list[int], list[Values]]] = {}
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
                rows[1].append(shape.values(read))
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
        return [(shape.meaning, *rows) for shape, rows in found.items()]

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
        if any(shape.names == frozenset(names) for shape in self._shapes):
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
