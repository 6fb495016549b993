"""Times of commands, as a server is asked for them."""

from __future__ import annotations

import time

import pytest

from gelf_listener.commands.search import since_when, when

NOW = 1_795_913_700.0  # 2026-11-29T00:55:00Z, 09:55 in Tokyo


@pytest.fixture(autouse=True)
def in_tokyo(monkeypatch):
    """A terminal nine hours ahead of its server."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    monkeypatch.setattr(time, "time", lambda: NOW)
    yield
    monkeypatch.undo()
    time.tzset()


def test_days_and_clocks_are_the_terminals() -> None:
    """A server counts in UTC, so it is told the instant."""
    midnight = NOW - (9 * 3600 + 55 * 60)
    assert float(when("today")) == midnight
    assert float(when("yesterday", end=True)) == midnight
    assert float(when("9:25")) == NOW - 30 * 60
    assert float(when("9:25", end=True)) == NOW - 29 * 60
    assert since_when("9:25") == "1800s"


@pytest.mark.parametrize("text", ["", "2h", "now-1h", "2026-11-23", "2026-11-23T14:30:00Z"])
def test_everything_else_is_the_servers(text: str) -> None:
    """It means the same everywhere."""
    assert when(text, end=True) == since_when(text) == text
