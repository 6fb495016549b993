"""Server: a program of somebody else's, run for the tests and ended by its process id."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

__all__ = ["Server", "free_port", "until_open"]

_STOP_SECONDS = 20.0

_random = random.SystemRandom()
"""Not what somebody may have seeded alike in every process."""


def free_port() -> int:
    """
    Return a TCP port of 127.0.0.1 that is free, and stays so until a slow server opens it.

    It is below those the system gives to clients, or to whoever asks for port 0: other tests do so meanwhile.
    """
    for _ in range(1000):
        port = _random.randrange(15_000, 32_000)
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def until_open(port: int) -> Callable[[], bool]:
    """Return a check whether something accepts connections on a port."""

    def accepts() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            return False
        return True

    return accepts


class Server:
    """
    One process, in a process group of its own; what it says goes to the file ``out`` in its folder.

    Args:
        folder: Its working directory.
        command: What to run.
        ready: Whether it answers.
        environment: Variables beside the caller's.
        seconds: Time to start.
        stop_signal: Ends it in order.
        user: Who it runs as, for servers that refuse to be run by root.
    """

    def __init__(
        self,
        folder: Path,
        command: Sequence[str],
        ready: Callable[[], bool],
        *,
        environment: Mapping[str, str] | None = None,
        seconds: float = 60.0,
        stop_signal: signal.Signals = signal.SIGTERM,
        user: str | None = None,
    ) -> None:
        self.folder = folder
        self.log = folder / "out"
        self._command = list(command)
        self._ready = ready
        self._environment = dict(environment or {})
        self._seconds = seconds
        self._stop_signal = stop_signal
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers; fail with what it said when it does not."""
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                self._command,
                env={**os.environ, **self._environment},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                user=self._user,
            )
        deadline = time.monotonic() + self._seconds
        while not self._ready():
            ended = self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                self.kill()
                said = self.log.read_text(encoding="utf-8", errors="replace")[-3000:]
                raise AssertionError(f"{self._command[0]} did not start:\n{said}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it in order, and by force when that takes too long."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(self._stop_signal)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it and its children at once."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def freeze(self) -> None:
        """Stop it in its tracks: connections stay open and nothing answers."""
        os.killpg(self.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED)  # it is another moment until all its threads have stopped

    def thaw(self) -> None:
        """Let it go on."""
        os.killpg(self.pid, signal.SIGCONT)
