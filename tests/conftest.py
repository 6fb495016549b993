"""Makes ``tests.*`` importable however pytest is started (``python -m pytest`` does it by itself)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import settings

_ROOT = str(Path(__file__).parent.parent)
if _ROOT not in sys.path:
    sys.path.insert(0, _ROOT)

pytest_plugins = ["tests.services.fixtures"]

# A busy machine is no reason to fail: no test asserts a time.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


_OTHERS = ("e2e", "services", "browser", "fuzz")
"""Where clients of other people take part, some of which (graypy, pygelf) leave connections to the collector."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Report there what is left open, and let nothing fail for it; everywhere else it is an error."""
    for item in items:
        if (
            Path(__file__).parent in item.path.parents
            and item.path.relative_to(Path(__file__).parent).parts[0] in _OTHERS
        ):
            item.add_marker(pytest.mark.filterwarnings("default::pytest.PytestUnraisableExceptionWarning"))
            item.add_marker(pytest.mark.filterwarnings("default::ResourceWarning"))
