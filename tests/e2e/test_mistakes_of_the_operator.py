"""Every mistake in the configuration ends with status 2 and a line that says what to do about it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.e2e.listener import run_cli

UDP = "gelf+udp://127.0.0.1:0"

MISTAKES: dict[str, tuple[list[str], dict[str, str], list[str]]] = {
    "unknown scheme": (["-i", "gelf+upd://:0"], {}, ["'gelf+upd'", "did you mean 'gelf+udp'?"]),
    "unknown output": (["-o", "consle:"], {}, ["'consle'", "did you mean 'console'?"]),
    "nothing like it": (["-o", "carrier-pigeon:"], {}, ["'carrier-pigeon'", "console", "file", "null"]),
    "no scheme": (["-i", "127.0.0.1:12201"], {}, ["127.0.0.1:12201", "scheme"]),
    "unknown setting": (["-i", f"{UDP}?max_pending_mesages=5"], {}, ["did you mean 'max_pending_messages'?"]),
    "bad value": (["-i", f"{UDP}?mode=greylog"], {}, ["'mode'", "'greylog'", "'lenient' or 'graylog'"]),
    "port too large": (["-i", "gelf+udp://127.0.0.1:123456"], {}, ["'123456'", "0 to 65535"]),
    "port no number": (["-i", "gelf+udp://127.0.0.1:gelf"], {}, ["'gelf'", "0 to 65535"]),
    "bad network": (["-i", f"{UDP}?allow=10.0.0.0/33"], {}, ["'allow", "10.0.0.0/33"]),
    "not our address": (["-i", "gelf+udp://192.0.2.1:0"], {}, ["192.0.2.1", "not an address of this machine"]),
    "no certificate": (["-i", "gelf+tls://127.0.0.1:0"], {}, ["'cert' is missing"]),
    "missing file": (
        ["-i", "gelf+tls://127.0.0.1:0?cert=/no/such.pem"],
        {},
        ["'cert'", "/no/such.pem", "does not exist"],
    ),
    "password without user": (["-i", "gelf+http://127.0.0.1:0?password=x"], {}, ["user and password go together"]),
    "bad query": (["-o", "null:?where=level:(3 OR"], {}, ["'where'", "column"]),
    "bad range": (["-o", "null:?where=level:[1 TO"], {}, ["'where'", "column"]),
    "two of a name": (["-i", f"{UDP}?name=a", "-i", "gelf+tcp://127.0.0.1:0?name=a"], {}, ["'a'", "name"]),
    "a directory": (["-o", "file:///proc"], {}, ["proc", "Is a directory"]),
    "bad api": (["--api", "localhost:x"], {}, ["api", "'x'"]),
    "bad log level": (["--log-level", "loud"], {}, ["log_level", "'loud'", "'debug'"]),
    "no such config": (["-c", "/no/such.toml"], {}, ["/no/such.toml", "No such file"]),
    "variable with a typo": ([], {"GELF_INPTUS": UDP}, ["GELF_INPTUS", "did you mean GELF_INPUTS?"]),
    "variable with a bad value": ([], {"GELF_INPUTS": "gelf+upd://"}, ["did you mean 'gelf+udp'?"]),
    "unknown flag": (["--outputs", "console:"], {}, ["--outputs", "--output"]),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_status_2_and_what_to_do(tmp_path: Path, name: str) -> None:
    """One line or a few on stderr, no traceback, nothing on stdout."""
    arguments, environment, expected = MISTAKES[name]
    given = list(arguments)
    if "-i" not in given and "GELF_INPUTS" not in environment:
        given += ["-i", UDP]
    if "-o" not in given:
        given += ["-o", "null:"]
    if "--api" not in given:
        given += ["--api", "off"]
    if environment.get("GELF_INPUTS"):
        given = ["-o", "null:", "--api", "off"]
    done = run_cli(tmp_path, "run", *given, environment=environment)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    for text in expected:
        assert text in done.stderr


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_port_in_use(tmp_path: Path, kind: socket.SocketKind) -> None:
    """Of an input or the API: which one, and that another program has it."""
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        scheme = "gelf+udp" if kind == socket.SOCK_DGRAM else "gelf+tcp"
        done = run_cli(tmp_path, "run", "-i", f"{scheme}://127.0.0.1:{port}", "-o", "null:", "--api", "off")
        assert done.returncode == 2
        assert f"{scheme}://127.0.0.1:{port}" in done.stderr
        assert "in use by another program" in done.stderr
        if kind == socket.SOCK_STREAM:
            done = run_cli(tmp_path, "run", "-i", UDP, "-o", "null:", "--api", f"127.0.0.1:{port}")
            assert done.returncode == 2
            assert f"api: 127.0.0.1 port {port} is in use" in done.stderr
            assert "--api off" in done.stderr


def test_check_finds_the_same_mistakes_and_opens_nothing(tmp_path: Path) -> None:
    """`gelf-listener check` before a restart; a port in use is not a mistake of the configuration."""
    for name in ("unknown scheme", "unknown setting", "bad query", "no certificate"):
        arguments, environment, expected = MISTAKES[name]
        done = run_cli(tmp_path, "check", *arguments, environment=environment)
        assert done.returncode == 2, (name, done.stdout, done.stderr)
        for text in expected:
            assert text in done.stderr
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        output = tmp_path / "not created.jsonl"
        done = run_cli(tmp_path, "check", "-i", f"gelf+udp://127.0.0.1:{port}", "-o", f"file://{output}")
        assert done.returncode == 0, done.stderr
        assert f"gelf+udp://127.0.0.1:{port}" in done.stdout
        assert not output.exists()
