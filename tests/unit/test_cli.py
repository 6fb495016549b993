"""Command line: the default command, --version, completion, exit statuses."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import Any

import pytest

from gelf_listener import __version__, cli
from gelf_listener.commands import completion
from gelf_listener.commands import run as run_module


def call(*arguments: str) -> Any:
    """Run the command line in this process; its exit status."""
    with pytest.raises(SystemExit) as caught:
        cli.main(list(arguments))
    return caught.value.code or 0


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Any]]:
    """What the listener would have been started with."""
    calls: list[tuple[Any, Any]] = []

    def run_service(flags: Any, file: Any) -> int:
        calls.append((flags, file))
        return 7

    monkeypatch.setattr(run_module, "run_service", run_service)
    return calls


def test_run_is_the_default(ran: list[tuple[Any, Any]]) -> None:
    """With and without flags; its status is the process's."""
    assert call() == 7
    assert call("--api", "off", "-i", "gelf+udp://a", "--input", "gelf+tcp://b c", "-o", "null:") == 7
    assert call("run", "--drain-seconds", "0", "--host", "*") == 7
    assert [flags for flags, _ in ran] == [
        {},
        {"api": "off", "inputs": ["gelf+udp://a", "gelf+tcp://b c"], "outputs": ["null:"]},
        {"drain_seconds": "0", "host": "*"},
    ]


def test_configuration_file(ran: list[tuple[Any, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """By flag or by environment."""
    call("-c", "a.toml")
    monkeypatch.setenv("GELF_CONFIG", "b.toml")
    call()
    assert [str(file) for _, file in ran] == ["a.toml", "b.toml"]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """On standard output, for scripts."""
    assert call("--version") == 0
    assert capsys.readouterr().out == f"gelf-listener {__version__}\n"


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the program and of every command."""
    assert call(flag) == 0
    text = capsys.readouterr().out
    for command in ("run", "check", "plugins", "send"):
        assert command in text
        assert call(command, flag) == 0
        assert "Usage" in capsys.readouterr().out


def test_help_has_defaults_and_variables(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that are written by hand: brackets are markup unless they are escaped."""
    monkeypatch.setenv("COLUMNS", "200")
    for command, text in (
        ("run", "[default: localhost:9000]"),
        ("tail", "[env: GELF_API_URL]"),
        ("search", "[default: 150]"),
        ("lint", "[default: gelf+udp and gelf+tcp on 12201]"),
    ):
        call(command, "--help")
        assert text in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["sned"],
        ["--no-such-flag"],
        ["run", "extra"],
        ["run", "--drain-seconds", "soon"],
        ["send", "--chunk-bytes", "12", "x"],
        ["send", "--chunk-bytes", "65508", "x"],
        ["send", "--count", "0", "x"],
        ["send", "--rate", "-1", "x"],
    ],
)
def test_mistakes(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2, and a sentence rather than a traceback."""
    assert call(*arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Traceback" not in printed.err
    assert printed.err


def test_several_mistakes_are_several_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Each begins with the program's name, as tools do."""
    assert call("check", "--log-level", "loud", "--drain-seconds", "-1") == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("gelf-listener: command line: setting '") for line in lines)


def test_a_failure_is_status_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The destination's fault is not a usage error."""
    assert call("send", "--to", "gelf+tcp://127.0.0.1:1", "x") == 1
    assert capsys.readouterr().err == "gelf-listener: gelf+tcp://127.0.0.1:1: Connection refused\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str) -> None:
    """A script for each shell, for the program's name."""
    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.argv[0] = 'gelf-listener'; from gelf_listener.cli import main; main()"],
        env=os.environ | {"_GELF_LISTENER_COMPLETE": f"source_{shell}"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "gelf-listener" in done.stdout
    assert "_GELF_LISTENER_COMPLETE" in done.stdout


def test_python_m() -> None:
    """`python -m gelf_listener` is the same program."""
    done = subprocess.run(
        [sys.executable, "-m", "gelf_listener", "--version"], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout) == (0, f"gelf-listener {__version__}\n")


@pytest.mark.parametrize(
    ("shell", "begins", "mark"),
    [("bash", "_gelf", "COMPREPLY"), ("zsh", "#compdef ", "compdef"), ("fish", "complete ", "complete --command")],
)
def test_completion_of_any_shell(
    shell: str, begins: str, mark: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever shell asks: each has a script of its own."""
    monkeypatch.delenv("_GELF_LISTENER_COMPLETE", raising=False)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    assert call("completion", shell) == 0
    script = capsys.readouterr().out
    assert script.startswith(begins)  # zsh takes a file for completions by its first line
    assert mark in script


def test_no_completion(capsys: pytest.CaptureFixture[str]) -> None:
    """Of a shell that is not known."""
    assert call("completion", "tcsh") == 2
    assert "expected bash, zsh or fish" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "typed", "offered"),
    [
        ("inputs", "gelf+u", ["gelf+udp://"]),
        ("outputs", "conso", ["console:"]),
        ("senders", "gelf+tl", ["gelf+tls://localhost"]),
        ("levels", "warn", ["warn", "warning"]),
        ("formats", "pr", ["pretty"]),
        ("plugins", "elasticsearch+https", ["elasticsearch+https"]),
        ("times", "y", ["yesterday"]),
        ("shells", "z", ["zsh"]),
    ],
)
def test_values_are_completed(name: str, typed: str, offered: list[str]) -> None:
    """From what is installed."""
    assert getattr(completion, name)(typed) == offered


def test_fields_are_completed(monkeypatch: pytest.MonkeyPatch) -> None:
    """From a running listener, the last of several; without one nothing is offered, and nothing fails."""
    monkeypatch.setenv("GELF_API_URL", "http://127.0.0.1:1")
    assert completion.fields("u") == []
    monkeypatch.setattr(completion, "_stored_fields", lambda: ["user_id", "user_name", "status"])
    assert completion.fields("status,user_") == ["status,user_id", "status,user_name"]


def test_help_names_no_types_of_python(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Switches take no value, numbers are numbers, and arguments have their names."""
    monkeypatch.setenv("COLUMNS", "200")
    for command in ("", "run", "send", "tail", "search", "top", "trace", "plugins", "lint", "store export", "pipe"):
        call(*command.split(), "--help")
        assert not re.search(r"<[a-z ]+>", capsys.readouterr().out), command
    call("send", "--help")
    assert re.search(r"--count +-n +NUMBER \[x>=1\] ", capsys.readouterr().out)


def test_a_mistake_is_one_line_and_the_way_to_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever finds it: typer or we."""
    assert call("sned") == 2
    assert capsys.readouterr().err.splitlines() == [
        "gelf-listener: No such command 'sned'. Did you mean 'send'?",
        "try: gelf-listener --help",
    ]
