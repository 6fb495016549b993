"""Naive: bench/naive.py as a subject."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import ClassVar

from bench.corpus import Encoding
from bench.process import Process
from bench.sockets import free_port
from bench.subjects.subject import COMPRESSED, FileRunning, Running, Subject, Target, Task

__all__ = ["Naive"]

_ROOT = Path(__file__).parents[2]


class Naive(Subject):
    """asyncio datagram protocol, json, print."""

    name: ClassVar[str] = "naive asyncio"

    def takes(self, task: Task) -> bool:
        return task.target is Target.FILE and task.encoding in {Encoding.PLAIN, Encoding.TCP, *COMPRESSED}

    def start(self, task: Task, folder: Path) -> Running:
        port, path = free_port(), folder / "out.jsonl"
        command = [sys.executable, "-m", "bench.naive", str(port), str(path)]
        return FileRunning(Process(command, folder, {"PYTHONPATH": str(_ROOT)}), port, path)
