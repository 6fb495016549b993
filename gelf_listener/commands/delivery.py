"""Delivery: an output that is driven in a thread of its own, for commands that send."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from gelf_listener.address import Address
from gelf_listener.assembly import make_buffer, make_output, make_predicate
from gelf_listener.config import Spec
from gelf_listener.errors import ConfigError, OutputError, Rejected
from gelf_listener.message import Message
from gelf_listener.runner import Runner

GELF_PORTS = {"gelf+udp": 12201, "gelf+tcp": 12201, "gelf+tls": 12204, "gelf+http": 12203, "gelf+https": 12203}
"""Outputs that commands send GELF to, and a listener's usual ports for them."""

_MOST_AHEAD = 64
"""Batches that wait for room in the buffer before `put` does."""
_LOOK_SECONDS = 0.02
_CLOSE_SECONDS = 1.0
_NO_LIMIT = float("inf")


class Delivery:
    """
    Sends messages to an output.

    Guarantee: what was put is written, or counted: refused, lost when the time was over, or left in a buffer on disk.

    Args:
        to: Address of a GELF output, with any of its settings.
        defaults: Settings that the address does not have itself.
        patient: Whether a destination that fails is tried again until the end. Otherwise `put` and `finish` raise at
            once, or after the time that a setting `retry` of the address says.

    Raises:
        ConfigError: If the address does not fit.
    """

    def __init__(self, to: str, defaults: Mapping[str, object], *, patient: bool) -> None:
        address = Address.parse(to)
        if address.scheme not in GELF_PORTS:
            raise ConfigError(f"setting 'to' is {str(address)!r}: expected one of {', '.join(GELF_PORTS)}")
        if address.port is None and "socket" not in address.settings:
            address = address._replace(port=GELF_PORTS[address.scheme])
        address = address._replace(host=address.host or "localhost" if "socket" not in address.settings else "")
        given = {name: value for name, value in defaults.items() if name not in address.settings}
        self.output = make_output(Spec(address, tuple(given.items())))
        settings = self.output.settings
        self.address = settings.shown(address)
        """The address without what is secret in it."""
        self.refused = 0
        """Messages the destination will never take."""
        self.lost = 0
        """Messages that were neither written nor kept in time."""
        self.kept = 0
        """Messages left in a buffer on disk."""
        self._why = ""
        limited = not patient and "retry" in settings.model_fields_set
        self._patience = settings.retry or _NO_LIMIT if limited else _NO_LIMIT if patient else 0.0
        """How long a destination may fail, seconds."""
        buffer = make_buffer(settings.name or self.address, settings)
        predicate = make_predicate(settings.where)
        self._runner = Runner(self.address, self.output, buffer, predicate, self._reject, self._move)
        self._loop: asyncio.AbstractEventLoop
        self._thread: threading.Thread | None = None
        self._waiting: deque[list[Message]] = deque()
        """Batches for which the buffer had no room."""
        self._ahead = 0
        self._room = threading.Condition()

    @property
    def problem(self) -> str:
        """Why messages are not written, as last heard, without the address; empty without a reason."""
        why = self._why or self._runner.last_error or str(getattr(self.output, "problem", ""))
        where = self.address.partition("://")[2]
        return re.sub(rf"^(?:https?://)?{re.escape(where)}: ", "", why)

    def start(self) -> None:
        """
        Open the output.

        Raises:
            ConfigError: If it can never work.
            OutputError: If the destination fails for too long.
        """
        logging.getLogger("gelf_listener").addHandler(logging.NullHandler())  # the command says what went wrong
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="delivery", daemon=True)
        self._thread.start()
        try:
            self._call(self._runner.start()).result()
        except ConfigError:
            self._end()
            raise
        self._check()

    def put(self, messages: Sequence[Message], stop_waiting: Callable[[], bool] = bool) -> None:
        """
        Take messages; waits while there are too many that the destination has not taken.

        Args:
            messages: In order.
            stop_waiting: Asked now and then while there is no room; True adds them all the same.

        Raises:
            OutputError: If the destination fails for too long.
        """
        if not messages:
            return
        with self._room:
            while self._ahead >= _MOST_AHEAD and not stop_waiting():
                self._room.wait(_LOOK_SECONDS)
                self._check()
            self._ahead += 1
        self._check()
        self._loop.call_soon_threadsafe(self._offer, list(messages))

    def finish(self, seconds: float | None = None) -> None:
        """
        Write the rest, close the output, and count what became of everything. May be called twice.

        Args:
            seconds: Longest time that may take; None: until all is written, or the destination fails.

        Raises:
            OutputError: If the destination fails for too long.
        """
        if self._thread is not None:
            self._call(self._finish(seconds)).result()
            self._end()

    def _call(self, coroutine: Coroutine[Any, Any, None]) -> Future[None]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def _end(self) -> None:
        """End the thread."""
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._thread = None
            self._loop.close()

    @property
    def _given_up(self) -> bool:
        """Whether the destination has failed for too long."""
        since = self._runner.failing_since
        return since is not None and time.time() - since >= self._patience

    def _check(self) -> None:
        if self._given_up and not self._runner.buffer.durable:
            raise OutputError(self.problem)

    def _offer(self, messages: list[Message]) -> None:
        self._waiting.append(messages)
        self._move()

    def _move(self) -> None:
        """Give the buffer what it has room for; called whenever it has."""
        moved = 0
        while self._waiting and not self._runner.buffer.full:
            messages = self._waiting.popleft()
            self._runner.offer(messages, sum(len(message.raw) for message in messages))
            moved += 1
        if moved:
            with self._room:
                self._ahead -= moved
                self._room.notify()

    def _reject(self, rejected: Rejected) -> None:
        self._why = rejected.detail.removeprefix(f"output {self.address}: ")

    async def _finish(self, seconds: float | None) -> None:
        runner = self._runner
        if seconds is None:
            while (self._waiting or runner.waiting) and not self._given_up:  # noqa: ASYNC110  (no event tells of failures)
                await asyncio.sleep(_LOOK_SECONDS / 10)
        await runner.drain(_CLOSE_SECONDS if seconds is None and runner.failing_since is None else seconds or 0.0)
        self.refused = runner.refused
        self.kept = runner.buffer.messages if runner.buffer.durable else 0
        self.lost = runner.given_up + runner.buffer.dropped + sum(map(len, self._waiting))
