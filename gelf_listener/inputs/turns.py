"""
Turns: how connections share the time of the event loop.

The loop runs one callback after another, and a read can hold work for a second: tens of thousands of frames that are
not messages. Fifty connections that are ready at once would keep everything else waiting for a minute. So what is read
is worked off in slices, and when a turn's time is over, the rest waits in a queue. Addresses take turns there, then the
connections of an address: somebody who sends one message waits for one slice of everybody else, however much others
have sent, and from how many connections.

Laws:

* A turn takes `TURN_SECONDS`, and one slice longer at most. The slices of an address adapt: they grow while they are
  cheap.
* A connection with work in the queue is not read, so each holds one read at most. While an address has more than
  `MOST_QUEUED_BYTES` in the queue, none of its connections is read.
* Work of one connection is done in the order in which it came, and all of it is done, or counted by who drops it.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import TypeAlias
from weakref import WeakKeyDictionary

TURN_SECONDS = 0.002
"""How long connections may work before the loop looks at everything else."""
READ_SECONDS = 0.004
"""The same for inputs that are no connections: datagrams, files, brokers."""
MOST_QUEUED_BYTES = 2 * 1024 * 1024
_FLOOD_BYTES = 512 * 1024
"""In the queue of an address; what it takes to make the loop's thread give way to others more often."""
_FLOOD_SWITCH_SECONDS = 0.0005
"""After which it gives way then: each step of an output's thread would wait 5 ms, and honest messages with it."""
_READ_BYTES = 256 * 1024
"""What a transport reads at a time."""
_FIRST_SLICE_BYTES = 2048
_LEAST_SLICE_BYTES = 256
_MOST_SLICE_BYTES = 1024 * 1024
_CHEAP_SECONDS = 0.0005
_DEAR_SECONDS = 0.002

_Work: TypeAlias = memoryview | Callable[[], None]


def turns_of(loop: asyncio.AbstractEventLoop) -> Turns:
    """Return the turns of a loop, which all its connections share."""
    turns = _turns.get(loop)
    if turns is None:
        turns = _turns[loop] = Turns(loop)
    return turns


class _Address:
    """What the connections of one peer address share."""

    def __init__(self) -> None:
        self.connections = 0
        self.waiting: deque[Backlog] = deque()
        self.resting: dict[Backlog, None] = {}
        """Connections that are not read because the address has too much in the queue."""
        self.newcomers: deque[asyncio.Future[None]] = deque()
        """Connections that are accepted, and wait until they may be read."""
        self.queued_bytes = 0
        self.slice_bytes = _FIRST_SLICE_BYTES

    @property
    def is_full(self) -> bool:
        return self.queued_bytes > MOST_QUEUED_BYTES

    def measured(self, size: int, seconds: float) -> None:
        """Learn from the time that a slice took."""
        if seconds > _DEAR_SECONDS:
            self.slice_bytes = max(int(size * _DEAR_SECONDS / (2 * seconds)), _LEAST_SLICE_BYTES)
        elif seconds < _CHEAP_SECONDS and size >= self.slice_bytes:
            self.slice_bytes = min(self.slice_bytes * 2, _MOST_SLICE_BYTES)

    def count(self, size: int) -> None:
        """Count bytes in and out of the queue; read again what was not read, a few connections at a time."""
        self.queued_bytes += size
        if size < 0 and not self.is_full and (self.resting or self.newcomers):
            room = 1 + (MOST_QUEUED_BYTES - self.queued_bytes) // _READ_BYTES
            for backlog in list(self.resting)[:room]:
                del self.resting[backlog]
                backlog.go_on()
            while self.newcomers and room > 0:
                newcomer = self.newcomers.popleft()
                if not newcomer.done():
                    newcomer.set_result(None)
                    room -= 1


class Turns:
    """
    The queue of a loop.

    Args:
        loop: Runs the turns.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._ends_at = 0.0
        """When the current turn is over; 0 between turns."""
        self._addresses: dict[str, _Address] = {}
        self._queue: dict[str, _Address] = {}
        """Addresses with connections that wait; the one that waits longest is the first."""
        self._usual_switch_seconds = 0.0
        """The interpreter's own, in a flood; 0 otherwise."""

    def has_time(self) -> bool:
        """Whether there is time left in this turn; the first to ask begins one."""
        now = perf_counter()
        if not self._ends_at:
            self._ends_at = now + TURN_SECONDS
            self._loop.call_soon(self._next)
        return now < self._ends_at

    def add(self, backlog: Backlog) -> None:
        """Let a connection wait for its slices; one that is in the middle of something comes first at its address."""
        if backlog.queued:
            return
        backlog.queued = True
        address = backlog.address
        if backlog.in_steps:
            address.waiting.appendleft(backlog)
        else:
            address.waiting.append(backlog)
        self._queue.setdefault(backlog.host, address)
        if address.queued_bytes > _FLOOD_BYTES and not self._usual_switch_seconds:
            self._usual_switch_seconds = sys.getswitchinterval()
            sys.setswitchinterval(min(_FLOOD_SWITCH_SECONDS, self._usual_switch_seconds))
        self.has_time()  # begins a turn, and the queue is looked at after it

    def enter(self, host: str) -> _Address:
        """Count a connection among those of its address."""
        address = self._addresses.get(host)
        if address is None:
            address = self._addresses[host] = _Address()
        address.connections += 1
        return address

    def leave(self, backlog: Backlog) -> None:
        """Forget a connection."""
        address = backlog.address
        address.resting.pop(backlog, None)
        if backlog.queued:
            backlog.queued = False
            address.waiting.remove(backlog)
            if not address.waiting:
                self._queue.pop(backlog.host, None)
        address.connections -= 1
        if not address.connections:
            self._addresses.pop(backlog.host, None)

    async def room(self, host: str) -> None:
        """Wait until a new connection of an address may be read: transports read as soon as they are made."""
        address = self._addresses.get(host)
        if address is not None and address.is_full:
            newcomer: asyncio.Future[None] = self._loop.create_future()
            address.newcomers.append(newcomer)
            await newcomer

    def _next(self) -> None:
        """End a turn; begin the next one with what waits."""
        self._ends_at = 0.0
        while self._queue and self.has_time():
            host = next(iter(self._queue))
            address = self._queue.pop(host)
            backlog = address.waiting.popleft()
            if address.waiting:
                self._queue[host] = address
            backlog.queued = False
            if backlog.work():
                self.add(backlog)
        if not self._queue and self._usual_switch_seconds:
            sys.setswitchinterval(self._usual_switch_seconds)
            self._usual_switch_seconds = 0.0


_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()


class Backlog:
    """
    What a connection has received and not worked off yet.

    Args:
        turns: Of the loop.
        host: The peer's address.
        take: Takes bytes, a slice at a time.
        hold: Stops reading from the transport.
        go_on: Reads again, if nothing else is against it; asks `is_held` itself.
    """

    def __init__(
        self,
        turns: Turns,
        host: str,
        take: Callable[[bytes], None],
        hold: Callable[[], None],
        go_on: Callable[[], None],
    ) -> None:
        self.host = host
        self._turns = turns
        self._take = take
        self._hold = hold
        self.go_on = go_on
        self._steps: deque[Iterator[None]] = deque()
        """What is done in steps, before anything else that waits."""
        self._work: deque[_Work] = deque()
        self._blocked = False
        self.size = 0
        """Bytes that wait."""
        self.queued = False
        """Whether it stands in the queue of its address."""
        self.in_steps = False
        """Whether work that is done in steps has begun."""
        self.address = turns.enter(host)
        self._left = False

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._work or self._steps)

    @property
    def is_held(self) -> bool:
        """Whether the transport must not be read for now; `go_on` is called when it may."""
        if self:
            return True
        if self.address.is_full:
            self.address.resting[self] = None
            return True
        return False

    def feed(self, data: bytes) -> None:
        """Take what was read: at once, as far as the turn has time, and the rest in later turns."""
        if not self:
            if len(data) <= self.address.slice_bytes and self._turns.has_time():
                self._measured(data)
                return
            self._queue(memoryview(data))
            while self._turns.has_time() and not self._blocked:
                if not self._step():
                    return
            self._wait()
            return
        self._queue(memoryview(data))

    def steps(self, work: Iterator[None]) -> None:
        """Do what cannot be cut into bytes, a step a slice, before bytes that wait, and behind other steps."""
        waits = bool(self)
        self._steps.append(work)
        if not waits:
            self._wait()

    def then(self, callback: Callable[[], None]) -> None:
        """Call something when all that waits is done; now, if nothing does."""
        if self:
            self._work.append(callback)
        else:
            callback()

    def work(self) -> bool:
        """Do one slice; return whether more waits for a turn."""
        more = bool(self) and not self._blocked and self._step()
        if not self:
            self.go_on()
        return more

    def block(self) -> None:
        """Leave what waits where it is, until `unblock`."""
        self._blocked = True

    def unblock(self) -> None:
        """Go on with what waits."""
        if self._blocked:
            self._blocked = False
            if self:
                self._turns.add(self)

    def finish(self) -> None:
        """Do all that waits now."""
        while self:
            self._step()

    def drop(self) -> int:
        """Forget all that waits, and return how many bytes that were."""
        size = self.size
        self._work.clear()
        self._steps.clear()
        self._count(-size)
        return size

    def close(self) -> None:
        """
        Forget the connection; it reads nothing any more. May be called twice.

        What it called is forgotten as well, or the two would keep each other until garbage is collected: of a flood of
        short connections that were thousands, some kilobytes each.
        """
        if not self._left:
            self._left = True
            self.drop()
            self._turns.leave(self)
            self._take = self._hold = self.go_on = _nothing

    def _wait(self) -> None:
        self._hold()
        if not self._blocked:
            self._turns.add(self)

    def _queue(self, data: memoryview) -> None:
        self._work.append(data)
        self._count(len(data))

    def _count(self, size: int) -> None:
        self.size += size
        self.address.count(size)

    def _step(self) -> bool:
        """Do one slice of the first work; return whether more waits."""
        if self._steps:
            self.in_steps = True
            if next(self._steps[0], self) is self:  # it has ended
                self._steps.popleft()
                self.in_steps = bool(self._steps)
            return bool(self)
        first = self._work[0]
        if isinstance(first, memoryview):
            size = self.address.slice_bytes
            piece = bytes(first[:size])
            if len(piece) == len(first):
                self._work.popleft()
            else:
                self._work[0] = first[size:]
            self._count(-len(piece))
            self._measured(piece)
        else:
            self._work.popleft()
            first()
        return bool(self)

    def _measured(self, piece: bytes) -> None:
        """Take a slice, and learn from the time it took."""
        began = perf_counter()
        self._take(piece)
        self.address.measured(len(piece), perf_counter() - began)


def _nothing(*_: object) -> None:
    """Stand for what a connection did that is gone."""
