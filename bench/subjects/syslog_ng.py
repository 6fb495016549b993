"""Syslog-ng: the other syslog daemon in C, reading plain GELF as JSON. It knows neither compression nor chunks."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import ClassVar

from bench.corpus import Encoding
from bench.process import Process, StartError
from bench.sockets import free_port
from bench.subjects.packages import debian, library_path
from bench.subjects.subject import FileRunning, Running, Subject, Target, Task

__all__ = ["SyslogNg"]

_CONFIG = Template("""
@version: $version
options {
  threaded(yes); keep-hostname(yes); use-dns(no); log-msg-size(65536); flush-lines(1000); stats-freq(0);
  log-fifo-size(2000000);
};
source udp { network(transport("udp") ip("127.0.0.1") port($port) flags(no-parse)
  so-rcvbuf(8388608) log-iw-size(1000000)); };
source tcp { network(transport("tcp") ip("127.0.0.1") port($port) flags(no-parse)
  max-connections(100) log-iw-size(100000)); };
parser json { json-parser(prefix(".gelf.")); };
destination file { file("$path" template("$$(format-json .gelf.* --shift-levels 2)\\n")); };
log { source(udp); source(tcp); parser(json); destination(file); };
""")


class SyslogNg(Subject):
    """syslog-ng to a file."""

    name: ClassVar[str] = "syslog-ng"

    def takes(self, task: Task) -> bool:
        return task.target is Target.FILE and task.encoding in {Encoding.PLAIN, Encoding.TCP}

    def start(self, task: Task, folder: Path) -> Running:
        program = debian("syslog-ng")
        root = program.parents[2]
        plugins = next(root.glob("usr/lib/syslog-ng/[0-9]*"), None)
        if plugins is None:
            raise StartError("no plug-in folder in the package")
        port, path, config = free_port(), folder / "out.jsonl", folder / "syslog-ng.conf"
        config.write_text(_CONFIG.substitute(version=plugins.name, path=path, port=port), encoding="utf-8")
        state = ["-R", str(folder / "persist"), "-c", str(folder / "ctl"), "-p", str(folder / "pid")]
        command = [str(program), "-F", "-f", str(config), "--no-caps", *state, "--module-path", str(plugins)]
        return FileRunning(Process(command, folder, library_path()), port, path)
