"""
Subject: a receiver the bench can start, and what it gets from the kernel and the subject while it runs.

A subject says what it takes. What cannot be had on this machine raises `StartError`, and the report shows the reason.
"""

from __future__ import annotations

import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar, NamedTuple

from bench.corpus import Encoding
from bench.process import Process, StartError
from bench.sockets import tcp_answers, udp_state
from bench.tally import FileTally, Tallied

__all__ = ["COMPRESSED", "Running", "Subject", "Target", "Task"]

COMPRESSED = frozenset({Encoding.ZLIB, Encoding.GZIP})
_START_SECONDS = 60


class Target(StrEnum):
    """Where a subject puts messages."""

    NULL = "null"
    FILE = "file"


class Task(NamedTuple):
    """What a subject is asked to do."""

    encoding: Encoding
    target: Target

    @property
    def is_udp(self) -> bool:
        """Tell whether the messages come as datagrams."""
        return self.encoding not in {Encoding.TCP, Encoding.HTTP, Encoding.NDJSON}


class Running(ABC):
    """A started subject."""

    process: Process
    port: int
    poll_seconds: float = 0.005
    """How often progress may be asked for without being in the way."""

    @abstractmethod
    def progress(self) -> int:
        """Return a number that grows while work is done; cheap to ask."""

    @abstractmethod
    def take(self) -> Tallied:
        """Return what arrived since last asked."""


class FileRunning(Running):
    """A subject that writes a line per message to a file."""

    def __init__(self, process: Process, port: int, path: Path) -> None:
        self.process = process
        self.port = port
        self._tally = FileTally(path)

    def progress(self) -> int:
        return self._tally.size()

    def take(self) -> Tallied:
        return self._tally.take()


class Subject(ABC):
    """A receiver."""

    name: ClassVar[str]

    @abstractmethod
    def takes(self, task: Task) -> bool:
        """Tell whether it can do this at all."""

    @abstractmethod
    def start(self, task: Task, folder: Path) -> Running:
        """Start it in a folder of its own."""

    @contextlib.contextmanager
    def running(self, task: Task, folder: Path) -> Iterator[Running]:
        """Have it run, listening, for the length of a block."""
        with TemporaryDirectory(dir=folder, prefix=f"{self.name}-") as own:
            running = self.start(task, Path(own))
            with running.process:
                wait_until_listening(running, task)
                yield running


def wait_until_listening(running: Running, task: Task) -> None:
    """Poll until the port is there."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        running.process.check()
        if udp_state(running.port) is not None if task.is_udp else tcp_answers(running.port):
            # A little more, for what follows the bind.
            time.sleep(0.2)
            running.process.check()
            return
        time.sleep(0.01)
    raise StartError(f"not listening after {_START_SECONDS} s: {running.process.last_words()}")
