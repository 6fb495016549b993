"""Forks: processes of the product that a test starts without waiting for their modules to load."""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

__all__ = ["Process", "run", "start"]

_SERVER = Path(__file__).with_name("fork_server.py")
_NOT_INHERITED = ("PYTHON", "LD_", "LC_", "LANG", "COVERAGE")
"""Variables that an interpreter or a library reads when it starts: with others than ours, it has to start."""
_HARMLESS = ("PYTHONUNBUFFERED", "PYTHONPATH")
"""A fork can take these on, unless a folder of the path runs code when an interpreter starts."""


class Process:
    """
    A fork that runs; it can do what `subprocess.Popen` can, of which it is a part.

    Args:
        arguments: The command line's, as given.
        pid: Its process id.
        status: Descriptor of a pipe that its exit status comes from.
        stdin, stdout, stderr: Our ends of its pipes.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        pid: int,
        status: int,
        stdin: IO[bytes] | None,
        stdout: IO[bytes] | None,
        stderr: IO[bytes] | None,
    ) -> None:
        self.args = arguments
        self.pid = pid
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr
        self.returncode: int | None = None
        self._status = status
        self._waiting = threading.Lock()

    def poll(self) -> int | None:
        """Return its exit status; None while it runs."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """
        Wait for its end, and return its exit status.

        Raises:
            subprocess.TimeoutExpired: If it still runs after so many seconds.
        """
        status = self._ended(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(list(self.args), timeout or 0)
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """End it as a service manager does."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it whatever it does."""
        self.send_signal(signal.SIGKILL)

    def _ended(self, seconds: float | None) -> int | None:
        with self._waiting:
            if self.returncode is None and select.select([self._status], [], [], seconds)[0]:
                told = os.read(self._status, 100)
                os.close(self._status)
                self.returncode = os.waitstatus_to_exitcode(int(told)) if told else -signal.SIGKILL
            return self.returncode


class _Server:
    """The program that forks; started with the first process that a test wants, and gone with pytest."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def fork(self, arguments: Sequence[str], directory: Path, environment: Mapping[str, str], files: list[int]) -> int:
        """Return the id of a process that runs the command line."""
        wanted = {"arguments": list(arguments), "directory": str(directory), "environment": dict(environment)}
        with self._lock:
            sock = self._connected()
            socket.send_fds(sock, [json.dumps(wanted).encode()], files)
            answer = sock.recv(100)
        assert answer, "the program that forks has ended"
        return int(answer)

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                command = [sys.executable, str(_SERVER), str(theirs.fileno())]
                environment = {name: value for name, value in os.environ.items() if not name.startswith("GELF_")}
                self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=environment)
            atexit.register(self._close)
        return self._socket

    def _close(self) -> None:
        assert self._socket is not None
        assert self._process is not None
        self._socket.close()
        self._process.wait(10)


_server = _Server()


def start(
    arguments: Sequence[str],
    directory: Path,
    environment: Mapping[str, str],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
    stderr: int = subprocess.DEVNULL,
) -> Process | subprocess.Popen[bytes]:
    """
    Start the command line.

    Args:
        arguments: What follows ``gelf-listener``.
        directory: Its working directory.
        environment: All of its variables.
        stdin, stdout, stderr: Descriptors, or what `subprocess.Popen` takes.
    """
    if not sys.platform.startswith("linux") or not _as_ours(environment):
        command = [sys.executable, "-m", "gelf_listener", *arguments]
        return subprocess.Popen(command, cwd=directory, env=environment, stdin=stdin, stdout=stdout, stderr=stderr)
    ours: list[IO[bytes] | None] = []
    theirs: list[int] = []
    opened: list[int] = []
    for file, reads in ((stdin, True), (stdout, False), (stderr, False)):
        ours.append(None)
        if file == subprocess.PIPE:
            reading, writing = os.pipe()
            ours[-1] = open(writing, "wb") if reads else open(reading, "rb")  # noqa: SIM115
            file = reading if reads else writing
            opened.append(file)
        elif file == subprocess.DEVNULL:
            file = os.open(os.devnull, os.O_RDWR)
            opened.append(file)
        theirs.append(file)
    status, end = os.pipe()
    opened.append(end)
    try:
        pid = _server.fork(arguments, directory, environment, [*theirs, end])
    finally:
        for file in opened:
            os.close(file)
    return Process(arguments, pid, status, *ours)


def run(
    arguments: Sequence[str], directory: Path, environment: Mapping[str, str], seconds: float
) -> subprocess.CompletedProcess[str]:
    """
    Run a command line that ends by itself, without standard input.

    Raises:
        subprocess.TimeoutExpired: If it still runs after so many seconds; it is ended then.
    """
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        process = start(arguments, directory, environment, stdout=stdout.fileno(), stderr=stderr.fileno())
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
            raise
        said = []
        for file in (stdout, stderr):
            file.seek(0)
            said.append(file.read().decode().replace("\r\n", "\n"))
    return subprocess.CompletedProcess(list(arguments), status, *said)


def _as_ours(environment: Mapping[str, str]) -> bool:
    """Whether a fork of a program with our variables is what an interpreter with these would be."""
    names = {*environment, *os.environ}
    differ = (name for name in names if environment.get(name) != os.environ.get(name))
    folders = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    return not (
        any(name.startswith(_NOT_INHERITED) and name not in _HARMLESS for name in differ)
        or any((Path(folder) / "sitecustomize.py").exists() for folder in folders)
    )
