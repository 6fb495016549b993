"""What a handler has done so far: sent, dropped, rejected, queued, last error."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

__all__ = ["Counters", "HandlerStats"]

_NOTICE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class HandlerStats:
    """
    A handler's state at one moment.

    Attributes:
        sent: Messages handed to the network (UDP, TCP, TLS) or acknowledged by the destination (HTTP, AMQP).
        dropped: Messages let go, by reason: ``queue_full``, ``too_large``, ``unencodable``, ``unsendable`` (a client
            library failed on it again and again), ``exit``.
        rejected: Messages the destination refused for good (an HTTP 4xx, an unroutable AMQP message).
        possibly_lost: Messages handed to the network whose arrival is known to be doubtful: bytes the peer had not
            acknowledged when a TCP connection broke (Linux), datagrams answered by "port unreachable".
        queued: Messages waiting, those being sent included.
        reconnects: Connections made after the first.
        connected: Whether the last attempt to send succeeded; None before the first.
        last_error: Text of the last failure; kept after recovery.
    """

    sent: int
    dropped: dict[str, int]
    rejected: int
    possibly_lost: int
    queued: int
    reconnects: int
    connected: bool | None
    last_error: str | None

    @property
    def dropped_total(self) -> int:
        """All drops."""
        return sum(self.dropped.values())


@dataclass(slots=True)
class Counters:
    """
    The mutable side of `HandlerStats`.

    Attributes written by the worker alone need no lock; drops are counted by any thread, under a reentrant one
    (a signal handler may log in the middle of a count).
    """

    label: str
    sent: int = 0
    rejected: int = 0
    possibly_lost: int = 0
    connections: int = 0
    connected: bool | None = None
    last_error: str | None = None
    dropped: Counter[str] = field(default_factory=Counter)
    drops: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _noticed: dict[str, float] = field(default_factory=dict)

    def drop(self, reason: str, count: int = 1) -> None:
        """Count messages let go."""
        with self._lock:
            self.dropped[reason] += count
            self.drops += count

    def fail(self, error: BaseException | str, *, topic: str = "delivery") -> None:
        """Remember a failure and say it on standard error, once a minute per topic."""
        text = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
        self.last_error = text
        self.notice(text, topic=topic)

    def notice(self, text: str, *, topic: str) -> None:
        """Write one line to standard error, as `logging.Handler.handleError` would, but at most once a minute."""
        now = time.monotonic()
        if not logging.raiseExceptions or now - self._noticed.get(topic, -_NOTICE_SECONDS) < _NOTICE_SECONDS:
            return
        self._noticed[topic] = now
        with contextlib.suppress(Exception):  # no standard error (pythonw, closed at exit): nowhere to say it
            sys.stderr.write(f"gelf-handlers: {self.label}: {text}\n")
