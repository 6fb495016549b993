"""Sink: the C program that receives and counts, and does nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from bench.corpus import CHUNKS, Encoding
from bench.native import program
from bench.process import Process, StartError
from bench.sockets import free_port
from bench.subjects.subject import Running, Subject, Target, Task
from bench.tally import Tallied

__all__ = ["Sink"]


class _SinkRunning(Running):
    def __init__(self, process: Process, port: int, counter: Path, datagrams_per_message: int) -> None:
        self.process = process
        self.port = port
        self._counter = counter
        self._per_message = datagrams_per_message
        self._taken = 0

    def progress(self) -> int:
        return int.from_bytes(self._counter.read_bytes(), "little") if self._counter.exists() else 0

    def take(self) -> Tallied:
        total = self.progress()
        new = (total - self._taken) // self._per_message
        self._taken = total
        return Tallied(new, new)


class Sink(Subject):
    """recvmmsg in C."""

    name: ClassVar[str] = "bare recvmmsg in C"

    def takes(self, task: Task) -> bool:
        return task.target is Target.NULL and task.encoding is not Encoding.NDJSON

    def start(self, task: Task, folder: Path) -> Running:
        binary = program("sink", folder.parent)
        if binary is None:
            raise StartError("no C compiler")
        port, counter = free_port(), folder / "counter"
        per_message = CHUNKS if task.encoding in {Encoding.CHUNKED_1420, Encoding.CHUNKED_8154} else 1
        command = [str(binary), str(port), str(counter)]
        if task.encoding is Encoding.HTTP:
            command.append("http")
        return _SinkRunning(Process(command, folder), port, counter, per_message)
