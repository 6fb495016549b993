"""Looks: how whole partitions are when a search begins, and what it did without."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gelf_listener.store.partition import Partition


class Look(NamedTuple):
    """How whole a partition is before it is searched: what it lacks up to a place, and how often it was set back."""

    partition: Partition
    place: int
    setbacks: int
    lacked: int


def look_at(partitions: Iterable[Partition], place: int) -> list[Look]:
    """Note what each partition lacks up to a place."""
    looks = []
    for partition in partitions:
        setbacks = partition.setbacks
        looks.append(Look(partition, place, setbacks, partition.lacks(place, setbacks)))
    return looks


def lacking(looks: Sequence[Look]) -> int:
    """Return how many messages a search may not have found that began after some looks and has ended now."""
    return sum(max(look.lacked, look.partition.lacks(look.place, look.setbacks)) for look in looks)
