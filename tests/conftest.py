"""Makes ``tests.*`` importable however pytest is started (``python -m pytest`` does it by itself)."""

from __future__ import annotations

import functools
import gc
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from xdist.scheduler.loadfile import LoadFileScheduling

_ROOT = str(Path(__file__).parent.parent)
if _ROOT not in sys.path:
    sys.path.insert(0, _ROOT)

_STATE = tempfile.TemporaryDirectory(prefix="gelf-listener-tests-")
os.environ["XDG_STATE_HOME"] = _STATE.name
"""What is kept when nobody says where, catalogs above all: not that of the person who runs the tests."""

pytest_plugins = ["tests.services.fixtures"]

# No test asserts a time, so a busy machine is no reason to fail. Examples are the same in every run, so that a change is not
# refused for what another one broke; `make fuzz` draws others.
settings.register_profile("same examples", deadline=None, derandomize=True)
settings.register_profile("other examples", deadline=None)
settings.load_profile("other examples" if "GELF_DRAW" in os.environ else "same examples")


def pytest_collection_finish() -> None:
    """Keep what was collected, hundreds of megabytes that stay, out of every later collection of garbage."""
    gc.collect()
    gc.freeze()


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


_SHARED = ("opensearch: OpenSearch", "kafka: Kafka")
"""Servers of a session that take a processor half a minute to start, as tests ask for them."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadFileScheduling | None:
    """Give files that ask for the same server to the same process, which starts it once."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler.loadfile import LoadFileScheduling

    class ByServer(LoadFileScheduling):
        """A file at a time, or all files of one server."""

        def _split_scope(self, nodeid: str) -> str:
            return _server_of(super()._split_scope(nodeid))

    return ByServer(config, log)


@functools.cache
def _server_of(file: str) -> str:
    """Return the server that a file's tests ask for, or else the file."""
    text = Path(_ROOT, file).read_text(encoding="utf-8")
    return next((server for server in _SHARED if server in text), file)
