"""RecordingIntake: keeps what an input hands over, and lets a test decide when there is room and what is safe."""

from __future__ import annotations

from collections.abc import Callable

from gelf_listener.errors import Rejected
from gelf_listener.message import Message


class RecordingIntake:
    """
    An intake in a list.

    Attributes:
        messages: What was accepted, in order.
        sizes: The size of each batch.
        rejected: What was rejected.
        full: Set by the test, as `crowded` is; `relax` ends both.
        greedy: Set by the test.
        spared: Addresses that need not wait, set by the test.
        unsafe: Whether `when_safe` waits for `settle`, as it does with a disk buffer.
        ready: Who waits for an end of `full`.
        calm: Who waits for an end of `crowded`.
        safe: Who waits for `settle`.
    """

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.sizes: list[int] = []
        self.rejected: list[Rejected] = []
        self.full = False
        self.crowded = False
        self.greedy: frozenset[str] = frozenset()
        self.spared: set[str] = set()
        self.ready: list[Callable[[], None]] = []
        self.calm: list[Callable[[], None]] = []
        self.unsafe = False
        self.safe: list[Callable[[str | None], None]] = []

    @property
    def texts(self) -> list[str]:
        """The texts of all messages."""
        return [taken.short_message for taken in self.messages]

    @property
    def reasons(self) -> list[str]:
        """Why was rejected what was."""
        return [rejected.reason.value for rejected in self.rejected]

    def accept(self, messages: list[Message], size: int) -> None:
        """Keep a batch; see `Intake.accept`."""
        assert messages, "an input hands over no empty batches"
        self.messages += messages
        self.sizes.append(size)

    def reject(self, rejected: Rejected) -> None:
        """Keep a rejection; see `Intake.reject`."""
        self.rejected.append(rejected)

    def spares(self, host: str) -> bool:
        """Return what the test has set; see `Intake.spares`."""
        return host in self.spared

    def when_ready(self, callback: Callable[[], None]) -> None:
        """Call back on `relax`; see `Intake.when_ready`."""
        self.ready.append(callback)

    def when_calm(self, callback: Callable[[], None]) -> None:
        """Call back on `relax`; see `Intake.when_calm`."""
        self.calm.append(callback)

    def when_safe(self, callback: Callable[[str | None], None]) -> None:
        """Call back on `settle`, or at once when nothing is `unsafe`; see `Intake.when_safe`."""
        if self.unsafe:
            self.safe.append(callback)
        else:
            callback(None)

    def settle(self, error: str | None = None) -> None:
        """Call back who waits for messages to be safe."""
        waiting, self.safe = self.safe, []
        for callback in waiting:
            callback(error)

    def relax(self) -> None:
        """Become empty and call back who waits for room."""
        self.full = self.crowded = False
        waiting, self.ready, self.calm = self.ready + self.calm, [], []
        for callback in waiting:
            callback()
