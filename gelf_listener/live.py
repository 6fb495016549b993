"""
Live feed: messages as they arrive, for whoever watches.

Laws:

* Nobody watches: the pipeline does not know the feed, so it costs nothing.
* Somebody watches: messages are noted, once for all watchers, so inputs wait for nobody. Watchers look at what was
  noted, and write it, in turns that a budget gives: all streams together take at most 15 % of the time, all waits (of
  tests) 10 %.
* What is noted is bounded. What is let go before a watcher has looked at it is counted as `missed`; so what a watcher
  that cannot keep up is shown is new.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Self

from gelf_listener.budget import Budget
from gelf_listener.errors import GelfError
from gelf_listener.message import Message

MAX_SUBSCRIPTIONS = 128
"""Watchers at a time."""

MAX_MESSAGES = 10_000
MAX_BYTES = 16 * 1024 * 1024
"""How much is noted: half a second or more of what a busy listener gets."""

_STREAMS_SHARE = 0.15
_WAITS_SHARE = 0.1

_SLICE = 16
"""Messages looked at in one turn."""
_WAKE_SECONDS = 0.001
"""Between two times that watchers are woken, for each of them: what comes in the meantime is looked at together."""


class TooManySubscriptions(GelfError):
    """There are as many watchers as there may be."""


class Subscription:
    """
    One watcher. A context manager: it stops watching when the block ends.

    Args:
        feed: Where it belongs.
        predicate: Which messages it wants.
        budget: Whose turns it takes.
    """

    def __init__(self, feed: LiveFeed, predicate: Callable[[Message], bool], budget: Budget) -> None:
        self.budget = budget
        self.missed = 0
        """Messages that it could not look at in time."""
        self.closed = False
        self._feed = feed
        self._predicate = predicate
        self._next = feed.end

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._feed.unsubscribe(self)

    @property
    def behind(self) -> int:
        """How many messages it has not looked at yet."""
        return self._feed.end - self._next

    async def take(self, seconds: float, most: int = 1000) -> list[Message]:
        """
        Look at what is noted, and return what matches, oldest first.

        Args:
            seconds: How long to wait for the first message, and to look for more.
            most: Most messages returned.

        Returns:
            An empty list when the time is over, or when the feed was closed and everything was looked at.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        found: list[Message] = []
        while not found:
            if not self.behind and (self.closed or not await self._feed.more(deadline)):
                break
            while self.behind and len(found) < most:
                if not await self._turn(deadline):
                    return found
                with self.budget.spending():
                    self._look(found, most)
        return found

    async def _turn(self, deadline: float) -> bool:
        """Wait for a turn; tell whether it came in time."""
        try:
            async with asyncio.timeout_at(deadline):
                await self.budget.turn()
        except TimeoutError:
            return False
        return True

    def _look(self, found: list[Message], most: int) -> None:
        """Look at some messages."""
        gone = self._feed.first - self._next
        if gone > 0:
            self.missed += gone
            self._next += gone
        messages = self._feed.noted(self._next, min(_SLICE, most - len(found)))
        self._next += len(messages)
        found.extend(filter(self._predicate, messages))

    def close(self) -> None:
        """End it: `take` gives what is noted and then nothing."""
        self.closed = True


class LiveFeed:
    """
    Notes every message while somebody watches.

    Args:
        taps: Where the pipeline looks for somebody who wants its batches.
    """

    def __init__(self, taps: list[Callable[[Sequence[Message]], None]]) -> None:
        self.subscriptions: list[Subscription] = []
        self.on_watch: list[Callable[[bool], None]] = []
        """Who is told when somebody begins to watch, and when nobody does any more."""
        self.streams = Budget(_STREAMS_SHARE)
        self.waits = Budget(_WAITS_SHARE)
        self.looks = asyncio.Lock()
        """Held by the wait that asks the store: together they would take a processor from the inputs."""
        self.first = 0
        """Number of the oldest message that is kept."""
        self._taps = taps
        self._closed = False
        self._notes: list[Message] = []
        self._base = 0
        """Number of the first of the notes; some of these may have been let go."""
        self._batches: deque[tuple[int, int]] = deque()
        """The number after each batch, and its bytes."""
        self._bytes = 0
        self._sleeping: set[asyncio.Future[None]] = set()
        self._alarm: asyncio.TimerHandle | None = None
        self._woken_at = 0.0

    @property
    def end(self) -> int:
        """Number of the next message."""
        return self._base + len(self._notes)

    def noted(self, number: int, most: int) -> list[Message]:
        """Return messages from a number on."""
        start = number - self._base
        return self._notes[start : start + most]

    def subscribe(self, predicate: Callable[[Message], bool], budget: Budget | None = None) -> Subscription:
        """
        Begin to watch.

        Args:
            predicate: Which messages are wanted.
            budget: `waits`, or by default `streams`.

        Raises:
            TooManySubscriptions: If there are too many.
        """
        if len(self.subscriptions) >= MAX_SUBSCRIPTIONS:
            raise TooManySubscriptions(f"too many live viewers (limit {MAX_SUBSCRIPTIONS})")
        subscription = Subscription(self, predicate, budget or self.streams)
        if self._closed:
            subscription.close()
            return subscription
        self.subscriptions.append(subscription)
        if len(self.subscriptions) == 1:
            self._taps.append(self.note)
            self._tell(watched=True)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Stop watching. May be called twice."""
        subscription.close()
        if subscription in self.subscriptions:
            self.subscriptions.remove(subscription)
            if not self.subscriptions:
                self._taps.remove(self.note)
                self._forget(self.end)
                self._tell(watched=False)

    def close(self) -> None:
        """End all watching, now and later."""
        self._closed = True
        for subscription in self.subscriptions:
            subscription.close()
        self._wake()

    async def more(self, deadline: float) -> bool:
        """Wait until something is noted, or the feed is closed; tell whether that was in time."""
        waiting = asyncio.get_running_loop().create_future()
        self._sleeping.add(waiting)
        try:
            async with asyncio.timeout_at(deadline):
                await waiting
        except TimeoutError:
            return False
        finally:
            self._sleeping.discard(waiting)
        return True

    def skip(self, missed: int) -> None:
        """Tell everybody of messages that could not be noted."""
        for subscription in self.subscriptions:
            subscription.missed += missed

    def note(self, messages: Sequence[Message]) -> None:
        """Note a batch, if somebody watches."""
        if not self.subscriptions:
            return
        self._notes += messages
        size = sum([len(message.raw) for message in messages])
        self._batches.append((self.end, size))
        self._bytes += size
        if len(self._notes) > MAX_MESSAGES or self._bytes > MAX_BYTES:
            first = self.end - MAX_MESSAGES
            left = self._bytes
            for after, batch_bytes in self._batches:
                if left <= MAX_BYTES or after == self.end:
                    break
                left, first = left - batch_bytes, max(first, after)
            self._forget(first)
        if self._sleeping and self._alarm is None:
            loop = asyncio.get_running_loop()
            due = self._woken_at + _WAKE_SECONDS * len(self._sleeping)
            if loop.time() >= due:
                self._wake()
            else:
                self._alarm = loop.call_at(due, self._wake)

    def _tell(self, *, watched: bool) -> None:
        for told in self.on_watch:
            told(watched)

    def _forget(self, first: int) -> None:
        """Let go of messages before a number."""
        if first > self.first:
            self.first = first
            while self._batches and self._batches[0][0] <= first:
                self._bytes -= self._batches.popleft()[1]
            dead = first - self._base
            if dead > len(self._notes) // 2:  # so that each is moved once or twice
                del self._notes[:dead]
                self._base = first

    def _wake(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        self._woken_at = asyncio.get_running_loop().time()
        for waiting in self._sleeping:
            if not waiting.done():
                waiting.set_result(None)
