"""
Process: a child of the bench, with what it used.

Guarantee: whatever is started here is ended, by its id, when the bench leaves the block that started it; a bench that
is killed outright takes its children along (Linux).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

__all__ = ["Family", "Process", "StartError", "cpu_seconds"]

_TICKS = os.sysconf("SC_CLK_TCK")
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


class StartError(RuntimeError):
    """A subject that cannot be started; the text goes to the report."""


def _environment() -> dict[str, str]:
    """Return ours, without settings of the listener: a bench measures what it says."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GELF_")}


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """
    A running command.

    Args:
        command: Program and arguments.
        folder: Where it runs and where its two output files go.
        environment: What to add to the environment.
    """

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.log = folder / "stderr.txt"
        with self.log.open("wb") as errors, (folder / "stdout.txt").open("wb") as output:
            try:
                self._popen = subprocess.Popen(
                    command,
                    cwd=folder,
                    env=_environment() | dict(environment or {}),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=errors,
                    preexec_fn=_die_with_parent,  # safe: the bench has no threads
                )
            except OSError as error:
                raise StartError(f"{command[0]}: {error.strerror}") from error
        self.started = time.perf_counter()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    def check(self) -> None:
        """Raise when it has ended."""
        if self._popen.poll() is not None:
            raise StartError(f"ended with status {self._popen.returncode}: {self.last_words()}")

    def last_words(self) -> str:
        """Return the last line it wrote to stderr."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").split("\n")
        return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "(nothing on stderr)")

    def family_peak_rss_mib(self) -> float:
        """Return the most that it and its children were, each at its own time."""
        found = 0.0
        for pid in self.family():
            with contextlib.suppress(OSError):
                found += _status(pid, "VmHWM")
        return found

    def family(self) -> list[int]:
        """Return the process ids of it and its children."""
        found = [self.pid]
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            with contextlib.suppress(OSError):
                found += map(int, (task / "children").read_text(encoding="ascii").split())
        return found

    def family_cpu_seconds(self) -> float:
        """Return user and system time of it and its children, those that ended and were waited for included."""
        ticks = 0
        for pid in self.family():
            with contextlib.suppress(OSError):
                text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
                ticks += sum(map(int, text.rsplit(")", 1)[1].split()[11:15]))
        return ticks / _TICKS

    def family_rss_mib(self) -> float:
        """Return resident memory of it and its children now."""
        found = 0.0
        for pid in self.family():
            with contextlib.suppress(OSError):
                found += _status(pid, "VmRSS")
        return found

    def cpu_seconds(self) -> float:
        """
        Return user and system time of all its threads.

        `stat` counts ended threads too but cuts to ticks; `schedstat` has nanoseconds of live threads.
        """
        self.check()
        ticks = cpu_seconds(self.pid)
        nanoseconds = 0
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            with contextlib.suppress(OSError):
                nanoseconds += int((task / "schedstat").read_text(encoding="ascii").split()[0])
        return max(ticks, nanoseconds / 1e9)

    def rss_mib(self) -> float:
        """Return resident memory now."""
        return _status(self.pid, "VmRSS")

    def peak_rss_mib(self) -> float:
        """Return the most it was."""
        return _status(self.pid, "VmHWM")

    def stop(self) -> None:
        """End it: politely, then not."""
        if self._popen.poll() is None:
            self._popen.terminate()
            try:
                self._popen.wait(5)
            except subprocess.TimeoutExpired:
                self._popen.kill()
                self._popen.wait(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Family(Process):
    """A running command whose children do a part of its work."""

    def cpu_seconds(self) -> float:
        """Return user and system time of all of them."""
        self.check()
        return self.family_cpu_seconds()

    def peak_rss_mib(self) -> float:
        """Return the most it was, of all of them."""
        return self.family_peak_rss_mib()


def cpu_seconds(pid: int) -> float:
    """Return user and system time of a process, of threads that ended too; in ticks of 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _status(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    return 0.0
