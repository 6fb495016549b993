"""Directories: opened component by component, so that no link in the way is followed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

_MODE = 0o750


@contextlib.contextmanager
def open_directory(base: Path, components: Sequence[str], *, create: bool) -> Iterator[int]:
    """
    Open a directory below a base.

    Args:
        base: Trusted: links in it are followed.
        components: Names below it: a link among them is an error (ELOOP or ENOTDIR).
        create: Make what is missing.

    Yields:
        A descriptor for the ``dir_fd`` arguments of `os`.

    Raises:
        OSError: If a component cannot be opened.
    """
    if create:
        base.mkdir(_MODE, parents=True, exist_ok=True)
    fd = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in components:
            if create:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, _MODE, dir_fd=fd)
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
            os.close(fd)
            fd = below
        yield fd
    finally:
        os.close(fd)
