"""Proxy: a TCP way to a server whose connections a test may break."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self

__all__ = ["TcpProxy"]

_STEP_BYTES = 1 << 16


class TcpProxy:
    """
    Passes connections on to a port of 127.0.0.1. A context manager.

    Args:
        port: Where it listens.
        target: Where connections go.
    """

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self._target = target
        self._server = socket.create_server(("127.0.0.1", port))
        self._open: set[socket.socket] = set()
        self._changing = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()
        self.break_connections()

    def break_connections(self) -> int:
        """Break all connections in the middle of whatever they carry; return how many there were."""
        with self._changing:
            broken, self._open = self._open, set()
        for sock in broken:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        return len(broken) // 2

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                near.close()
                continue
            with self._changing:
                self._open |= {near, far}
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_STEP_BYTES):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)
        with self._changing:
            self._open.discard(source)
        source.close()
