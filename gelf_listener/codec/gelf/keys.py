"""
Keys: what the keys of additional fields become, looked at once.

A service sends the same keys in every message, so single keys and whole key sequences (a `Shape`) are remembered.
What is remembered is bounded in number and length, because a hostile sender never repeats himself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from gelf_listener.codec.scrub import scrub
from gelf_listener.notes import Deviation, Note

KNOWN = frozenset(("version", "host", "short_message", "full_message", "timestamp", "level"))
"""GELF's own fields."""

_ALIASES = (KNOWN - {"version"}) | {"source", "message"}
"""Names with a meaning of their own in a query; an additional field of that name gets a trailing underscore."""

MAX_NOTED = 200
"""Most characters of a key or detail in a note."""

_BAD_NAME_CHARACTER = re.compile(r"[^A-Za-z0-9_.@-]")
_MAX_REMEMBERED = 4096


@lru_cache(maxsize=_MAX_REMEMBERED)
def _remembered_note(deviation: Deviation, field: str, detail: str) -> Note:
    return Note(deviation, scrub(field), scrub(detail))


def note(deviation: Deviation, field: str = "", detail: str = "") -> Note:
    """Make a note, once if it is short: the same client deviates the same way in every message."""
    if len(field) + len(detail) <= MAX_NOTED:
        return _remembered_note(deviation, field, detail)
    return Note(deviation, scrub(field[:MAX_NOTED]), scrub(detail[:MAX_NOTED]))


class Key(NamedTuple):
    """
    What a key of an additional field becomes.

    Attributes:
        bare: Without the leading underscore.
        clean: The name it is stored under.
        notes: How it deviates.
        null: The note on a null value.
        boolean: The note on a boolean value.
    """

    bare: str
    clean: str
    notes: tuple[Note, ...]
    null: Note
    boolean: Note

    @classmethod
    def parse(cls, key: str) -> Key:
        """Make a clean name of a key."""
        notes = []
        bare = key
        if key.startswith("_") and len(key) > 1:
            bare = key[1:]
        elif key != "_":
            notes.append(note(Deviation.NO_UNDERSCORE, key))
        clean = _BAD_NAME_CHARACTER.sub("_", bare) or "_"
        if clean != bare:
            notes.append(note(Deviation.FIELD_NAME, key, f"kept as {clean[:MAX_NOTED]}"))
        if clean in _ALIASES:
            clean += "_"
            notes.append(note(Deviation.RESERVED_FIELD, key, f"kept as {clean}"))
        elif clean == "id":
            notes.append(note(Deviation.RESERVED_FIELD, key))
        if "." in clean:
            notes.append(note(Deviation.DOTTED_NAME, key))
        return cls(bare, clean, tuple(notes), note(Deviation.NULL, key), note(Deviation.BOOLEAN, key))


_remembered_key = lru_cache(maxsize=_MAX_REMEMBERED)(Key.parse)


def read_key(key: str) -> Key:
    """Return what a key becomes, from memory if it was seen before."""
    return _remembered_key(key) if len(key) <= MAX_NOTED else Key.parse(key)


_LOG2GELF = ("version", "timestamp", "level", "host", "short_message", "full_message")
_NPM_LEVEL = (note(Deviation.LEVEL_NPM, "level"),)
_GELF_RB = ("file", "line", "timestamp")
_RUBY_LEVEL = (note(Deviation.LEVEL_RUBY, "level"),)


def client_notes(keys: tuple[str, ...]) -> tuple[Note, ...]:
    """Return what there is to note on documents of a client that these keys, in this order, give away."""
    if keys[:6] == _LOG2GELF and {"_service", "_environment", "_release"} <= set(keys):
        return _NPM_LEVEL
    if keys[-3:] == _GELF_RB and {"version", "host", "level"} <= set(keys):
        return _RUBY_LEVEL
    return ()


class Shape(NamedTuple):
    """
    What documents with the same keys in the same order have in common.

    Attributes:
        pick: Gives the values of the additional fields, in order.
        keys: What their keys become.
        names: The names they are stored under.
        notes: How the keys deviate.
    """

    pick: Callable[[dict[str, Any]], tuple[Any, ...]]
    keys: tuple[Key, ...]
    names: tuple[str, ...]
    notes: tuple[Note, ...]

    @classmethod
    def parse(cls, keys: tuple[str, ...]) -> Shape | None:
        """Look at a document's keys; None when its fields have to be looked at one by one."""
        additional = [key for key in keys if key not in KNOWN]
        if len(additional) < 2:  # `itemgetter` returns no tuple
            return None
        read = tuple(map(read_key, additional))
        if len({key.clean for key in read}) < len(read):
            return None
        names = tuple([key.clean for key in read])
        return cls(
            itemgetter(*additional),
            read,
            names,
            (*client_notes(keys), *(each for key in read for each in key.notes)),
        )


class Shapes:
    """Shapes seen before: at most 1024, of at most 200 keys and 4096 characters each, and 20,000 keys together."""

    _MAX_SHAPES = 1024
    _MAX_KEYS = 200
    _MAX_CHARACTERS = 4096
    _MAX_TOTAL = 20_000

    def __init__(self) -> None:
        self._shapes: dict[tuple[str, ...], Shape | None] = {}
        self._total = 0

    def of(self, document: dict[str, Any]) -> Shape | None:
        """Return the shape of a document; None when it has none worth remembering."""
        keys = tuple(document)
        try:
            return self._shapes[keys]
        except KeyError:
            return self._learn(keys)

    def _learn(self, keys: tuple[str, ...]) -> Shape | None:
        if len(keys) > self._MAX_KEYS or sum(map(len, keys)) > self._MAX_CHARACTERS:
            return None
        self._total += len(keys)
        if self._total > self._MAX_TOTAL or len(self._shapes) >= self._MAX_SHAPES:
            self._shapes.clear()
            self._total = len(keys)
        shape = self._shapes[keys] = Shape.parse(keys)
        return shape
