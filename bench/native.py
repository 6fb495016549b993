"""Native: the C programs of the bench, compiled when it runs."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

__all__ = ["compiler", "program"]

_SOURCES = Path(__file__).parent / "native"


def compiler() -> str | None:
    """Return the C compiler, if there is one."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


@cache
def program(name: str, folder: Path) -> Path | None:
    """Compile a program into a folder; None without a compiler or when it fails, which costs speed and not the run."""
    cc = compiler()
    if cc is None:
        return None
    target = folder / name
    done = subprocess.run(
        [cc, "-O2", "-o", str(target), str(_SOURCES / f"{name}.c")], capture_output=True, timeout=60, check=False
    )
    return target if done.returncode == 0 else None
