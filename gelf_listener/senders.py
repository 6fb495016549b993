"""Senders: who sends, how much, and when last; bounded however many addresses a flood forges."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gelf_listener.codec.clients import guess_client, guess_client_by_fields
from gelf_listener.errors import Rejected
from gelf_listener.message import Message, Peer

MAX_SENDERS = 1000
"""Senders that are remembered."""

_LARGE_BATCH = 256
"""Messages of one read of a transport, from which on senders are counted by samples: only a flood fills a read."""
_MOST_GUESSES = 50
"""Payloads of one batch that are looked at for signs of their client."""
_MOST_GUESSES_A_SECOND = 500
"""The same of all batches of a second: with a message a batch and more hosts than are remembered, each looks new, and a
guess takes longer than everything else that is done for a message."""
_MOST_PEERS = 4096
"""Peers whose client is remembered."""
_STEP = 8

_PROTECTED = 8
"""Of the least recent senders so many are compared, and the one with the fewest messages gives way."""


@dataclass(slots=True)
class Sender:
    """
    One client of one host at one address.

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


@dataclass(slots=True)
class _Client:
    """What is known of the client of a peer, and what it sent before it was."""

    name: str = ""
    looked_at: int = 0
    messages: int = 0
    bytes: int = 0

    def wants_guess(self) -> bool:
        """Whether to look at its next payload: the first twenty, then each whose number is a power of two."""
        if self.name:
            return False
        self.looked_at += 1
        return self.looked_at <= 20 or self.looked_at & (self.looked_at - 1) == 0


class Senders:
    """
    Counts by host, address and client.

    What a peer (an address and a port, so mostly one program) sends first tells its client; a peer that nothing told of
    yet is looked at again and again, ever more seldom.

    Args:
        most: Senders that are remembered. Beyond, one with few messages among the least recent gives way.
    """

    def __init__(self, most: int = MAX_SENDERS) -> None:
        self.forgotten = 0
        """Senders that gave way."""
        self._most = most
        self._phase = 0
        self._guessed = (0, 0)
        """The latest second, UTC Unix seconds, and how many guesses were made in it."""
        self._senders: OrderedDict[tuple[str, str, str], Sender] = OrderedDict()
        self._peers: OrderedDict[tuple[str, Peer | None], _Client] = OrderedDict()

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
        guesses = self._room_for_guesses(now)
        for (host, peer), (count, size) in sums.items():
            client = self._client(host, peer)
            if guesses and client.wants_guess():
                guesses -= 1
                self._guessed = (self._guessed[0], self._guessed[1] + 1)
                self._guess(client, host, peer, samples[host, peer])
            sender = self._sender(host, "" if peer is None else peer.host, now, client.name)
            sender.messages += round(count * weight)
            sender.bytes += round(size * weight)
            if not client.name:
                client.messages += round(count * weight)
                client.bytes += round(size * weight)

    def _room_for_guesses(self, now: float) -> int:
        """Return how many payloads of a batch may be looked at."""
        second = int(now)
        if second != self._guessed[0]:
            self._guessed = (second, 0)
        return min(_MOST_GUESSES, _MOST_GUESSES_A_SECOND - self._guessed[1])

    def _client(self, host: str, peer: Peer | None) -> _Client:
        client = self._peers.get((host, peer))
        if client is None:
            if len(self._peers) >= _MOST_PEERS:
                self._peers.popitem(last=False)
            client = self._peers[host, peer] = _Client()
        else:
            self._peers.move_to_end((host, peer))
        return client

    def _guess(self, client: _Client, host: str, peer: Peer | None, message: Message) -> None:
        """Look at a message; what its peer sent before under no name moves to the client's row."""
        client.name = guess_client(message.raw)
        if not client.name and not message.exact:  # of an exact one, GELF, the payload says it all
            client.name = guess_client_by_fields(message.fields)
        address = "" if peer is None else peer.host
        unnamed = self._senders.get((host, address, ""))
        if not client.name or not client.messages or unnamed is None:
            return
        named = self._sender(host, address, unnamed.last_seen, client.name)
        named.first_seen = min(named.first_seen, unnamed.first_seen)
        named.messages += min(client.messages, unnamed.messages)
        named.bytes += min(client.bytes, unnamed.bytes)
        unnamed.messages -= min(client.messages, unnamed.messages)
        unnamed.bytes -= min(client.bytes, unnamed.bytes)
        if not unnamed.messages:
            del self._senders[host, address, ""]

    def refused(self, rejected: Rejected) -> None:
        """Count a rejection, under the address alone."""
        address = "" if rejected.peer is None else rejected.peer.host
        self._sender("", address, rejected.received_at).rejected += 1

    def take(self) -> list[Sender]:
        """Return everybody with what was counted since the last time, and begin again: another process adds it up."""
        taken = list(self._senders.values())
        self._senders.clear()
        for client in self._peers.values():
            client.messages = client.bytes = 0  # it was told under no name, and stays there
        return taken

    def add(self, counted: Iterable[Sender]) -> None:
        """Add what another process counted."""
        for each in counted:
            sender = self._sender(each.host, each.address, each.last_seen, each.client)
            sender.first_seen = min(sender.first_seen, each.first_seen) or each.first_seen
            sender.messages += each.messages
            sender.bytes += each.bytes
            sender.rejected += each.rejected

    def top(self, most: int) -> list[Sender]:
        """Return those with the most messages and rejections."""
        return sorted(self._senders.values(), key=lambda found: (-(found.messages + found.rejected), found.host))[:most]

    def _sender(self, host: str, address: str, now: float, client: str = "") -> Sender:
        key = (host, address, client)
        sender = self._senders.get(key)
        if sender is None:
            if len(self._senders) >= self._most:
                self._make_room()
            sender = self._senders[key] = Sender(host, address, first_seen=now, client=client)
        else:
            self._senders.move_to_end(key)
        sender.last_seen = now
        return sender

    def _make_room(self) -> None:
        """Forget one; a flood of new addresses goes through its own, for each of them has sent little."""
        oldest = [key for key, _ in zip(self._senders, range(_PROTECTED), strict=False)]
        del self._senders[min(oldest, key=lambda key: self._senders[key].messages)]
        self.forgotten += 1
