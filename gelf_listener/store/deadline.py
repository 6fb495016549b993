"""
Deadline: until when what this task asks of a store has to be answered.

A store that asks a server needs several requests for one question, and an answer of the API may need several
questions. All of them share one time: what one takes, the others do not have. It is known by the task, and by the tasks
and threads that it starts.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class _Answer:
    """
    What is asked for one answer.

    Attributes:
        began: When it was asked for (monotonic).
        until: When it has to be there; None before the first question.
    """

    def __init__(self, began: float) -> None:
        self.began = began
        self.until: float | None = None


_answer: ContextVar[_Answer | None] = ContextVar("_answer", default=None)
_until: ContextVar[float] = ContextVar("_until", default=math.inf)


def begin_answer(began: float | None = None) -> None:
    """
    Have all questions that this task asks from now on share the time that the first of them is given.

    Args:
        began: When somebody asked for the answer (monotonic), which the time counts from; now by default.
    """
    _answer.set(_Answer(time.monotonic() if began is None else began))


@contextmanager
def limited(seconds: float, *, alone: bool = False) -> Iterator[None]:
    """
    Limit what is asked inside; a limit around it that ends earlier holds as well.

    Args:
        seconds: How long it may take.
        alone: Whether it has this time whatever else the answer needs, as each page of an export does.
    """
    until = time.monotonic() + seconds
    if not alone:
        answer = _answer.get()
        if answer is not None:
            answer.until = answer.began + seconds if answer.until is None else answer.until
            until = min(until, answer.until)
        until = min(until, _until.get())
    token = _until.set(until)
    try:
        yield
    finally:
        _until.reset(token)


def seconds_left() -> float:
    """Return how many seconds are left, 0 when the time is over, infinite without a limit."""
    return max(_until.get() - time.monotonic(), 0.0)
