"""Senders: who sends, how much, and when last; bounded however many addresses a flood forges."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from gelf_listener.codec.clients import guess_client
from gelf_listener.errors import Rejected
from gelf_listener.message import Message, Peer

__all__ = ["MAX_SENDERS", "Sender", "Senders"]

MAX_SENDERS = 1000
"""Senders that are remembered."""

_LARGE_BATCH = 256
"""Messages of one read of a transport, from which on senders are counted by samples: only a flood fills a read."""
_MOST_GUESSES = 20
"""Batches of a sender that are looked at for signs of its client."""
_STEP = 8

_PROTECTED = 8
"""Of the least recent senders so many are compared, and the one with the fewest messages gives way."""


@dataclass(slots=True)
class Sender:
    """
    One host at one address.

    Attributes:
        host: As its messages say.
        address: Where they came from; empty when unknown.
        messages: Taken; an estimate from every eighth while a flood of several senders comes in.
        bytes: Of their inflated payloads, likewise.
        rejected: Payloads that could not become messages; they name no host.
        first_seen: UTC Unix seconds.
        last_seen: UTC Unix seconds.
        client: The program that probably sends; empty when nothing tells.
    """

    host: str
    address: str
    messages: int = 0
    bytes: int = 0
    rejected: int = 0
    first_seen: float = 0.0
    last_seen: float = 0.0
    client: str = ""
    guesses: int = 0
    """How often somebody tried to tell the client."""


class Senders:
    """
    Counts by host and address.

    Args:
        most: Senders that are remembered. Beyond, one with few messages among the least recent gives way.
    """

    def __init__(self, most: int = MAX_SENDERS) -> None:
        self.forgotten = 0
        """Senders that gave way."""
        self._most = most
        self._phase = 0
        self._senders: OrderedDict[tuple[str, str], Sender] = OrderedDict()

    def __len__(self) -> int:
        return len(self._senders)

    def saw(self, messages: Sequence[Message]) -> None:
        """Count a batch. In a large one, which only a flood makes, every eighth message stands for all."""
        looked_at: Sequence[Message] = messages
        if len(messages) >= _LARGE_BATCH:
            self._phase = (self._phase + 1) % _STEP  # another eighth each time, for senders may take turns
            looked_at = messages[self._phase :: _STEP]
        sums: dict[tuple[str, Peer | None], list[int]] = {}
        samples: dict[tuple[str, Peer | None], Message] = {}
        for message in looked_at:
            key = (message.host, message.peer)
            found = sums.get(key)
            if found is None:
                sums[key] = [1, len(message.raw)]
                samples[key] = message
            else:
                found[0] += 1
                found[1] += len(message.raw)
        now = messages[-1].received_at
        weight = len(messages) / len(looked_at)
        for (host, peer), (count, size) in sums.items():
            sender = self._sender(host, "" if peer is None else peer.host, now)
            sender.messages += round(count * weight)
            sender.bytes += round(size * weight)
            if not sender.client and sender.guesses < _MOST_GUESSES:
                sender.guesses += 1
                sender.client = guess_client(samples[host, peer].raw)

    def refused(self, rejected: Rejected) -> None:
        """Count a rejection, under the address alone."""
        address = "" if rejected.peer is None else rejected.peer.host
        self._sender("", address, rejected.received_at).rejected += 1

    def top(self, most: int) -> list[Sender]:
        """Return those with the most messages and rejections."""
        return sorted(self._senders.values(), key=lambda found: (-(found.messages + found.rejected), found.host))[:most]

    def _sender(self, host: str, address: str, now: float) -> Sender:
        key = (host, address)
        sender = self._senders.get(key)
        if sender is None:
            if len(self._senders) >= self._most:
                self._make_room()
            sender = self._senders[key] = Sender(host, address, first_seen=now)
        else:
            self._senders.move_to_end(key)
        sender.last_seen = now
        return sender

    def _make_room(self) -> None:
        """Forget one; a flood of new addresses goes through its own, for each of them has sent little."""
        oldest = [key for key, _ in zip(self._senders, range(_PROTECTED), strict=False)]
        del self._senders[min(oldest, key=lambda key: self._senders[key].messages)]
        self.forgotten += 1
