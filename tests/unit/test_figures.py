"""Figures: one output that several processes have open is shown as one."""

from __future__ import annotations

from gelf_listener.figures import OutputFigures, together


def test_one_process_is_shown_as_it_is() -> None:
    """Nothing is copied, and nothing lost."""
    only = OutputFigures("out", written=3, last_error="once", counters={"connections": 1.0})
    assert together([only]) is only


def test_what_is_counted_is_added() -> None:
    """Messages, bytes and the output's own counters; limits too, for each process has a buffer of its own."""
    parts = [
        OutputFigures(
            "out", "level:3", written=3, batches=1, dropped=1, waiting=2, max_messages=10, counters={"a": 1.0}
        ),
        OutputFigures(
            "out", "level:3", written=4, batches=2, refused=5, waiting=0, max_messages=10, counters={"b": 2.0}
        ),
    ]
    both = together(parts)
    assert (both.name, both.where, both.written, both.batches) == ("out", "level:3", 7, 3)
    assert (both.dropped, both.refused, both.waiting, both.max_messages) == (1, 5, 2, 20)
    assert both.counters == {"a": 1.0, "b": 2.0}
    assert (both.full, both.circuit, both.problem) == (False, "closed", "")


def test_what_fails_in_one_process_is_shown() -> None:
    """The oldest message, the first failure, the next try, and the words of the one that fails now."""
    parts = [
        OutputFigures("out", oldest_at=5.0, last_error="was away", full=True),
        OutputFigures(
            "out", oldest_at=3.0, failing_since=7.0, next_try_at=9.0, last_error="is away", problem="is away"
        ),
        OutputFigures("out", failing_since=8.0, next_try_at=8.5, last_error="is away too", problem="is away too"),
    ]
    all_three = together(parts)
    assert (all_three.oldest_at, all_three.failing_since, all_three.next_try_at) == (3.0, 7.0, 8.5)
    assert (all_three.last_error, all_three.problem) == ("is away", "is away")
    assert (all_three.full, all_three.circuit) == (True, "open")
