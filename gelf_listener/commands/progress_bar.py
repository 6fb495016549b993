"""Progress: a bar with a rate and the time left, on standard error of a terminal, for work that takes long."""

from __future__ import annotations

import sys
import time
from typing import Any, Self

_REDRAWN_SECONDS = 0.1


class ProgressBar:
    """
    Shows how far some work is; nothing where standard error is not a terminal.

    Args:
        doing: What is being done: ``sending``.
        total: How many things there are; None if that is not known.
        noun: What they are.
        least: Fewer things show no bar.
    """

    def __init__(self, doing: str, total: int | None, noun: str = "messages", *, least: int = 1000) -> None:
        self._shown = sys.stderr.isatty() and (total is None or total >= least)
        self._doing = doing
        self._total = total
        self._noun = noun
        self._count = 0
        self._drawn_at = 0.0
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Self:
        if self._shown:
            from rich.console import Console  # a tenth of a second, for terminals only
            from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

            columns = [
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[said]}"),
            ]
            self._bar = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True))
            self._bar.start()
            self._task = self._bar.add_task(self._doing, total=self._total, said="")
        return self

    def __exit__(self, *exc: object) -> None:
        if self._bar is not None:
            self._draw()
            self._bar.stop()

    def advance(self, number: int) -> None:
        """Note that so many more are done."""
        self.reach(self._count + number)

    def reach(self, number: int) -> None:
        """Note that so many are done altogether."""
        self._count = number
        if self._bar is not None and time.monotonic() - self._drawn_at >= _REDRAWN_SECONDS:
            self._draw()

    def _draw(self) -> None:
        self._drawn_at = time.monotonic()
        self._bar.update(self._task, completed=self._count)
        speed = self._bar.tasks[0].finished_speed or self._bar.tasks[0].speed
        of = "" if self._total is None else f" of {self._total:,}"
        rate = "" if speed is None else f", {speed:,.0f} a second"
        self._bar.update(self._task, said=f"{self._count:,}{of} {self._noun}{rate}")
