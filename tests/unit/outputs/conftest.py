"""Fixtures of the tests of outputs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.requirements import missing


@contextmanager
def replaced(number: int, fd: int) -> Iterator[None]:
    """Put a file descriptor in the place of standard output (1) or error (2)."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    saved = os.dup(number)
    os.dup2(fd, number)
    try:
        yield
    finally:
        os.dup2(saved, number)
        os.close(saved)


@pytest.fixture
def standard_output() -> Iterator[Callable[[int], None]]:
    """Send what the test writes to file descriptor 1 somewhere else, for the rest of the test."""
    with ExitStack() as stack:
        yield lambda fd: stack.enter_context(replaced(1, fd))


class SmallDisk:
    """A file system of 256 KiB in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def remount(self, *options: str) -> None:
        """Change how it is mounted, for example ``ro``."""
        subprocess.run(["mount", "-o", ",".join(("remount", *options)), self.path], check=True, capture_output=True)

    def fill(self, leave: int) -> Path:
        """Fill it up but for some bytes (a multiple of 4096); return the file that does."""
        path = self.path / "filler"
        status = os.statvfs(self.path)
        path.write_bytes(b"x" * (status.f_bavail * status.f_frsize - leave))
        return path


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Mount a real file system that fills up quickly."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "gelf-test", str(path)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        missing(f"needs to mount a tmpfs: {getattr(error, 'stderr', error)!r}")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "-l", path], check=True, capture_output=True)
