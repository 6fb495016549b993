"""check: what would run, without opening anything and without showing a secret."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from gelf_listener import cli
from gelf_listener.commands.check import check_config
from gelf_listener.errors import ConfigError


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings from the environment of whoever runs the tests."""
    for name in ("GELF_INPUTS", "GELF_OUTPUTS", "GELF_API", "GELF_CONFIG"):
        monkeypatch.delenv(name, raising=False)


def check(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[Any, str, str]:
    with pytest.raises(SystemExit) as caught:
        cli.main(["check", *arguments])
    printed = capsys.readouterr()
    return caught.value.code or 0, printed.out, printed.err


def test_prints_what_would_run(capsys: pytest.CaptureFixture[str]) -> None:
    """Names, and settings that differ from their defaults."""
    status, out, _ = check(
        capsys,
        *("-i", "gelf+udp://*:1?mode=graylog", "-i", "gelf+tcp://localhost:2?name=tcp"),
        *("-o", "null:?where=level:<=3 AND source:web&batch=5", "--api", "off"),
    )
    assert status == 0
    assert out.splitlines() == [
        "inputs:",
        "  gelf+udp://*:1  [gelf+udp-1]  mode=graylog",
        "  gelf+tcp://localhost:2  [tcp]",
        "outputs:",
        "  null:  where=level:<=3 AND source:web  batch=5",
        "api: off",
        "configuration is valid",
    ]


def test_opens_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Neither a port that somebody has nor a file that would be made."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = sock.getsockname()[1]
        status, _, _ = check(capsys, "-i", f"gelf+tcp://127.0.0.1:{port}", "-o", f"file://{tmp_path}/new/log.jsonl")
    assert status == 0
    assert list(tmp_path.iterdir()) == []


def test_shows_no_secret(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Passwords and tokens of addresses and tables, whether all is well or not."""
    path = tmp_path / "gelf.toml"
    path.write_text('[[inputs]]\naddress = "gelf+http://ann@*:3"\nname = "c"\npassword = "hunter2"\n')
    for arguments in (
        ("-i", "gelf+http://ann:hunter2@*:1", "-i", "gelf+http://*:2?token=hunter2"),
        ("-c", str(path)),
        ("-i", "gelf+http://ann:hunter2@*:1?prot=1"),
        ("-i", "gelf+http://ann:hunter2@*:99999"),
        ("-i", "gelf+udp://ann:hunter2@*:1"),
        ("-i", "gelf+udp://:hunter2@*:1"),
        ("-o", "//ann:hunter2@h?token=hunter2"),
    ):
        status, out, err = check(capsys, "-o", "null:", *arguments)
        assert status in (0, 2)
        assert out or err
        assert "hunter2" not in out + err, arguments


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-i", "gelf+upd://*"], "unknown input 'gelf+upd'; did you mean 'gelf+udp'?"),
        (["-i", "gelf+udp://*?prot=1"], "gelf+udp://*: unknown setting 'prot'; did you mean 'port'?"),
        (["-i", "gelf+udp://a,b"], "command line: setting 'inputs': address 'gelf+udp://a,b': host 'a,b' is not one name"),
        (["-i", "gelf+udp://a gelf+udp://b"], "give each address by itself"),
        (["-o", "null:?where=level:<="], "null:: setting 'where': "),
        (["-o", "null:", "-o", "null:"], "output 'null:' is given twice"),
        (["-i", "gelf+tls://*"], "gelf+tls://*: setting 'cert' is missing"),
        (["-c", "/no/such"], "configuration file '/no/such' cannot be read: No such file or directory"),
    ],
)  # fmt: skip
def test_mistakes(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2, and what is wrong with which setting of which address."""
    status, _, err = check(capsys, *arguments)
    assert status == 2
    assert words in err
    assert err.startswith("gelf-listener: ")


def test_flags_of_run(capsys: pytest.CaptureFixture[str]) -> None:
    """A command line can be checked as it is."""
    status, _, _ = check(capsys, "-o", "null:", "--log-level", "debug", "--drain-seconds", "3", "--host", "*")
    assert status == 0


def test_alerts_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With their conditions and destinations, without what is secret in those; a mistake names the alert."""
    file = tmp_path / "gelf.toml"
    file.write_text(
        'destinations = ["smtp://olga:s3cret@mail.example.org?name=ops&to=a@example.org"]\n'
        '[[alerts]]\nname = "quiet"\nquery = "heartbeat"\nnone = true\n'
        'to = ["ops", "webhook+https://hooks.example.org/T0/s3cret", "console:"]\n'
    )
    check_config({"outputs": ["null:"], "api": "off"}, file)
    shown = capsys.readouterr().out
    assert "destinations:\n  ops\n" in shown
    assert "  quiet: none in 5m of heartbeat, to ops, webhook+https://hooks.example.org/***" in shown
    assert "s3cret" not in shown
    file.write_text('[[alerts]]\nname = "quiet"\nnone = true\nto = "opps"\n')
    with pytest.raises(ConfigError, match=r"alert 'quiet': there is no destination or output 'opps'; there are: null:"):
        check_config({"outputs": ["null:"], "api": "off"}, file)
