"""
Live feed: messages as they arrive, for whoever watches.

Laws:

* Nobody watches: the pipeline does not know the feed, so it costs nothing.
* Somebody watches: all watchers together take at most a quarter of the time (`BUDGET_SECONDS` of each
  `WINDOW_SECONDS`). What arrives beyond that is not looked at and counted as `skipped`. Watchers that must not miss
  anything (a waiting test) say so and are outside the budget.
* A watcher has a bounded queue. What matches but does not fit is counted as `dropped`; the feed never waits.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Self

from gelf_listener.errors import GelfError
from gelf_listener.message import Message

__all__ = ["BUDGET_SECONDS", "MAX_SUBSCRIPTIONS", "WINDOW_SECONDS", "LiveFeed", "Subscription", "TooManySubscriptions"]

MAX_SUBSCRIPTIONS = 128
"""Watchers at a time."""

WINDOW_SECONDS = 0.1
BUDGET_SECONDS = 0.025
"""Of each window, what all watchers' queries together may take."""

_SLICE = 128
"""Messages looked at between two looks at the clock."""

_MAX_MESSAGES = 5000
_MAX_BYTES = 8 * 1024 * 1024


class TooManySubscriptions(GelfError):
    """There are as many watchers as there may be."""


class Subscription:
    """
    One watcher. A context manager: it stops watching when the block ends.

    Args:
        feed: Where it belongs.
        predicate: Which messages it wants.
        every: Whether it is outside the time budget.
        max_messages: Most messages in its queue.
        max_bytes: Most bytes of their payloads.
    """

    def __init__(
        self, feed: LiveFeed, predicate: Callable[[Message], bool], *, every: bool, max_messages: int, max_bytes: int
    ) -> None:
        self.every = every
        self.dropped = 0
        """Messages that matched and did not fit the queue."""
        self.skipped = 0
        """Messages nobody looked at, for lack of time or room."""
        self.closed = False
        self._feed = feed
        self._predicate = predicate
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._queue: deque[Message] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._feed.unsubscribe(self)

    def offer(self, messages: Sequence[Message]) -> None:
        """Look at messages and queue those that match."""
        if len(self._queue) >= self._max_messages or self._bytes >= self._max_bytes:
            self.skipped += len(messages)
            return
        found = list(filter(self._predicate, messages))
        for index, message in enumerate(found):
            if len(self._queue) >= self._max_messages or self._bytes >= self._max_bytes:
                self.dropped += len(found) - index
                break
            self._bytes += len(message.raw)
            self._queue.append(message)
        if found:
            self._wake.set()

    async def take(self, seconds: float, most: int = 1000) -> list[Message]:
        """
        Remove and return what is queued, oldest first.

        Args:
            seconds: How long to wait for the first message.
            most: Most messages returned.

        Returns:
            An empty list when the time is over, or when the feed was closed.
        """
        if not self._queue and not self.closed:
            self._wake.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
            except TimeoutError:
                return []
        taken = [self._queue.popleft() for _ in range(min(most, len(self._queue)))]
        self._bytes -= sum(len(message.raw) for message in taken)
        return taken

    def close(self) -> None:
        """End it: `take` gives what is queued and then nothing."""
        self.closed = True
        self._wake.set()


class LiveFeed:
    """
    Gives every batch to whoever watches.

    Args:
        taps: Where the pipeline looks for somebody who wants its batches.
        clock: Seconds.
    """

    def __init__(
        self, taps: list[Callable[[Sequence[Message]], None]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.subscriptions: list[Subscription] = []
        self._taps = taps
        self._clock = clock
        self._window_at = 0.0
        self._spent = 0.0
        self._closed = False

    def subscribe(
        self,
        predicate: Callable[[Message], bool],
        *,
        every: bool = False,
        max_messages: int = _MAX_MESSAGES,
        max_bytes: int = _MAX_BYTES,
    ) -> Subscription:
        """
        Begin to watch.

        Args:
            predicate: Which messages are wanted.
            every: Not to miss any for lack of time.
            max_messages: Most messages that wait to be taken.
            max_bytes: Most bytes of their payloads.

        Raises:
            TooManySubscriptions: If there are too many.
        """
        if len(self.subscriptions) >= MAX_SUBSCRIPTIONS:
            raise TooManySubscriptions(f"{MAX_SUBSCRIPTIONS} are watching already")
        subscription = Subscription(self, predicate, every=every, max_messages=max_messages, max_bytes=max_bytes)
        if self._closed:
            subscription.close()
            return subscription
        if not self.subscriptions:
            self._taps.append(self._offer)
        self.subscriptions.append(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Stop watching. May be called twice."""
        subscription.close()
        if subscription in self.subscriptions:
            self.subscriptions.remove(subscription)
            if not self.subscriptions:
                self._taps.remove(self._offer)

    def close(self) -> None:
        """End all watching, now and later."""
        self._closed = True
        for subscription in list(self.subscriptions):
            self.unsubscribe(subscription)

    def _offer(self, messages: Sequence[Message]) -> None:
        """Offer a batch to all, those that wait for a place in the budget in turn."""
        began = self._clock()
        if began - self._window_at >= WINDOW_SECONDS:
            self._window_at, self._spent = began, 0.0
            self.subscriptions.append(self.subscriptions.pop(0))  # another one goes first
        for subscription in tuple(self.subscriptions):
            if subscription.every:
                subscription.offer(messages)
                continue
            for start in range(0, len(messages), _SLICE):
                if self._spent >= BUDGET_SECONDS:
                    subscription.skipped += len(messages) - start
                    break
                before = self._clock()
                subscription.offer(messages[start : start + _SLICE])
                self._spent += self._clock() - before
