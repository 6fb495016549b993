"""Kept answers: what an engine computed of messages, and of all of a partition only once."""

from __future__ import annotations

import json
from typing import Any, NamedTuple, Protocol, Self
from weakref import WeakKeyDictionary

from gelf_listener.store.partition import Partition
from gelf_listener.store.searching import Target


class Aggregable(Protocol):
    """Messages of a partition that match a query."""

    def aggregate(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """
        Return what the engine computes of them.

        Raises:
            ValueError: If it refuses to; see `TOO_MUCH`.
        """

    def counted(self, wanted: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return how many they are, and what `aggregate` does, from one look."""

    def total(self) -> int:
        """Return how many they are."""

    def lacking(self, column: str) -> Self:
        """Return those of them that have nothing in a column."""


class Answer(NamedTuple):
    """What a partition computed of the messages it found, and how many they are; 0 where their groups say that."""

    messages: int
    found: dict[str, Any]


_known: WeakKeyDictionary[Partition, tuple[Any, dict[str, Answer]]] = WeakKeyDictionary()
"""By partition: what was last asked of all its messages, as long as nothing was committed since."""
_MAX_KNOWN = 64
"""Two boards of charts ask for so much."""
_MAX_KNOWN_BUCKETS = 40_000
"""Of all that is kept: each takes some hundred bytes."""


def answer_of(target: Aggregable, wanted: dict[str, Any]) -> Answer:
    """Ask one partition; what concerns all its messages is asked once, for pages ask for it again and again."""
    if not (isinstance(target, Target) and target.whole):
        return _asked_now(target, wanted)
    searcher, answers = _known.get(target.partition, (None, {}))
    if searcher is not target.searcher:
        answers = {}
        _known[target.partition] = (target.searcher, answers)
    request = json.dumps(wanted)
    answer = answers.get(request)
    if answer is None:
        answer = _asked_now(target, wanted)
        keep(answers, request, answer)
    return answer


def keep(answers: dict[str, Answer], request: str, answer: Answer) -> None:
    """Keep an answer; the oldest go to make room."""
    room = _MAX_KNOWN_BUCKETS - _buckets(answer.found)
    if room < 0:
        return
    kept = list(answers.items())  # another thread may keep one meanwhile
    used = sum([_buckets(each.found) for _, each in kept])
    for number, (oldest, each) in enumerate(kept):
        if used <= room and len(kept) - number < _MAX_KNOWN:
            break
        answers.pop(oldest, None)
        used -= _buckets(each.found)
    answers[request] = answer


def _buckets(found: dict[str, Any]) -> int:
    """Count the buckets of an answer, those inside others too."""
    inner = [each for each in found.values() if isinstance(each, dict)]
    buckets = [bucket for each in inner for bucket in each.get("buckets", ())]
    return len(buckets) + sum([_buckets(bucket) for bucket in buckets])


def _asked_now(target: Aggregable, wanted: dict[str, Any]) -> Answer:
    if not wanted:
        return Answer(target.total(), {})
    return Answer(0, target.aggregate(wanted)) if "g" in wanted else Answer(*target.counted(wanted))
