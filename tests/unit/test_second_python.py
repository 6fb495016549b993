"""Which other Python runs some of the tests: found, tried out, and left aside when it is not what its name says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests import second_python

RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"


def program(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_what_works() -> None:
    """A Python of the version that was asked for."""
    assert second_python.works(sys.executable, RUNNING)
    assert not second_python.works(sys.executable, "3.1")


@pytest.mark.parametrize("text", ["exit 127", "echo 3.12 && exit 1", "echo no Python"])
def test_what_does_not(tmp_path: Path, text: str) -> None:
    """A shim without its version, one that fails, and another program."""
    assert not second_python.works(program(tmp_path / "python3.12", text), "3.12")
    assert not second_python.works(str(tmp_path / "nowhere"), "3.12")


def test_where_it_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In PATH first, then among pyenv's versions; the first that works is taken, and none that is not newer."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    assert second_python.newer((3, 11)) == []
    program(tmp_path / "bin" / "python3.13", "exit 127")
    answering = program(tmp_path / "pyenv" / "versions" / "3.13.1" / "bin" / "python", "echo 3.13")
    assert second_python.newer((3, 11)) == [("3.13", answering)]
    assert second_python.newer((3, 13)) == []


def test_nothing_to_install_with(tmp_path: Path) -> None:
    """Why is said in the last line of what the program said."""
    python = program(tmp_path / "python3.13", "echo first >&2; echo no venv >&2; exit 1")
    assert second_python.install(python, tmp_path / "environment") == "no venv"


def test_the_tests_exist() -> None:
    """A file that was renamed would fail on every machine that has a second Python, and on no other."""
    assert [name for name in second_python.TESTS if not (second_python.ROOT / name.split("::")[0]).exists()] == []
