"""
Nodes: the tree a query becomes.

A leaf names a field, or none, which means every field of a message. Boolean structure is Lucene's: a group has clauses
that must match, should match (at least one, where nothing must) and must not match. ``str(node)`` writes a query that
parses to the same tree.

Every node knows its columns in the query it was parsed from, for errors that are found later, such as a range that a
store cannot compile. Nodes that mean the same are equal wherever they stand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from gelf_listener.message import Message

_SPECIAL = re.compile(r'([\\+\-!():^\[\]"{}~*?/&|<>=\s])')
_OPERATORS = frozenset(("AND", "OR", "NOT", "TO"))


def escape(text: str) -> str:
    """Write a text so that the parser reads it as one plain term."""
    escaped = _SPECIAL.sub(r"\\\1", text)
    return "\\" + escaped if text in _OPERATORS else escaped


def _prefix(field: str | None) -> str:
    return "" if field is None else escape(field) + ":"


@dataclass(frozen=True, slots=True)
class _Placed:
    """
    What every node has.

    Attributes:
        columns: 1-based columns of its first character and of the one behind its last; (0, 0) when it was not parsed.
    """

    columns: tuple[int, int] = field(default=(0, 0), compare=False, repr=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class _Leaf(_Placed):
    """
    What looks at values.

    Attributes:
        graylog: Whether it means what a Graylog's index makes of it: fields by their stored names, every value with
            one type (`query.graylog_values`). Otherwise it means what the extended language says.
    """

    graylog: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class MatchAll(_Placed):
    """Every message: ``*`` or nothing."""

    def __str__(self) -> str:
        return "*"


@dataclass(frozen=True, slots=True)
class Term(_Leaf):
    """One word: ``ssh``, ``level:3``."""

    field: str | None
    text: str

    def __str__(self) -> str:
        return _prefix(self.field) + (escape(self.text) if self.text else '""')


@dataclass(frozen=True, slots=True)
class Phrase(_Leaf):
    """Words in a row, at most ``slop`` moves apart: ``"ssh login"``, ``"foo bar"~5``."""

    field: str | None
    text: str
    slop: int = 0

    def __str__(self) -> str:
        text = self.text.replace("\\", "\\\\").replace('"', '\\"')
        return f'{_prefix(self.field)}"{text}"' + (f"~{self.slop}" if self.slop else "")


@dataclass(frozen=True, slots=True)
class Wildcard(_Leaf):
    """
    A pattern: ``exam?le*``.

    Attributes:
        parts: Literal texts and the wildcards ``*`` and ``?`` between them; literals are marked by their tuple.
    """

    field: str | None
    parts: tuple[tuple[bool, str], ...]

    def __str__(self) -> str:
        pattern = "".join(text if wild else escape(text) for wild, text in self.parts)
        return _prefix(self.field) + pattern


@dataclass(frozen=True, slots=True)
class Regex(_Leaf):
    """A whole value or word in Lucene's regular expressions: ``/ethernet[0-9]+/``."""

    field: str | None
    pattern: str

    def __str__(self) -> str:
        return f"{_prefix(self.field)}/{self.pattern}/"


@dataclass(frozen=True, slots=True)
class Fuzzy(_Leaf):
    """A word with at most ``distance`` edits: ``logni~``."""

    field: str | None
    text: str
    distance: int

    def __str__(self) -> str:
        return f"{_prefix(self.field)}{escape(self.text)}~{self.distance}"


@dataclass(frozen=True, slots=True)
class Range(_Leaf):
    """Values between two ends, of which None is open: ``[500 TO 504]``, ``>=400``."""

    field: str | None
    low: str | None
    high: str | None
    include_low: bool = True
    include_high: bool = True

    def __str__(self) -> str:
        low = "*" if self.low is None else _quoted(self.low)
        high = "*" if self.high is None else _quoted(self.high)
        opening, closing = "[" if self.include_low else "{", "]" if self.include_high else "}"
        return f"{_prefix(self.field)}{opening}{low} TO {high}{closing}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@dataclass(frozen=True, slots=True)
class Exists(_Leaf):
    """A message that has a field: ``_exists_:type``."""

    field: str

    def __str__(self) -> str:
        return f"_exists_:{escape(self.field)}"


@dataclass(frozen=True, slots=True)
class Group(_Placed):
    """
    Clauses in Lucene's sense.

    A message matches when it matches all of ``must``, none of ``must_not``, and, where ``must`` is empty but
    ``should`` is not, at least one of ``should``. With ``must_not`` alone, everything else matches.
    """

    must: tuple[Node, ...] = ()
    should: tuple[Node, ...] = ()
    must_not: tuple[Node, ...] = ()

    def __str__(self) -> str:
        clauses = [*("+" + _nested(node) for node in self.must), *(_nested(node) for node in self.should)]
        clauses += ["-" + _nested(node) for node in self.must_not]
        return " ".join(clauses)


@dataclass(frozen=True, slots=True)
class Matches(_Placed):
    """
    What no query can say, tested on the messages themselves: a rule of a stream.

    Attributes:
        roughly: A query that finds at least the messages that pass the test.
        test: Tells whether a message matches; never raises.
    """

    roughly: Node
    test: Callable[[Message], bool]

    @property
    def field(self) -> None:
        """None: the test decides what it looks at."""
        return

    def __str__(self) -> str:
        return _nested(self.roughly)


def _nested(node: Node) -> str:
    return f"({node})" if isinstance(node, Group) else str(node)


Leaf: TypeAlias = Term | Phrase | Wildcard | Regex | Fuzzy | Range | Exists
Node: TypeAlias = MatchAll | Leaf | Group | Matches


def leaves_of(node: Node) -> Iterator[Leaf]:
    """Give what looks at messages by itself, in the order it is written; what matches everything is left out."""
    if isinstance(node, Group):
        for inner in (*node.must, *node.should, *node.must_not):
            yield from leaves_of(inner)
    elif not isinstance(node, (MatchAll, Matches)):
        yield node
