"""
Choose versions of all dependencies again and lock them with hashes: `make lock`.

The files name packages, versions and hashes, and no index, so they work with whichever index pip is set up for.
They hold for every supported Python and platform.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PROJECT = HERE.parent

BUILD = HERE / "build.in"
LOCKS = {
    "run.txt": [str(PROJECT / "pyproject.toml"), str(BUILD)],
    "build.txt": [str(BUILD)],
    "image.txt": [str(PROJECT / "pyproject.toml"), "--extra", "all"],
    "test.txt": [str(PROJECT / "pyproject.toml"), str(BUILD), "--group", f"{PROJECT / 'pyproject.toml'}:test"],
    # The same versions as in test.txt, which has all of these.
    "unit.txt": [
        *(str(PROJECT / "pyproject.toml"), "--group", f"{PROJECT / 'pyproject.toml'}:unit"),
        *("--constraint", str(HERE / "test.txt")),
    ],
    # Likewise: both are installed into one environment.
    "docs.txt": ["--group", f"{PROJECT / 'pyproject.toml'}:docs", "--constraint", str(HERE / "test.txt")],
}


def main() -> None:
    """Write every lock."""
    for name, sources in LOCKS.items():
        command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"]
        command += ["--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--upgrade"]
        subprocess.run([*command, "--output-file", str(HERE / name), *sources], check=True)


if __name__ == "__main__":
    main()
