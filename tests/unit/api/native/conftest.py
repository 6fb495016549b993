"""Fixtures of the native routes."""

from __future__ import annotations

import pytest

from tests.unit.conftest import Install


@pytest.fixture
def memory(install: Install) -> str:
    """The address of an output with a store in memory."""
    pytest.importorskip("gelf_listener.store.memory_store")
    install("memory", "tests.unit.api.native.asking:StoringOutput")
    return "memory:"
