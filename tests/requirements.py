"""
What a test needs from outside Python, and what happens when it is not there.

On a developer's machine a missing tool skips the tests that need it, with the reason. In CI, where
``GELF_REQUIRE_ALL=1``, it fails them: a test that silently never ran proves nothing.
"""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

__all__ = ["missing", "need", "require_all"]


def require_all() -> bool:
    """Whether missing tools are failures (CI) rather than skips."""
    return os.environ.get("GELF_REQUIRE_ALL", "") not in ("", "0")


def missing(reason: str) -> NoReturn:
    """Skip the test because something it needs is not there, or fail it where everything must be there."""
    if require_all():
        pytest.fail(f"{reason} (GELF_REQUIRE_ALL is set: this may not be skipped here)", pytrace=False)
    pytest.skip(reason)


def need(*tools: str) -> str:
    """
    Return the path of the first tool, once all of them are there.

    Args:
        tools: Names of programs looked up in PATH.
    """
    paths = []
    for tool in tools:
        path = shutil.which(tool)
        if path is None:
            missing(f"needs {tool!r}, which is not installed")
        paths.append(path)
    return paths[0]
