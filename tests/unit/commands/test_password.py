"""`password`: what it prints goes into the settings as it stands."""

from __future__ import annotations

import io

import pytest

from gelf_listener import cli
from gelf_listener.api.auth import make_auth
from gelf_listener.api.passwords import ScryptHash, hash_token, verify_password
from gelf_listener.config import Config


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        cli.main(["password", *arguments])
    printed = capsys.readouterr()
    return int(caught.value.code or 0), printed.out, printed.err


@pytest.mark.parametrize("given", ["hunter2\n", "hunter2\r\nsecond line\n", "hunter2"])
def test_from_standard_input(given: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The first line, without its end; the settings take the hash."""
    monkeypatch.setattr("sys.stdin", io.StringIO(given))
    status, printed, _ = call(capsys)
    hashed = ScryptHash.parse(printed.strip())
    assert status == 0
    assert hashed is not None
    assert verify_password("hunter2", hashed)
    make_auth(Config.from_values({"api": "*:9000", "api_password": printed.strip()}, "test"))


def test_nothing_given(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty password is nobody's wish."""
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    status, printed, error = call(capsys)
    assert (status, printed) == (2, "")
    assert "the password is empty" in error


def test_a_token(capsys: pytest.CaptureFixture[str]) -> None:
    """Both the token and what may stand in its place."""
    status, printed, _ = call(capsys, "--token")
    lines = dict(line.split(":", 1) for line in printed.splitlines())
    token, hashed = lines["token"].strip(), lines["hash"].strip()
    assert status == 0
    assert hash_token(token) == hashed
    for value in (token, hashed):
        make_auth(Config.from_values({"api": "*:9000", "api_tokens": value}, "test"))
