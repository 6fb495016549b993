"""
A program that has loaded the listener, and forks itself into each one that a test wants.

Starting a listener costs some milliseconds then, instead of a second of a processor for loading its modules: of a
thousand that the tests start, that was half of all their time. Apart from that a fork is what a new process would be: it
has its own arguments, environment, directory and files, and ends as the interpreter ends. `tests.e2e.forks` starts
it. It takes one argument, the descriptor of a socket: a request is one
packet of JSON (arguments, directory, environment), with the descriptors of standard input, output and error and of a
pipe to which the exit status goes; the answer is the process's id.
"""

from __future__ import annotations

import gc
import importlib
import io
import json
import os
import select
import signal
import socket
import sys
import time
from typing import Any

_LARGEST_REQUEST = 1 << 20
_LOADED = (
    "gelf_listener.__main__",
    "gelf_listener.cli",
    "gelf_listener.api.routes",
    "gelf_listener.api.server",
    "gelf_listener.api.catalog_file",
    "gelf_listener.client.choice",
    "gelf_listener.commands.run",
    "gelf_listener.commands.search",
    "gelf_listener.commands.send",
    "gelf_listener.commands.tail",
    "gelf_listener.commands.top",
    "gelf_listener.inputs.container_intake",
    "gelf_listener.inputs.gelf",
    "gelf_listener.inputs.http",
    "gelf_listener.inputs.tcp",
    "gelf_listener.inputs.udp",
    "gelf_listener.outputs.file",
    "gelf_listener.outputs.gelf_tcp",
    "gelf_listener.outputs.store",
    "gelf_listener.store.aggregation",
    "gelf_listener.store.indexer_process",
    "gelf_listener.store.searching",
    "gelf_listener.store.tantivy_search",
    "gelf_listener.store.tantivy_store",
    "anyio._backends._asyncio",
    "certifi",
    "encodings.idna",
    "h2.connection",
    "httpcore",
    "importlib.resources.readers",
    "typer._click.decorators",
    "typer._adapters",
    "uvicorn.lifespan.off",
    "uvicorn.protocols.http.httptools_impl",
    "uvloop",
)
"""What a listener, a page and the commands load; brokers' and databases' clients stay out, some of which have threads."""


def serve(sock: socket.socket) -> None:
    """Fork for each request; returns in the child that is to run the command, and ends with the socket."""
    statuses: dict[int, int] = {}
    waking, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal, meant for pytest
    while True:
        watched: list[Any] = [sock, waking]
        ready, _, _ = select.select(watched, [], [])
        if waking in ready:
            os.read(waking, 4096)
            _reap(statuses)
        if sock not in ready:
            continue
        packet, files, _, _ = socket.recv_fds(sock, _LARGEST_REQUEST, 4)
        if not packet:
            sys.exit(0)
        *standard, status = files
        child = os.fork()
        if child == 0:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            for each in (waking, woken, status, *statuses.values()):
                os.close(each)
            sock.close()
            _become(json.loads(packet), standard)
            return
        for each in standard:
            os.close(each)
        statuses[child] = status
        sock.send(str(child).encode())


def _reap(statuses: dict[int, int]) -> None:
    """Tell of each child that has ended, with its status as `os.waitpid` gives it."""
    while statuses:
        child, status = os.waitpid(-1, os.WNOHANG)
        if child == 0:
            return
        pipe = statuses.pop(child)
        os.write(pipe, str(status).encode())
        os.close(pipe)


def _become(wanted: dict[str, Any], standard: list[int]) -> None:
    """Take on what a new process would have been started with."""
    for number, file in enumerate(standard):
        os.dup2(file, number)
    for file in standard:
        os.close(file)
    os.chdir(wanted["directory"])
    earlier = _paths()
    os.environ.clear()
    os.environ.update(wanted["environment"])
    sys.path[:] = [wanted["directory"], *_paths(), *(path for path in sys.path[1:] if path not in earlier)]
    time.tzset()
    sys.argv[1:] = wanted["arguments"]
    unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
    for name, number, errors in (("stdout", 1, "strict"), ("stderr", 2, "backslashreplace")):
        binary: Any = open(number, "wb", buffering=0 if unbuffered else -1, closefd=False)  # noqa: SIM115
        lines = name == "stderr" or os.isatty(number)
        made = io.TextIOWrapper(binary, "utf-8", errors, line_buffering=lines, write_through=unbuffered)
        setattr(sys, name, made)
        setattr(sys, f"__{name}__", made)
    stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    for name in ("stdin", "__stdin__"):
        setattr(sys, name, stdin)
    _draw_id_again()


def _paths() -> list[str]:
    """The folders of PYTHONPATH."""
    return list(filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)))


def _draw_id_again() -> None:
    """The random part of a process's message ids is drawn when its module is loaded, here once for all."""
    from gelf_listener import message

    own = int.from_bytes(os.urandom(4), "big")
    for name, module in list(sys.modules.items()):
        if name.startswith("gelf_listener") and hasattr(module, "PROCESS_ID"):
            module.PROCESS_ID = own  # type: ignore[attr-defined]
    message.ulid.__defaults__ = (own,)


if __name__ == "__main__":
    for name in _LOADED:
        importlib.import_module(name)
    threads = os.listdir("/proc/self/task")
    assert len(threads) == 1, f"what was loaded has started threads, which a fork would lack: {threads}"
    gc.collect()
    gc.freeze()  # a collection in a fork would touch, and so copy, all that was loaded
    serve(socket.socket(fileno=int(sys.argv[1])))
    from gelf_listener.__main__ import main

    main()
