"""Explanation: why a message does not match a query, clause by clause."""

from __future__ import annotations

import difflib

from gelf_listener.message import Message
from gelf_listener.query.fields import GRAYLOG_NAMES, getter
from gelf_listener.query.nodes import Exists, Group, MatchAll, Matches, Node
from gelf_listener.query.parser import Query, parse
from gelf_listener.query.predicate import compile_predicate

_MOST_CHARACTERS = 200
"""How much of a value is shown."""

_MOST_NAMES = 50
"""How many field names of a message are looked through for one that was probably meant."""


def explain(query: str | Query | Node, message: Message) -> list[str]:
    """
    Say why a message does not match.

    Args:
        query: A query, parsed or not.
        message: Any message.

    Returns:
        A line for every clause that fails, with what the message has instead; none when the message matches.

    Raises:
        QueryError: If the text is not a query.
    """
    if isinstance(query, str):
        query = parse(query)
    return _explain(query.node, message, query.text) if isinstance(query, Query) else _explain(query, message, "")


def _explain(node: Node, message: Message, text: str) -> list[str]:
    if compile_predicate(node)(message):
        return []
    if not isinstance(node, Group):
        return [f"{_written(node, text)}: {_instead(node, message)}"]
    lines = [line for inner in node.must for line in _explain(inner, message, text)]
    unwanted = [inner for inner in node.must_not if compile_predicate(inner)(message)]
    lines += [f"NOT {_nested(inner, text)}: {_present(inner, message)}" for inner in unwanted]
    if node.should and not node.must:
        failed = [_explain(inner, message, text) for inner in node.should]
        if all(failed):
            lines.append("none of: " + "; ".join(line for inner in failed for line in inner))
    return lines


def _nested(node: Node, text: str) -> str:
    return f"({node})" if isinstance(node, Group) else _written(node, text)


def _written(node: Node, text: str) -> str:
    """Return a leaf as it stands in the query; as it is read where there is none, or its field stands elsewhere."""
    start, end = getattr(node, "columns", (0, 0))
    written = text[start - 1 : end - 1] if start else ""
    field = getattr(node, "field", None)
    return written if written and (field is None or field in written) else str(node)


def _instead(node: Node, message: Message) -> str:
    """Say what a message has where a leaf looked."""
    field = None if isinstance(node, (MatchAll, Group, Matches)) else node.field
    if field is None:
        return "no field has it"
    value = getter(field)(message)
    if value is None:
        near = difflib.get_close_matches(field, list(message.fields)[:_MOST_NAMES], n=1)
        return f"there is no field {field!r}" + (f"; there is {near[0]!r}" if near else "")
    return _shown(field, value)


def _present(node: Node, message: Message) -> str:
    """Say what a message has that it should not."""
    if isinstance(node, (MatchAll, Group, Matches)) or node.field is None:
        return "it matches"
    value = getter(node.field)(message)
    if value is None:
        return "it matches"
    return "it is there" if isinstance(node, Exists) else _shown(node.field, value)


def _shown(field: str, value: object) -> str:
    text = repr(value)
    if len(text) > _MOST_CHARACTERS:
        text = text[: _MOST_CHARACTERS - 1] + "…"
    return f"{GRAYLOG_NAMES.get(field, field)} is {text}"
