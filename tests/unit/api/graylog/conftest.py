"""A store, and a directory for what is made through the API."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.conftest import Install


@pytest.fixture(autouse=True)
def state(install: Install, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """`memory:` outputs, and a state directory of its own."""
    install("memory", "tests.unit.api.native.asking:StoringOutput")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path
