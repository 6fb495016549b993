"""Chance: random messages and questions, full of what has been found hard."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.message import FieldValue, Message, Peer
from gelf_listener.query.nodes import Exists, Fuzzy, Group, MatchAll, Node, Phrase, Range, Regex, Term, Wildcard
from gelf_listener.store.parameters import (
    EVERYTHING,
    Grouping,
    Metric,
    RangesGroup,
    Sort,
    Span,
    TimeGroup,
    ValuesGroup,
)
from tests.unit.store.samples import decoded

__all__ = ["Chance"]

_WORDS = ["foo", "bar", "Baz", "error", "example.org", "größe", "日本", "a_b", "404", "x" * 300, "don't", "foo-bar"]
_NAMES = ["user", "code", "a.b", "a_b", "odd name", "é", "_user", "level", "gl2_x", "n%d"]
_VALUES: list[FieldValue] = [
    *_WORDS,
    *("", "true", "5", "5.0", "-1", "1e3", "2026-11-23", "2026-11-23T10:00:00Z", "=x", "#5", "A*b?", "\x00"),
    *(0, 1, 5, -1, 404, 2**53, 2**53 + 1, 2**63 - 1, 2**64 - 1, -(2**63), 10**30, -(10**30)),
    *(0.0, -0.0, 5.0, 1.5, -0.5, 1e30, 1e300, float(2**53), 5e-324),
    *(True, False),
]
_NAMED = [
    *("user", "code", "a.b", "a_b", "odd name", "é", "level", "timestamp", "source", "message"),
    *("full_message", "n3", "nothing", "gl2_remote_ip", "long"),
]
_LITERALS = [
    *_WORDS,
    *("5", "5.0", "-1", "1e3", "true", "9007199254740992", "9007199254740993", "18446744073709551615", "1" + "0" * 30),
    *("2026-11-23", "0", "-0", "0.5", "127.0.0.1", "=x", "web"),
]
_PATTERNS = ["f.*", "ba[rz]", "[0-9]+", "foo|bar", ".", "9.*", "-?[0-9.]+", "1.*5", "err?or"]
_FUNCTIONS: list[Any] = ["count", "avg", "min", "max", "sum", "card", "stddev"]


class Chance(random.Random):
    """A source of random messages, queries and questions; all of them follow from its seed."""

    def messages(self, count: int, now: float, first: int) -> list[Message]:
        """
        Make messages that arrive now.

        Args:
            count: How many.
            now: UTC Unix seconds.
            first: The number of the first; each has its number in the field ``number``.
        """
        return [self._message(now, number) for number in range(first, first + count)]

    def _message(self, now: float, number: int) -> Message:
        at = now + self.choice((0.0, 0.0, 0.25, -1.5, 60.0, -86400.0))
        peer = self.choice((None, Peer("127.0.0.1", 4711)))
        if self.random() < 0.6:  # as an input makes them: read later, from the payload
            payload = (
                b'{"version":"1.1","host":"web","short_message":"%s","timestamp":%.2f,"level":%d,"_number":%d,"_code":%d}'
                % (
                    f"m{number} {self._text()}".encode(),
                    at,
                    self.choice((-1, 0, 3, 6, 9)),
                    number,
                    self.choice((5, 404)),
                )
            )
            (message,) = decoded(payload, received_at=now, peer=peer)
            assert message._open is None or message._open is read_fields
            return message
        fields: dict[str, FieldValue] = {"number": number}
        for _ in range(self.choice((0, 1, 1, 2, 5))):
            fields[self.choice(_NAMES).replace("%d", str(self.randrange(50)))] = self.choice(_VALUES)
        if self.random() < 0.1:  # apart: figures leave out texts that are too long for a column
            fields["long"] = "y" * 9000
        full = self.choice((None, None, f"{self._text()}\n at {number}", "z" * 9000))
        level = self.choice((None, 6, 3, -1, 2**62))
        host = self.choice(("web", "Web", "größe", "h" * 9000))
        return Message(at, host, f"m{number} {self._text()}", full, level, b"", now, "udp", peer, _fields=fields)

    def _text(self) -> str:
        return " ".join(self.choice(_WORDS) for _ in range(self.choice((0, 1, 3, 6))))

    def query(self, newest: int, depth: int = 2) -> Node:
        """
        Make a query in either meaning.

        Args:
            newest: The highest number of a message.
            depth: How deep groups may be nested.
        """
        if depth and self.random() < 0.35:
            sizes = self.choice(((1, 1, 0), (0, 2, 0), (1, 0, 1), (2, 0, 0), (0, 0, 1)))
            must, should, must_not = (tuple(self.query(newest, depth - 1) for _ in range(size)) for size in sizes)
            return Group(must, should, must_not)
        return self._leaf(newest)

    def _leaf(self, newest: int) -> Node:
        graylog = self.random() < 0.4
        field, named = self.choice((None, None, *_NAMED)), self.choice(_NAMED)
        literal, number = self.choice(_LITERALS), self.randrange(newest + 2)
        leaves: list[Node] = [
            MatchAll(),
            Term("number", str(number), graylog=graylog),
            Range("number", str(number), str(number + 40), graylog=graylog),
            Wildcard("number", ((False, str(number)[:1]), (True, "*")), graylog=graylog),
            Term(None, f"m{number}", graylog=graylog),
            Term(field, literal, graylog=graylog),
            Phrase(field, self.choice((literal, "foo bar")), self.choice((0, 0, 2)), graylog=graylog),
            Wildcard(field, self._parts(), graylog=graylog),
            Regex(field, self.choice(_PATTERNS), graylog=graylog),
            Fuzzy(field, self.choice(("fooo", "eror", "404", "bax")), self.choice((1, 2)), graylog=graylog),
            Range(named, *self._ends(), self.random() < 0.5, self.random() < 0.5, graylog=graylog),
            Exists(named, graylog=graylog),
        ]
        return self.choice(leaves)

    def _parts(self) -> tuple[tuple[bool, str], ...]:
        texts = [self.choice(("*", "?", "f", "oo", "9", "0", "ba", ".")) for _ in range(self.choice((1, 2, 3)))]
        return tuple((text in "*?", text) for text in texts)

    def _ends(self) -> tuple[str | None, str | None]:
        return self.choice((None, self.choice(_LITERALS))), self.choice((None, self.choice(_LITERALS)))

    def span(self, now: float) -> Span:
        """Return a stretch of time."""
        return self.choice((EVERYTHING, EVERYTHING, Span(now - 100, now), Span(None, now - 1), Span(now, None)))

    def sort(self) -> Sort:
        """Return an order."""
        field = self.choice(
            ("timestamp", "timestamp", "number", "code", "user", "level", "source", "gl2_receive_timestamp")
        )
        return Sort(field, self.random() < 0.5)

    def aggregation(self) -> tuple[Sequence[Grouping], Sequence[Metric]]:
        """Return groups and metrics."""
        groups: list[Grouping] = [
            ValuesGroup(self.choice(("code", "source", "user", "level")), self.choice((2, 100)), self.random() < 0.5),
            TimeGroup(seconds=self.choice((60.0, 3600.0))),
            TimeGroup(unit=self.choice(("hour", "day"))),
            RangesGroup("number", ((None, 10.0), (10.0, 100.0), (100.0, None))),
        ]
        chosen = self.sample(groups, self.choice((0, 1, 1, 2)))
        return chosen, [Metric(self.choice(_FUNCTIONS), "number") for _ in range(self.choice((0, 1, 2)))]
