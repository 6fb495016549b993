"""
Runs unit tests of the core on a newer Python than the one that runs everything: `make test` does it.

It takes the newest that is found by name in PATH, or among the versions of pyenv, and that has what an environment
needs. The environment is kept in `.cache`. Where there is none, or nothing can be installed for it, a sentence says so:
only tests that ran and failed are a failure.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements" / "unit.txt"
VERSIONS = ("3.14", "3.13", "3.12")
"""Newer than the one that `make test` needs, and supported; see the classifiers in pyproject.toml."""

TESTS = [
    *("tests/unit/test_message.py", "tests/unit/test_quantities.py"),
    *("tests/unit/codec/test_vectors.py", "tests/unit/codec/framing", "tests/unit/codec/text/test_line_vectors.py"),
    *("tests/unit/query/test_vectors.py", "tests/unit/query/test_parser.py"),
    *(
        "tests/unit/store/test_vectors.py::test_the_embedded_store",
        "tests/unit/store/test_blocks.py",
        "tests/unit/buffers/test_memory.py",
    ),
]
"""What depends on the interpreter most, and takes seconds."""

_LONGEST_SECONDS = 600


def say(text: str) -> None:
    """Write a line for who reads the output of `make test`."""
    print(f"second Python: {text}", flush=True)


def found(version: str) -> Iterator[str]:
    """Paths at which a version may be."""
    on_path = shutil.which(f"python{version}")
    if on_path is not None:
        yield on_path
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(map(str, pyenv.glob(f"versions/{version}.*/bin/python")), reverse=True)


def works(path: str, version: str) -> bool:
    """Whether a program is this version and can make environments; a shim of pyenv may be neither."""
    code = "import sys, ctypes, ensurepip, sqlite3, ssl, venv, zlib; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([path, "-I", "-c", code], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.strip() == version


def newer(running: tuple[int, int]) -> list[tuple[str, str]]:
    """Return version and path of each usable Python that is newer than a version, the newest first."""
    wanted = [version for version in VERSIONS if tuple(map(int, version.split("."))) > running]
    usable = ((version, next((path for path in found(version) if works(path, version)), None)) for version in wanted)
    return [(version, path) for version, path in usable if path is not None]


def install(python: str, directory: Path) -> str:
    """
    Make an environment, unless it is there already.

    Returns:
        Why it could not be made; empty when it is there.
    """
    stamp = directory / "installed"
    wanted = hashlib.sha256(python.encode() + LOCK.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return ""
    pip = [str(directory / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in (
        [python, "-m", "venv", "--clear", str(directory)],
        [*pip, "--only-binary", ":all:", "--require-hashes", "-r", str(LOCK)],
    ):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        if done.returncode:
            return next(reversed(done.stderr.strip().splitlines()), f"exit status {done.returncode}")
    stamp.write_text(wanted)
    return ""


def main() -> int:
    """Run the tests; return pytest's exit status, or 0 where there is no second Python."""
    running = sys.version_info[:2]
    usable = newer(running)
    if not usable:
        say(f"skipped, none of {', '.join(VERSIONS)} is here besides {running[0]}.{running[1]}")
    for version, path in usable:
        directory = ROOT / ".cache" / f"python{version}"
        trouble = install(path, directory)
        if trouble:
            say(f"{version} ({path}) is skipped, its environment cannot be made: {trouble}")
            continue
        say(f"{version} ({path})")
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "handlers")}
        command = [str(directory / "bin" / "python"), "-m", "pytest", "-q", "--confcutdir", "tests/unit", *TESTS]
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
