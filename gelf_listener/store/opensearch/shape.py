"""
Shape: how messages lie in the indices of a store, and what is asked of them there.

`OwnShape` is made for the listener; `GraylogShape` is what a Graylog reads.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from gelf_listener.message import Message
from gelf_listener.query.fields import FieldType
from gelf_listener.query.nodes import Node
from gelf_listener.store.algebra import Bounds
from gelf_listener.store.columns import Column
from gelf_listener.store.opensearch.clauses import Clause
from gelf_listener.store.opensearch.names import IndexNames
from gelf_listener.store.parameters import Span
from gelf_listener.store.tree import TreeTranslator


class SpanTranslator(TreeTranslator[Clause]):
    """
    Translates queries about messages of a span.

    Attributes:
        has_unknown: Whether one named a field that is not among the names: another listener may have made it just now.
    """

    has_unknown = False

    def _may_have(self, key: str) -> bool:
        self.has_unknown = self.has_unknown or key not in self._names
        return super()._may_have(key)

    def within(self, node: Node, span: Span) -> Bounds[Clause]:
        """Translate a query about messages of a span."""
        found = self.translate(node)
        if span.start is None and span.end is None:
            return found
        return self._engine.all_of([self._times.between("timestamp", span.start, span.end), found])


class Shape(ABC):
    """
    How messages lie in the indices of a store.

    Attributes:
        mappings: How an index is mapped.
        settings: Its settings, but for its shards and their copies.
        source: The parts of a document that a message is made of; empty for all.
        marker: A field of every document, which those of others do not have.
        sorted_by: Fields that the cluster sorts by, by their names in queries; that of the id is one of them.
        ticks: What a time counts in a second.
        rest: Finds the messages that have to be looked at one by one, because a column lacks something of theirs.
        knows_rest: Whether `documents_of` sees which messages those are; otherwise the cluster decides.
        has_rest: Whether there are such messages.
        has_new: Whether there are columns whose types only `learn` can tell.
    """

    mappings: ClassVar[dict[str, Any]]
    settings: ClassVar[dict[str, Any]]
    source: ClassVar[Sequence[str]]
    marker: ClassVar[str]
    sorted_by: ClassVar[Mapping[str, str]]
    ticks: ClassVar[float]
    rest: ClassVar[Clause]
    knows_rest: ClassVar[bool]

    def __init__(self, names: IndexNames) -> None:
        self.names = names
        self.has_rest = False
        self.has_new = False

    @abstractmethod
    def learn(self, mappings: Sequence[Mapping[str, Any]]) -> None:
        """See what the indices map: other listeners make columns, too."""

    @abstractmethod
    def documents_of(self, messages: Sequence[Message], ids: Sequence[str], *, mapped: bool) -> Sequence[Any]:
        """Return messages, whose ids are given, as documents; `mapped`: with columns for their additional fields."""

    @abstractmethod
    def message_of(self, document: Mapping[str, Any]) -> Message:
        """Return the message of a document, of which `source` is there."""

    @abstractmethod
    def translator(self, now: float, *, shared: bool = False) -> SpanTranslator:
        """
        Return what translates queries.

        Args:
            now: What ``now`` means, UTC Unix seconds.
            shared: Whether only messages are asked about whose fields all have columns.
        """

    @abstractmethod
    def column(self, field: str, *, values: bool) -> Column | None:
        """Return where a field is computed with, its values or its numbers; None where only the messages tell."""

    @abstractmethod
    def column_of(self, key: str, *, values: bool) -> Column:
        """Return the same of an additional field by its key (`schema.field_key`)."""

    @abstractmethod
    def types_request(self) -> dict[str, Any]:
        """Return what has to be computed before `types` can tell."""

    @abstractmethod
    def types(self, found: Mapping[str, Any]) -> dict[str, set[FieldType]]:
        """Return the types that each additional field has had."""
