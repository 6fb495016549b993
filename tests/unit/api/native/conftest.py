"""Fixtures of the native routes."""

from __future__ import annotations

import pytest

from tests.unit.conftest import Install


@pytest.fixture(params=["memory", "tantivy"])
def storing(request: pytest.FixtureRequest, install: Install) -> str:
    """The address of an output with a store: the reference one, and the one on disk."""
    name: str = request.param
    classes = {"memory": "StoringOutput", "tantivy": "TantivyOutput"}
    install(name, f"tests.unit.api.native.asking:{classes[name]}")
    return f"{name}:"
