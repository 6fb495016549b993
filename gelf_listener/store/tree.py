"""
Tree: what the structure of a query means, whatever its leaves are looked up in.

A leaf names a field. Which kind of field that is, and which of several names it may be stored under a message has, is
decided here; how a leaf of each kind is asked of an engine is what a derived class says.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Generic, TypeAlias, TypeVar

from gelf_listener.message import FieldValue, Message
from gelf_listener.query import compile_predicate
from gelf_listener.query.fields import FIRST_OF, Known, bare_name, known_field, stored_names, underscored
from gelf_listener.query.nodes import (
    Exists,
    Fuzzy,
    Group,
    MatchAll,
    Matches,
    Node,
    Phrase,
    Range,
    Regex,
    Term,
    Wildcard,
)
from gelf_listener.store.algebra import Algebra, Bounds
from gelf_listener.store.schema import field_key, field_name
from gelf_listener.store.time_leaves import TimeLeaves

Q = TypeVar("Q")

Leaf: TypeAlias = Term | Phrase | Wildcard | Regex | Fuzzy | Range


class TreeTranslator(ABC, Generic[Q]):
    """
    Translates query trees.

    Args:
        engine: Makes the queries.
        names: Keys of the additional fields that are stored (`schema.field_key`), with the kinds of their values.
        now: What ``now`` means, UTC Unix seconds.
    """

    def __init__(self, engine: Algebra[Q], names: Mapping[str, set[str]], now: float) -> None:
        self._engine = engine
        self._names = names
        self._now = now
        self._times = TimeLeaves(engine, now)

    # --- what a derived class says

    @abstractmethod
    def _words(self, node: Leaf, terms: str) -> Bounds[Q]:
        """Translate a leaf that looks at the words of a text."""

    @abstractmethod
    def _source(self, node: Leaf) -> Bounds[Q]:
        """Translate a leaf that looks at hosts."""

    @abstractmethod
    def _level(self, node: Leaf) -> Bounds[Q]:
        """Translate a leaf that looks at levels."""

    @abstractmethod
    def _id(self, node: Leaf) -> Bounds[Q]:
        """Translate a leaf that looks at ids."""

    @abstractmethod
    def _whole(self, node: Leaf, terms: str) -> Bounds[Q]:
        """Translate a leaf that looks at what the listener adds to a message."""

    @abstractmethod
    def _any_field(self, node: Leaf) -> Bounds[Q]:
        """Translate a leaf that looks into every field."""

    @abstractmethod
    def _stored(self, node: Leaf, key: str) -> Bounds[Q]:
        """Translate a leaf that looks at one additional field."""

    @abstractmethod
    def _has(self, key: str) -> Bounds[Q]:
        """Messages that have an additional field."""

    @abstractmethod
    def _has_known(self, known: Known) -> Bounds[Q]:
        """Messages that have a field that the listener knows."""

    @property
    @abstractmethod
    def _unnamed(self) -> bool:
        """Whether there may be additional fields that are not among the names."""

    @abstractmethod
    def _alike(self, bare: str, keys: list[str]) -> Bounds[Q]:
        """Messages with a field that is not among the names, whose dots are the underscores of a name."""

    # --- structure

    def translate(self, node: Node) -> Bounds[Q]:
        """Translate a query."""
        if isinstance(node, MatchAll):
            return self._engine.everything
        if isinstance(node, Group):
            return self._group(node)
        if isinstance(node, Matches):
            return self._engine.maybe(self.translate(node.roughly).most)
        if isinstance(node, Exists):
            return self._exists(node.field, graylog=node.graylog)
        if node.field is None:
            return self._any_field(node)
        if isinstance(node, Range) and node.low is None and node.high is None:
            return self._exists(node.field, graylog=node.graylog)
        return self._field(node, node.field)

    def _group(self, node: Group) -> Bounds[Q]:
        engine = self._engine
        if node.must:
            found = engine.all_of([self.translate(inner) for inner in node.must])
        elif node.should:
            found = engine.any_of([self.translate(inner) for inner in node.should])
        else:
            found = engine.everything
        unwanted = [self.translate(inner) for inner in node.must_not]
        return engine.all_but(found, engine.any_of(unwanted)) if unwanted else found

    # --- leaves

    def _field(self, node: Leaf, field: str) -> Bounds[Q]:
        """Translate a leaf that looks at one field."""
        known = known_field(field, graylog=node.graylog)
        if known is not None:
            return self._known(node, known)
        if field in FIRST_OF and not node.graylog:
            shares = self.shares(FIRST_OF[field])
            return self._engine.any_of([self._engine.all_of([has, self._stored(node, key)]) for key, has in shares])
        return self._first_of(node, field)

    def shares(self, names: Sequence[str]) -> list[tuple[str, Bounds[Q]]]:
        """Return, for each key of some names, the messages in which it is the first that is there and not empty."""
        engine = self._engine
        found: list[tuple[str, Bounds[Q]]] = []
        before: list[Bounds[Q]] = []
        for key in map(field_key, names):
            if key in self._names or self._unnamed:
                has = engine.all_but(self._has(key), self._stored(Phrase(None, ""), key))
                found.append((key, engine.all_but(has, engine.any_of(before)) if before else has))
                before.append(has)
        return found

    def shared_out(self, query: Q, shares: Sequence[tuple[str, Bounds[Q]]]) -> list[Q]:
        """Return what an exact query finds of each share, and of none of them."""
        engine = self._engine
        rest = engine.all_but(engine.exactly(query), engine.any_of([has for _, has in shares]))
        return [engine.both(query, has.most) for _, has in shares] + [rest.most]

    def _known(self, node: Leaf, known: Known) -> Bounds[Q]:
        """Translate a leaf that looks at a field that the listener knows."""
        if not known.terms:
            return self._engine.maybe(self._engine.everything.most)
        if known.matching == "words":
            return self._words(node, known.terms)
        if known.matching == "lower case":
            return self._source(node)
        if known.matching == "time":
            return self._times.leaf(node, known.terms)
        if known.matching == "level":
            return self._level(node)
        if known.matching == "id":
            return self._id(node)
        return self._whole(node, known.terms)

    def _first_of(self, node: Leaf, field: str) -> Bounds[Q]:
        """Look at the first of the names a field may be stored under that a message has (`query.fields.getter`)."""
        engine = self._engine
        bare = bare_name(field, graylog=node.graylog)
        dotted = self._dotted(bare)
        stored = dict.fromkeys(map(field_key, stored_names(field, graylog=node.graylog)))
        choices = [(self._has(key), self._stored(node, key)) for key in stored if self._may_have(key)]
        also = None if node.graylog else underscored(field)
        if also is not None:
            choices.append((self._exists(also.name), self._underscored(node, also)))
        choices += [(self._has(key), self._stored(node, key)) for key in dotted]
        alike = self._alike(bare, [field_key(bare)]) if "_" in bare and self._unnamed else engine.nothing
        if len(dotted) > 1 or alike is not engine.nothing:  # which comes first is in the message only
            return engine.maybe(engine.any_of([alike, *(found for _, found in choices)]).most)
        found: list[Bounds[Q]] = []
        before: list[Bounds[Q]] = []
        for has, each in choices:
            found.append(engine.all_but(each, engine.any_of(before)) if before else each)
            before.append(has)
        return engine.any_of(found)

    def _underscored(self, node: Leaf, known: Known) -> Bounds[Q]:
        """``_level`` and the like, where no such field was sent; of a text it means the whole, which no index holds."""
        if known.matching == "words":
            return self._engine.maybe(self._exists(known.name).most)
        return self._known(replace(node, field=known.name), known)

    def _dotted(self, bare: str) -> list[str]:
        if "_" not in bare:
            return []
        stored = ((key, field_name(key)) for key in list(self._names) if "%2e;" in key)
        return [key for key, name in stored if name.replace(".", "_") == bare]

    def _exists(self, field: str, *, graylog: bool = False) -> Bounds[Q]:
        engine, known = self._engine, known_field(field, graylog=graylog)
        if known is not None:
            return self._has_known(known)
        if field in FIRST_OF and not graylog:
            return engine.any_of([has for _, has in self.shares(FIRST_OF[field])])
        bare = bare_name(field, graylog=graylog)
        keys = dict.fromkeys((*map(field_key, stored_names(field, graylog=graylog)), *self._dotted(bare)))
        found = [self._has(key) for key in keys if self._may_have(key)]
        if "_" in bare and self._unnamed:
            found.append(self._alike(bare, []))
        also = None if graylog else underscored(field)
        if also is not None:
            found.append(self._has_known(also))
        return engine.any_of(found)

    def _may_have(self, key: str) -> bool:
        """Whether messages may have an additional field that a query names."""
        return key in self._names or self._unnamed

    # --- the predicate

    def _value_test(self, node: Leaf) -> Callable[[FieldValue], bool]:
        """Return the predicate's test of one value."""
        test = compile_predicate(replace(node, field="value"), self._clock)
        return lambda value: test(Message(0.0, "", "", None, None, b"", 0.0, _fields={"value": value}))

    @property
    def _clock(self) -> Callable[[], float]:
        now = self._now
        return lambda: now
