"""
Document classes: messages with the same fields -> GELF, in half the time that a dict takes (`python -m bench.intake`).

A service logs the same fields again and again. Where a sequence of names comes often, a class with these names is made,
whose instances msgspec writes without hashing and escaping a single name. The classes are bounded, and so are the names
that are counted.
"""

from __future__ import annotations

from typing import Any

import msgspec

OFTEN = 100
"""So many messages have the same names before a class is made of them, which costs as much as writing a hundred."""

_MAX_CLASSES = 256
_MAX_COUNTED = 512
_MAX_NAMES = 64
_MAX_CHARACTERS = 4096

_FIRST = ("version", "host", "short_message", "timestamp", "level")


class DocumentClasses:
    """Knows classes of documents by the names of their additional fields."""

    def __init__(self) -> None:
        self._classes: dict[tuple[str, ...], type[msgspec.Struct]] = {}
        self._counts: dict[tuple[str, ...], int] = {}

    def find(self, names: tuple[str, ...]) -> Any:
        """
        Return what makes a document.

        Args:
            names: Of additional fields, without underscores.

        Returns:
            A class of version, host, short_message, timestamp, level and the additional fields, in this order; None
            when these names are not known to come often.
        """
        found = self._classes.get(names)
        return self._count(names) if found is None else found

    def _count(self, names: tuple[str, ...]) -> type[msgspec.Struct] | None:
        count = self._counts.get(names, 0) + 1
        if count == 1:
            if _is_too_large(names):
                return None
            if len(self._counts) >= _MAX_COUNTED:
                self._counts.clear()
        self._counts[names] = count
        if count != OFTEN:
            return None
        if len(self._classes) >= _MAX_CLASSES:
            self._classes.clear()
        self._counts.pop(names, None)  # outputs write in threads of their own
        made = make_document_class(names)
        if made is None:
            return None
        self._classes[names] = made
        return made


def _is_too_large(names: tuple[str, ...]) -> bool:
    return len(names) > _MAX_NAMES or sum(map(len, names)) > _MAX_CHARACTERS


def make_document_class(names: tuple[str, ...]) -> type[msgspec.Struct] | None:
    """Make a class for names at once; None when they are too many, or there is one twice, or one that JSON escapes."""
    if _is_too_large(names) or len(set(names)) < len(names):
        return None
    written = [*_FIRST, *["_" + name for name in names]]
    rename = {f"f{number}": name for number, name in enumerate(written)}
    try:
        return msgspec.defstruct("Document", [(field, Any) for field in rename], rename=rename, gc=False, eq=False)
    except ValueError:
        return None
