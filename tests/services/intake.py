"""An intake whose disk the test decides about."""

from __future__ import annotations

from collections.abc import Callable

from tests.unit.fakes import FakeIntake

__all__ = ["Safe", "SafeIntake"]

Safe = Callable[[str | None], None]


class SafeIntake(FakeIntake):
    """
    Answers `when_safe` at once, as a listener without disk buffers does.

    Attributes:
        held: Callbacks that wait for the test.
    """

    def __init__(self) -> None:
        super().__init__()
        self.held: list[Safe] = []
        self._holding = False
        self._failing: list[str] = []

    def hold_safe(self) -> None:
        """Keep callbacks from now on."""
        self._holding = True

    def fail_safe(self, error: str, times: int) -> None:
        """Answer the next so many callbacks with an error."""
        self._failing = [error] * times

    def when_safe(self, callback: Safe) -> None:
        if self._holding:
            self.held.append(callback)
        else:
            callback(self._failing.pop() if self._failing else None)
