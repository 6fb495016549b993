"""
Fair queue: batches that wait, and whose turn it is.

Laws:

* What comes from one address leaves in the order in which it came.
* While few messages wait, all leave in that order. In a longer queue the address that was given least goes next, as
  start-time fair queueing has it (Goyal, Vin, Cheng, 1996): somebody who sends little waits for a batch of everybody
  else, however much others sent before.
* Nothing is looked at message by message while the queue is short.
"""

from __future__ import annotations

import heapq
import sys
from collections import deque
from typing import TypeAlias

from gelf_listener.buffers import MESSAGE_OVERHEAD_BYTES
from gelf_listener.message import Message

Entry: TypeAlias = tuple[list[Message], int, int]
"""Messages, what they cost in memory, and the number of the `put` that brought them."""

_SHORT = 256
"""Messages that leave as they came: a read of datagrams."""
_MOST_ADDRESSES = 1024
"""Addresses that have turns of their own; all others share those of one: senders' addresses can be forged."""
_MOST_REMEMBERED = 4096
_SPARED = 4
"""Far enough from the share: senders that all have it must not go on one after the other, for they raise it."""
_REST = ""
"""Stands for the others, and for what came without a peer."""


class FairQueue:
    """Holds batches; not empty when `head`, `pop` or `cut` is called."""

    def __init__(self) -> None:
        self._short: deque[Entry] = deque()
        """What leaves first, as it came: older than all that waits for a turn."""
        self._short_messages = 0
        self._waiting: dict[str, deque[Entry]] = {}
        self._costs: dict[str, int] = {}
        """What waits of each address."""
        self._turns: list[tuple[int, int, str]] = []
        """Heap of who is next: what an address was given until now, a number for the order, and the address."""
        self._given: dict[str, int] = {}
        self._now = 0
        """What the one who was next had been given: newcomers begin there."""
        self._numbers = 0
        self._last: str | None = None
        self._alone = sys.maxsize
        """Messages since another address had some."""

    def __bool__(self) -> bool:
        """Return whether anything waits."""
        return bool(self._short or self._waiting)

    @property
    def is_long(self) -> bool:
        """Whether the next batch is one of an address whose turn it is."""
        return not self._short

    def append(self, messages: list[Message], cost: int, number: int) -> None:
        """Add a batch."""
        count = len(messages)
        if not self._waiting and self._short_messages + count <= _SHORT:
            self._short.append((messages, cost, number))
            self._short_messages += count
            return
        for host, group, share in _by_host(messages, cost):
            self._add(host, (group, share, number))

    def head(self) -> Entry:
        """Return what leaves next."""
        return self._short[0] if self._short else self._waiting[self._turns[0][2]][0]

    def pop(self) -> None:
        """Let the head go."""
        if self._short:
            self._short_messages -= len(self._short.popleft()[0])
        else:
            self._took(self._waiting[self._turns[0][2]].popleft()[1])

    def cut(self, rest: Entry) -> None:
        """Let a part of the head go, and keep the rest."""
        messages, cost, _ = self.head()
        if self._short:
            self._short_messages -= len(messages) - len(rest[0])
            self._short[0] = rest
        else:
            self._waiting[self._turns[0][2]][0] = rest
            self._took(cost - rest[1])

    def shed(self, *, newest: bool) -> Entry:
        """Take a batch out of turn: the newest or the oldest one of the address of which most waits."""
        if not self._waiting:
            entry = self._short.pop() if newest else self._short.popleft()
            self._short_messages -= len(entry[0])
            return entry
        host = self._heaviest
        entries = self._waiting[host]
        entry = entries.pop() if newest else entries.popleft()
        self._costs[host] -= entry[1]
        if not entries:
            self._forget(host)
            self._turns = [turn for turn in self._turns if turn[2] != host]
            heapq.heapify(self._turns)
        return entry

    def greedy(self, within: int) -> frozenset[str]:
        """
        Return the addresses that hold more than their share, if several send.

        Args:
            within: In so many messages somebody else must have sent one; otherwise there is nobody to be fair to.
        """
        if self._alone >= within:
            return frozenset()
        share = sum(self._costs.values()) // (len(self._costs) + 1)
        return frozenset([host for host, cost in self._costs.items() if host and cost > share])

    def spares(self, host: str) -> bool:
        """Whether others make the queue long, and an address has at most a quarter of its share of it."""
        share = sum(self._costs.values()) // (len(self._costs) + 1)
        return bool(share) and self._costs.get(host, 0) * _SPARED <= share

    @property
    def oldest(self) -> list[Entry]:
        """The oldest batches: the one that waits longest is among them."""
        return [self._short[0]] if self._short else [entries[0] for entries in self._waiting.values()]

    @property
    def _heaviest(self) -> str:
        return max(self._costs, key=self._costs.__getitem__)

    def _add(self, host: str, entry: Entry) -> None:
        if host not in self._waiting and len(self._waiting) >= _MOST_ADDRESSES:
            host = _REST
        if host == self._last:
            self._alone += len(entry[0])
        elif self._last is not None:
            self._alone = 0
        self._last = host
        entries = self._waiting.get(host)
        if entries is not None:
            entries.append(entry)
            self._costs[host] += entry[1]
            return
        self._waiting[host] = deque((entry,))
        self._costs[host] = entry[1]
        self._numbers += 1
        heapq.heappush(self._turns, (max(self._now, self._given.get(host, 0)), self._numbers, host))

    def _took(self, cost: int) -> None:
        """Note what the address whose turn it was got, and whose turn is next."""
        self._now, _, host = self._turns[0]
        given = self._now + cost
        if self._waiting[host]:
            self._costs[host] -= cost
            self._numbers += 1
            heapq.heapreplace(self._turns, (given, self._numbers, host))
            return
        heapq.heappop(self._turns)
        self._forget(host)
        if not self._waiting or len(self._given) >= _MOST_REMEMBERED:
            self._given.clear()
        self._given[host] = given

    def _forget(self, host: str) -> None:
        """Nothing waits of an address."""
        del self._waiting[host], self._costs[host]


def _by_host(messages: list[Message], cost: int) -> list[tuple[str, list[Message], int]]:
    """Tell a batch's messages apart by the addresses they came from; mostly it is one."""
    peers = [message.peer for message in messages]
    first = peers[0]
    if peers.count(first) == len(peers):
        return [(first.host if first is not None else _REST, messages, cost)]
    groups: dict[str, list[Message]] = {}
    for message, peer in zip(messages, peers, strict=True):
        groups.setdefault(peer.host if peer is not None else _REST, []).append(message)
    *most, (last, group) = groups.items()
    shares = [(host, group, sum([len(each.raw) + MESSAGE_OVERHEAD_BYTES for each in group])) for host, group in most]
    return [*shares, (last, group, cost - sum([share for _, _, share in shares]))]
