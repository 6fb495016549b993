"""
Pipeline: from the inputs to the outputs, in batches.

Laws:

* A batch goes to the buffer of every output whose query matches, in receive order; nothing waits here.
* While any buffer that blocks is `full`, no input reads, but those of datagrams that let go of what `greedy` senders
  send; while one is `crowded`, inputs whose senders can wait do not read. Whoever stopped is called back when there is
  room.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

from gelf_listener.errors import Rejected
from gelf_listener.message import Message
from gelf_listener.rejections import Rejections
from gelf_listener.runner import Runner


class Pipeline:
    """Routes batches to outputs; the `Intake` of every input."""

    def __init__(self) -> None:
        self.rejections = Rejections()
        self.runners: list[Runner] = []
        self.messages: Counter[str] = Counter()
        """Messages taken, by input."""
        self.bytes: Counter[str] = Counter()
        """Their raw bytes, by input."""
        self.taps: list[Callable[[Sequence[Message]], None]] = []
        """Who wants to see every batch: called at once, must not keep or change the list, and must be quick."""
        self._waiting_full: list[Callable[[], None]] = []
        self._waiting_crowded: list[Callable[[], None]] = []

    @property
    def full(self) -> bool:
        """Whether inputs should stop reading."""
        for runner in self.runners:  # noqa: SIM110  (asked for every datagram batch and request: `any` costs twice)
            if runner.buffer.full:
                return True
        return False

    @property
    def greedy(self) -> frozenset[str]:
        """The addresses whose messages full buffers have too many of; none while one of these has nobody to blame."""
        found = [runner.buffer.greedy for runner in self.runners if runner.buffer.full]
        return frozenset().union(*found) if all(found) else frozenset()

    @property
    def crowded(self) -> bool:
        """Whether inputs whose senders can wait should stop reading."""
        for runner in self.runners:  # noqa: SIM110
            if runner.crowded:
                return True
        return False

    def spares(self, host: str) -> bool:
        """Whether a sender need not wait for what is crowded, or full; see `Intake.spares`."""
        return all([runner.buffer.spares(host) for runner in self.runners if runner.crowded or runner.buffer.full])

    def accept(self, messages: list[Message], size: int) -> None:
        """Take a batch from one input; see `Intake.accept`."""
        name = messages[0].input
        self.messages[name] += len(messages)
        self.bytes[name] += size
        for tap in self.taps:
            tap(messages)
        runners = self.runners
        if len(runners) == 1:
            runners[0].offer(messages, size)
            return
        for runner in runners:
            runner.offer(messages.copy(), size)

    def reject(self, rejected: Rejected) -> None:
        """Count and keep a rejection; see `Intake.reject`."""
        self.rejections.add(rejected)

    def when_ready(self, callback: Callable[[], None]) -> None:
        """Call back when nothing is full; see `Intake.when_ready`."""
        self._waiting_full.append(callback)
        asyncio.get_running_loop().call_soon(self.made_room)

    def when_calm(self, callback: Callable[[], None]) -> None:
        """Call back when nothing is crowded; see `Intake.when_calm`."""
        self._waiting_crowded.append(callback)
        asyncio.get_running_loop().call_soon(self.made_room)

    def when_safe(self, callback: Callable[[str | None], None]) -> None:
        """Call back when every buffer on disk has what was accepted; at once without one; see `Intake.when_safe`."""
        later = [runner.buffer for runner in self.runners if not runner.buffer.safe_at_once]
        if not later:
            callback(None)
            return
        left = len(later)
        problems: list[str] = []

        def heard(problem: str | None) -> None:
            nonlocal left
            left -= 1
            if problem is not None:
                problems.append(problem)
            if left == 0:
                callback("; ".join(problems) or None)

        for buffer in later:
            buffer.when_safe(heard)

    def made_room(self) -> None:
        """Tell waiting inputs to read again, unless another buffer is still full or crowded."""
        if self._waiting_full and not self.full:
            waiting, self._waiting_full = self._waiting_full, []
            _call_soon(waiting)
        if self._waiting_crowded and not self.crowded:
            waiting, self._waiting_crowded = self._waiting_crowded, []
            _call_soon(waiting)


def _call_soon(callbacks: list[Callable[[], None]]) -> None:
    """Leave them to the loop: what an input raises must not stop the output that made room."""
    loop = asyncio.get_running_loop()
    for callback in callbacks:
        loop.call_soon(callback)
