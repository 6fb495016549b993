"""Graygelf: the GELF server most used from npm. UDP only; it inflates and reassembles."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from bench.process import Process
from bench.sockets import free_port
from bench.subjects.packages import node_module
from bench.subjects.subject import FileRunning, Running, Subject, Target, Task

__all__ = ["Graygelf"]

_VERSION = "2.0.0"

# With a receive buffer as large as an ordinary user gets: by itself it loses bursts at any rate.
_SCRIPT = """
const out = require('fs').createWriteStream(process.argv[2], {flags: 'a'})
const server = require(process.argv[4] + '/server')()
server.on('error', () => {})
server.on('message', message => out.write(JSON.stringify(message) + '\\n'))
server.listen(Number(process.argv[3]), '127.0.0.1')
server._udp.once('listening', () => server._udp.setRecvBufferSize(4194304))
"""


class Graygelf(Subject):
    """npm graygelf to a file."""

    name: ClassVar[str] = "graygelf"

    def takes(self, task: Task) -> bool:
        return task.target is Target.FILE and task.is_udp

    def start(self, task: Task, folder: Path) -> Running:
        module = node_module("graygelf", _VERSION)
        port, path, script = free_port(), folder / "out.jsonl", folder / "server.js"
        script.write_text(_SCRIPT, encoding="utf-8")
        return FileRunning(Process(["node", str(script), str(path), str(port), str(module)], folder), port, path)
