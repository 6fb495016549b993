"""Rsyslog: the fastest syslog daemon in C, reading plain GELF as JSON. It knows neither compression nor chunks."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import ClassVar

from bench.corpus import Encoding
from bench.process import Process
from bench.sockets import free_port
from bench.subjects.packages import debian, library_path
from bench.subjects.subject import FileRunning, Running, Subject, Target, Task

__all__ = ["Rsyslog"]

# One receiving thread and batches, as its documentation recommends for load; bigger queue batches than its default.
_CONFIG = Template("""
global(maxMessageSize="64k" workDirectory="$folder" parser.escapeControlCharactersOnReceive="off")
main_queue(queue.type="FixedArray" queue.size="100000" queue.dequeueBatchSize="1024")
module(load="imudp" threads="1" batchSize="128")
module(load="imptcp")
module(load="mmjsonparse")
template(name="json" type="string" string="%$$!all-json%\\n")
ruleset(name="gelf") {
  action(type="mmjsonparse" cookie="" useRawMsg="on")
  if $$parsesuccess == "OK" then { action(type="omfile" file="$path" template="json" ioBufferSize="256k") }
}
input(type="imudp" address="127.0.0.1" port="$port" ruleset="gelf" rcvbufSize="8m")
input(type="imptcp" address="127.0.0.1" port="$port" ruleset="gelf" addtlFrameDelimiter="0"
  supportOctetCountedFraming="off")
""")


class Rsyslog(Subject):
    """rsyslogd to a file."""

    name: ClassVar[str] = "rsyslog"

    def takes(self, task: Task) -> bool:
        return task.target is Target.FILE and task.encoding in {Encoding.PLAIN, Encoding.TCP}

    def start(self, task: Task, folder: Path) -> Running:
        program = debian("rsyslogd")
        port, path, config = free_port(), folder / "out.jsonl", folder / "rsyslog.conf"
        config.write_text(_CONFIG.substitute(folder=folder, path=path, port=port), encoding="utf-8")
        modules = next(program.parents[2].glob("usr/lib/*/rsyslog"))
        command = [str(program), "-n", "-i", str(folder / "pid"), "-f", str(config), "-M", str(modules)]
        return FileRunning(Process(command, folder, library_path()), port, path)
