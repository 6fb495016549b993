"""
Differences: what a real Graylog would make of a query in the extended language.

Both parsers read it. Where their trees are not the same, or a leaf is of a kind that finds other values there, the
reasons are told leaf by leaf: what a Graylog does, and what to write so that both agree. Whether that changes what is
found depends on the messages, so whoever has a store counts both.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

from gelf_listener.errors import QueryError
from gelf_listener.query.fields import FIRST_OF, GRAYLOG_NAMES, is_analysed, is_time_field, known_field
from gelf_listener.query.graylog import parse_graylog
from gelf_listener.query.graylog_values import interval_of, parse_date
from gelf_listener.query.nodes import (
    Exists,
    Fuzzy,
    Group,
    Leaf,
    MatchAll,
    Matches,
    Node,
    Phrase,
    Range,
    Regex,
    Term,
    Wildcard,
    leaves_of,
)
from gelf_listener.query.parser import Hint, Query
from gelf_listener.query.times import parse_time

_MOST = 5
"""Hints for one query."""

_SHOWN = 60
"""Characters of a query that a hint says again."""

_BLANK = re.compile(r"(?<!\\)\s")
_AFTER_COMPARISON = re.compile(r"([<>]=?)(\s|\")")


class Difference(NamedTuple):
    """
    What a real Graylog does with a query.

    Attributes:
        node: What it searches; None when it refuses the query.
        hints: Why that may find something else, most of them with what to write; none where it finds the same.
    """

    node: Node | None
    hints: tuple[Hint, ...]


def difference(query: Query) -> Difference:
    """
    Say how a Graylog differs.

    Args:
        query: In the extended language.
    """
    try:
        there = parse_graylog(query.text)
    except QueryError as error:
        return Difference(None, (Hint(f"a real Graylog refuses this: {error.detail}", error.column),))
    told = [hint for leaf in leaves_of(there.node) if (hint := _of_words(leaf, query.text))]
    told += [hint for leaf in leaves_of(query.node) if (hint := _of_leaf(leaf, there.node, query.text))]
    told.sort(key=lambda hint: hint.column)
    if not told and _plain(query.node) != _plain(there.node):
        told = [Hint(f"a real Graylog reads this as {_shown(str(there.node))}", 1)]
    return Difference(there.node, tuple(told[:_MOST]))


# --- leaves of Graylog's tree


def _of_words(leaf: Leaf, text: str) -> Hint | None:
    """Words without an operator between them, and signs that are words."""
    if not isinstance(leaf, Term):
        return None
    start, end = leaf.columns
    written = text[start - 1 : end - 1]
    if leaf.text in ("+", "-", "!") and "\\" not in written:
        return Hint(f"in a real Graylog {leaf.text} with a blank behind it is a word; leave the blank out", start)
    if not _BLANK.search(written) or (leaf.field is not None and is_analysed(leaf.field)):
        return None
    words = _shown(leaf.text)
    if leaf.field is None:
        told = f"{words!r} as a whole in every field but message and full_message"
    else:
        told = f"a {leaf.field} that is {words!r}"
    return Hint(f"a real Graylog takes these words as one text and looks for {told}; write OR between them", start)


# --- leaves of the extended tree


def _of_leaf(leaf: Leaf, there: Node, text: str) -> Hint | None:
    """What one leaf of the extended language means to a Graylog."""
    written = text[leaf.columns[0] - 1 : leaf.columns[1] - 1]
    reason = (
        _of_name(leaf)
        or _of_time(leaf)
        or _of_edits(leaf, there)
        or _of_comparison(leaf, written)
        or _of_level(leaf, written)
        or _of_pattern(leaf)
        or _of_date(leaf)
    )
    return Hint(reason, max(leaf.columns[0], 1)) if reason else None


def _of_name(leaf: Leaf) -> str:
    field = leaf.field or ""
    if field == "_index":
        return ""
    if "*" in field:
        return f"a real Graylog looks in every field whose name fits {field}"
    if field in GRAYLOG_NAMES:
        return f"a real Graylog has no field {field}; write {GRAYLOG_NAMES[field]}"
    if field in FIRST_OF:
        return f"a real Graylog looks at the field {field} only, here it is also {', '.join(FIRST_OF[field][1:4])}, …"
    if field.startswith("_") and known_field(field) is None:
        return f"a real Graylog stores fields without the underscore; write {field[1:]}"
    if "." in field:
        return f"a real Graylog stores fields with underscores instead of dots; write {field.replace('.', '_')}"
    return ""


def _of_time(leaf: Leaf) -> str:
    """A form of time that Graylog's own times do not take."""
    known = known_field(leaf.field or "")
    if known is None or known.matching != "time":
        return ""
    if isinstance(leaf, (Term, Phrase)):
        leaf = Range(known.name, leaf.text, leaf.text)
    if isinstance(leaf, Exists) or (isinstance(leaf, Range) and interval_of(leaf, 0.0, "stored") is not None):
        return ""
    form = '["2026-11-23 09:53:08.175" TO *]'
    return f"a real Graylog takes times of {known.name} only as in {form}, and date math from now"


def _of_edits(leaf: Leaf, there: Node) -> str:
    """A similar word, whose edits are counted in another way."""
    if not isinstance(leaf, Fuzzy):
        return ""
    same = [each for each in leaves_of(there) if isinstance(each, Fuzzy) and each.columns == leaf.columns]
    if not same or same[0].distance == leaf.distance:
        return ""
    edits = f"{same[0].distance or 'no'} edit{'s' if same[0].distance == 2 else ''}"
    return f"a real Graylog allows {edits} here; write {leaf.text}~{leaf.distance}"


def _of_comparison(leaf: Leaf, written: str) -> str:
    match = _AFTER_COMPARISON.search(written) if isinstance(leaf, Range) else None
    if match is None:
        return ""
    return f"a real Graylog takes no {'quotation marks' if match[2] == chr(34) else 'blank'} behind {match[1]}"


def _of_level(leaf: Leaf, written: str) -> str:
    """The name of a level, which the tree has as its number."""
    if leaf.field != "level" or not isinstance(leaf, (Term, Phrase, Range)):
        return ""
    texts = (leaf.low, leaf.high) if isinstance(leaf, Range) else (leaf.text,)
    named = next((text for text in texts if text is not None and text.isdigit() and text not in written), None)
    return "" if named is None else f"a real Graylog knows levels by their numbers only; write {named}"


def _of_pattern(leaf: Leaf) -> str:
    if not isinstance(leaf, (Wildcard, Regex, Fuzzy)) or (leaf.field is not None and is_analysed(leaf.field)):
        return ""
    return "" if leaf.field == "source" else "a real Graylog finds no numbers and no dates by a pattern"


def _of_date(leaf: Leaf) -> str:
    """What may be a date in an additional field."""
    if leaf.field is None or is_time_field(leaf.field) or known_field(leaf.field) is not None:
        return ""
    ends = (leaf.low, leaf.high) if isinstance(leaf, Range) else (getattr(leaf, "text", None),)
    found = [(parse_time(end, 0.0), parse_date(end, 0.0, "iso")) for end in ends if end is not None]
    if any(here is not None and here != there for here, there in found):
        return "a real Graylog takes dates of a field only in ISO 8601, and a month or year as its first day"
    return ""


# --- trees


def _plain(node: Node) -> Node:
    """Return a tree without what makes no difference."""
    if isinstance(node, Group):
        return _plain_group(node)
    if isinstance(node, (MatchAll, Matches)):
        return node
    if isinstance(node, Range) and node.low is None and node.high is None and node.field is not None:
        node = Exists(node.field)
    if isinstance(node, Exists):
        known = known_field(node.field)
        return MatchAll() if known is not None and known.always else Exists(node.field)
    if isinstance(node, Term) and node.field is not None and is_analysed(node.field) and " " in node.text:
        return Group(should=tuple(Term(node.field, word) for word in node.text.split(" ")))
    return replace(node, graylog=False)


def _plain_group(node: Group) -> Node:
    must, must_not = tuple(map(_plain, node.must)), tuple(map(_plain, node.must_not))
    should: list[Node] = []
    for inner in map(_plain, node.should):
        alone = isinstance(inner, Group) and not inner.must and not inner.must_not
        should += inner.should if isinstance(inner, Group) and alone else (inner,)
    if not must and not must_not and len(should) == 1:
        return should[0]
    return Group(must, tuple(should), must_not)


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
