"""
Activation: sockets that systemd opened and handed over (sd_listen_fds(3)).

An input names an address as always; if a socket for it was handed over, that one is used instead of binding. So a
service may listen below port 1024 without any capability, and what is sent while it restarts waits in the kernel.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from gelf_listener.errors import describe

_log = logging.getLogger(__name__)

_FIRST = 3
_MOST = 1024
_EVERYWHERE = "0.0.0.0"  # noqa: S104  (compared with, not bound)


class _Handed(NamedTuple):
    """A socket that was handed over, and what it is bound to."""

    file: int
    family: int
    kind: int
    host: str
    """An address, or the path of a Unix socket."""
    port: int


class Inherited:
    """
    Sockets that were handed over.

    Args:
        environment: Holds ``LISTEN_PID`` and ``LISTEN_FDS``.
        pid: Ours: what was meant for another process is left alone.
        first: Number of the first descriptor.
    """

    def __init__(self, environment: Mapping[str, str], pid: int, first: int = _FIRST) -> None:
        self.only = False
        """Whether nothing else may be bound: a worker has the sockets that its parent gives it."""
        self._handed: list[_Handed] = []
        count = environment.get("LISTEN_FDS", "")
        if environment.get("LISTEN_PID") != str(pid) or not count.isdecimal():
            return
        self.add(range(first, first + min(int(count), _MOST)))

    def add(self, files: Iterable[int]) -> None:
        """Take over descriptors; they stay the caller's to close, after `forget`."""
        for file in files:
            os.set_inheritable(file, False)
            try:
                with socket.socket(fileno=os.dup(file)) as sock:
                    address = sock.getsockname()
                    place = (str(address[0]), int(address[1])) if isinstance(address, tuple) else (str(address), 0)
                    self._handed.append(_Handed(file, sock.family, sock.type, *place))
            except OSError as error:
                _log.warning("descriptor %d of LISTEN_FDS is not a socket: %s", file, describe(error))

    def forget(self, files: Iterable[int]) -> None:
        """Forget descriptors; copies that were taken stay open."""
        gone = set(files)
        self._handed = [handed for handed in self._handed if handed.file not in gone]

    def take(self, kind: socket.SocketKind, host: str, port: int) -> socket.socket | None:
        """
        Return a socket for an address.

        Args:
            kind: Of datagrams or streams.
            host: A numeric address, or the path of a Unix socket, whose port is 0.
            port: 0 is never handed over.

        Returns:
            A copy that may be closed: the original stays, for a reload. It does not block; one of streams listens. None
            when no such socket was handed over.
        """
        hosts = [host, "::"] if host == _EVERYWHERE else [host]  # systemd's `ListenStream=514` takes both families
        for wanted in hosts:
            for handed in self._handed:
                if (handed.kind, handed.host, handed.port) == (kind, wanted, port):
                    sock = socket.socket(fileno=os.dup(handed.file))
                    sock.setblocking(False)
                    return sock
        return None


_ours: Inherited | None = None


def inherited() -> Inherited:
    """Return what was handed over to this process."""
    global _ours  # noqa: PLW0603  (asked once a process: descriptors are its own)
    if _ours is None:
        _ours = Inherited(os.environ, os.getpid())
    return _ours
