"""Makes ``tests.*`` importable however pytest is started (``python -m pytest`` does it by itself)."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

_ROOT = str(Path(__file__).parent.parent)
if _ROOT not in sys.path:
    sys.path.insert(0, _ROOT)

pytest_plugins = ["tests.services.fixtures"]

# No test asserts a time, so a busy machine is no reason to fail. Examples are the same in every run, so that a change is not
# refused for what another one broke; `make fuzz` draws others.
settings.register_profile("same examples", deadline=None, derandomize=True)
settings.register_profile("other examples", deadline=None)
settings.load_profile("other examples" if "GELF_DRAW" in os.environ else "same examples")


_LONGEST = ("services", "browser", "e2e", "handlers")
"""Folders of tests that run programs, in the order in which they begin: what builds and starts the most first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Spread the files of quick tests among those that run programs.

    Several processes share the run a file at a time: the longest should not come last, nor all together, where they
    would wait for each other's servers.
    """
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    items[:] = [item for path in _spread(list(files)) for item in files[path]]


def _spread(paths: list[Path]) -> Iterator[Path]:
    folders = {path: path.relative_to(_ROOT).parts[1] for path in paths if path.is_relative_to(_ROOT)}
    slow = sorted(
        (path for path in paths if folders.get(path) in _LONGEST), key=lambda path: _LONGEST.index(folders[path])
    )
    quick = [path for path in paths if folders.get(path) not in _LONGEST]
    for number, path in enumerate(slow):
        yield path
        yield from quick[number * len(quick) // len(slow) : (number + 1) * len(quick) // len(slow)]
    if not slow:
        yield from quick
