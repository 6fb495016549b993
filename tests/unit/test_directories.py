"""Where things are kept when nobody says where."""

from __future__ import annotations

import sys

import pytest

from gelf_listener import directories


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"XDG_STATE_HOME": "/state"}, "/state/gelf-listener"),
        ("linux", {}, "/home/ann/.local/state/gelf-listener"),
        ("darwin", {}, "/home/ann/Library/Application Support/gelf-listener"),
    ],
)
def test_state_directory(
    platform: str, variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The platform's place for what a program keeps; a name that is set wins."""
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/ann")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert str(directories.state_directory()) == expected
