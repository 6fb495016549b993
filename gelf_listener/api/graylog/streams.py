"""
Streams: rules as Graylog has them, or a query, each with a name.

A stream has no messages of its own. What is "in" it is whatever its rules match, so a stream that is made today finds
what was stored yesterday. Every message is in the default stream as well, unless a stream removes what it matches.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple

from gelf_listener.api.catalog import Catalog
from gelf_listener.api.errors import ApiError
from gelf_listener.api.graylog.rules import Rule, compile_rules, node_of
from gelf_listener.errors import QueryError
from gelf_listener.message import Message
from gelf_listener.query import Meaning, Query, compile_predicate, parse, parse_as
from gelf_listener.query.nodes import Exists, Group, MatchAll, Node, Phrase, Term, Wildcard

DEFAULT_STREAM = "000000000000000000000001"
"""Graylog's id of the stream every message is in."""

DEFAULT_TITLE = "Default Stream"

NOTHING = Group(must_not=(MatchAll(),))
"""The query that no message matches."""

_ID = re.compile(r"[0-9a-fA-F]{24}")

_log = logging.getLogger(__name__)


class _Compiled(NamedTuple):
    """A stream's document, what it searches and the test for it."""

    document: dict[str, Any]
    node: Node
    matches: Callable[[Message], bool]


class Streams:
    """
    All streams of a catalog, ready to be asked.

    Args:
        catalog: Where they are kept.
        meaning: Whose rules the queries of Graylog's API follow.
    """

    def __init__(self, catalog: Catalog, meaning: Meaning = "graylog") -> None:
        self._catalog = catalog
        self._meaning: Meaning = meaning
        self._compiled: dict[str, _Compiled] = {}

    def of(self, message: Message) -> list[str]:
        """Return the ids of the streams a message is in; paused ones are left out."""
        found = []
        in_default = True
        for id, document in tuple(self._catalog.all("streams").items()):  # a thread may ask while one is made
            if not document["disabled"] and self._compile(id, document).matches(message):
                found.append(id)
                in_default = in_default and not document["remove_matches_from_default_stream"]
        return [DEFAULT_STREAM, *found] if in_default else found

    def ids(self) -> list[str]:
        """Return the ids of all streams that are not paused, the default stream first."""
        made = self._catalog.all("streams").items()
        return [DEFAULT_STREAM, *(id for id, document in made if not document["disabled"])]

    def title(self, id: str) -> str:
        """Return how a stream is called; its id where it does not exist."""
        document = self._catalog.get("streams", id)
        return DEFAULT_TITLE if id == DEFAULT_STREAM else id if document is None else str(document["title"])

    def matches(self, id: str, message: Message) -> bool:
        """Whether a message is in a stream, paused or not."""
        document = self._catalog.get("streams", id)
        return document is not None and self._compile(id, document).matches(message)

    def node(self, id: str) -> Node:
        """Return what a stream searches; `NOTHING` for one that does not exist."""
        if id == DEFAULT_STREAM:
            removed = [
                self._compile(other, document).node
                for other, document in self._catalog.all("streams").items()
                if document["remove_matches_from_default_stream"] and not document["disabled"]
            ]
            return Group(must_not=tuple(removed)) if removed else MatchAll()
        document = self._catalog.get("streams", id)
        return NOTHING if document is None else self._compile(id, document).node

    def existing(self, ids: Sequence[str] | None) -> Sequence[str]:
        """
        Check the ids of the streams that a search is about; none of them need exist but one.

        Raises:
            ApiError: If one is not an id, or there is none of these streams.
        """
        for id in ids or ():
            if not _ID.fullmatch(id):
                raise ApiError(
                    400, f"Failed to obtain results. {id[:50]!r} is not an id of a stream, 24 hexadecimal digits."
                )
        if ids and not any(id == DEFAULT_STREAM or self._catalog.get("streams", id) for id in ids):
            raise ApiError(400, "Failed to obtain results. There is no stream of these ids.")
        return ids or ()

    def any_of(self, ids: Sequence[str]) -> Node:
        """Return what any of some streams searches; without ids everything."""
        return any_of([self.node(id) for id in ids]) if ids else MatchAll()

    def parse(self, query: str) -> Query:
        """
        Parse a query of Graylog's API.

        Raises:
            QueryError: If it cannot be understood, with the column.
        """
        return parse_as(query, self._meaning)

    def resolve(self, node: Node) -> Node:
        """Put what a stream searches where a query has ``streams:<id>``."""
        if isinstance(node, Group):
            return Group(*(tuple(map(self.resolve, part)) for part in (node.must, node.should, node.must_not)))
        if isinstance(node, (Term, Phrase)) and node.field == "streams":
            return self.node(node.text)
        if isinstance(node, (Exists, Wildcard)) and node.field == "streams":
            return MatchAll()
        return node

    def _compile(self, id: str, document: dict[str, Any]) -> _Compiled:
        compiled = self._compiled.get(id)
        if compiled is None or compiled.document is not document:
            compiled = self._compiled[id] = _compiled(id, document)
            for gone in set(self._compiled) - set(self._catalog.all("streams")):
                self._compiled.pop(gone, None)
        return compiled


def _compiled(id: str, document: dict[str, Any]) -> _Compiled:
    """Compile a stream's rules, or its query where it was made with one."""
    if document["rules"] and not document.get("written"):
        rules = [Rule.model_validate(rule) for rule in document["rules"]]
        matching: Literal["AND", "OR"] = "OR" if document["matching_type"] == "OR" else "AND"
        return _Compiled(document, node_of(rules, matching), compile_rules(rules, matching))
    try:
        node = parse(document["query"]).node
    except QueryError as error:  # it was parsed when it was stored, by an older version perhaps
        _log.warning("stream %s matches nothing: %s", id, error)
        node = NOTHING
    return _Compiled(document, node, compile_predicate(node))


def all_of(nodes: Iterable[Node]) -> Node:
    """Return what matches all of some queries."""
    wanted = tuple(node for node in nodes if node != MatchAll())
    return Group(must=wanted) if len(wanted) > 1 else wanted[0] if wanted else MatchAll()


def any_of(nodes: Sequence[Node]) -> Node:
    """Return what matches any of some queries, of which there is at least one."""
    return nodes[0] if len(nodes) == 1 else Group(should=tuple(nodes))
