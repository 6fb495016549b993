"""Fixtures of the tests of inputs."""

from __future__ import annotations

import pytest

from gelf_listener.inputs import turns


@pytest.fixture(autouse=True)
def _turns_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no time pass in a turn: on a busy machine, what a test feeds would be worked off in a later one."""
    monkeypatch.setattr(turns, "perf_counter", lambda: 1.0)
