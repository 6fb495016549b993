"""
Received: what arrived at a listener inside a test.

Laws:

* Messages are in the order they arrived; when there is no room the oldest go, and are counted.
* A `Watch` misses nothing: every message is offered to it in the thread that received it, also those that are gone
  before anybody looks.
* Everything here may be called from any thread.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

from gelf_listener.errors import Rejected
from gelf_listener.message import Message

T = TypeVar("T")

_MAX_REJECTED = 1000
_FIXED_BYTES = 512
"""What a message takes beside its payload, roughly."""


class Watch:
    """
    Collects the first so many messages that match.

    Args:
        predicate: Which messages.
        count: How many are enough.
        enough: Called once when there are so many, in the thread that received the last one.
    """

    def __init__(self, predicate: Callable[[Message], bool], count: int, enough: Callable[[], None]) -> None:
        self.found: list[Message] = []
        self._predicate = predicate
        self._count = count
        self._enough = enough

    @property
    def complete(self) -> bool:
        """Whether there are enough."""
        return len(self.found) >= self._count

    def offer(self, messages: Sequence[Message]) -> None:
        """Look at messages, unless there are enough already."""
        if self.complete:
            return
        self.found.extend(islice(filter(self._predicate, messages), self._count - len(self.found)))
        if self.complete:
            self._enough()


class Received:
    """
    The `Intake` of a listener inside a test: it keeps what arrives, bounded, where a test can look at it.

    Args:
        max_messages: Most messages that are kept.
        max_bytes: Most bytes of them.
    """

    full = False
    """Inputs never have to stop reading: the oldest messages give way."""
    crowded = False
    greedy: frozenset[str] = frozenset()

    def __init__(self, max_messages: int, max_bytes: int) -> None:
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._lock = threading.RLock()
        self._messages: deque[Message] = deque()
        self._bytes = 0
        self._rejected: deque[Rejected] = deque(maxlen=_MAX_REJECTED)
        self._watches: list[Watch] = []
        self.arrived = 0
        """Messages so far, those that were forgotten included."""
        self.refused = 0
        """Rejections so far."""
        self.forgotten = 0
        """Messages that had to go for lack of room."""

    # Intake

    def accept(self, messages: list[Message], size: int) -> None:  # noqa: ARG002  (of the protocol)
        """Take a batch from an input; see `Intake.accept`."""
        with self._lock:
            self.arrived += len(messages)
            for message in messages:
                self._messages.append(message)
                self._bytes += _size(message)
            while len(self._messages) > self._max_messages or self._bytes > self._max_bytes:
                self._bytes -= _size(self._messages.popleft())
                self.forgotten += 1
            for watch in self._watches:
                watch.offer(messages)

    def reject(self, rejected: Rejected) -> None:
        """Keep a rejection; see `Intake.reject`. It is not logged: the test's own logging may lead here."""
        rejected.forget_frames()
        with self._lock:
            self.refused += 1
            self._rejected.append(rejected)

    def spares(self, host: str) -> bool:  # noqa: ARG002  (as `Intake`)
        """Nobody has to wait; see `Intake.spares`."""
        return True

    def when_ready(self, callback: Callable[[], None]) -> None:
        """Call back at once: nothing is ever full; see `Intake.when_ready`."""
        callback()

    def when_calm(self, callback: Callable[[], None]) -> None:
        """Call back at once: nothing is ever crowded; see `Intake.when_calm`."""
        callback()

    def when_safe(self, callback: Callable[[str | None], None]) -> None:
        """Call back at once: it is in memory; see `Intake.when_safe`."""
        callback(None)

    # For the test

    @contextmanager
    def watch(self, predicate: Callable[[Message], bool], count: int, enough: Callable[[], None]) -> Iterator[Watch]:
        """Watch what is here already and what arrives until the block ends; see `Watch`."""
        watch = Watch(predicate, count, enough)
        with self._lock:
            watch.offer(self._messages)
            self._watches.append(watch)
        try:
            yield watch
        finally:
            with self._lock:
                self._watches.remove(watch)

    def messages(self) -> list[Message]:
        """Return what is kept, in the order of arrival."""
        with self._lock:
            return list(self._messages)

    def rejected(self) -> list[Rejected]:
        """Return the latest rejections, in the order they came."""
        with self._lock:
            return list(self._rejected)

    def messages_since(self, arrived: int) -> list[Message]:
        """Return what is kept of the messages that came after so many had arrived."""
        with self._lock:
            return _last(self._messages, self.arrived - arrived)

    def rejected_since(self, refused: int) -> list[Rejected]:
        """Return what is kept of the rejections that came after so many."""
        with self._lock:
            return _last(self._rejected, self.refused - refused)

    def clear(self) -> None:
        """Forget messages and rejections."""
        with self._lock:
            self._messages.clear()
            self._rejected.clear()
            self._bytes = 0
            self.forgotten = 0


def _size(message: Message) -> int:
    return len(message.raw) + _FIXED_BYTES


def _last(items: deque[T], count: int) -> list[T]:
    """Return the last ones, in their order."""
    return list(islice(items, max(len(items) - count, 0), None)) if count > 0 else []
