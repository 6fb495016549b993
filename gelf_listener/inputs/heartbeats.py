"""Heartbeats: datagrams that ask whether a server is there, each answered with one byte, as Fluentd's servers do."""

from __future__ import annotations

import asyncio
import logging
import socket

from gelf_listener.errors import ConfigError
from gelf_listener.inputs.allow import AllowList
from gelf_listener.inputs.sockets import bind_all, peer_of

_log = logging.getLogger(__name__)

_ANSWER = b"\0"
_PER_TURN = 64
_MOST_BYTES = 128


class Heartbeats:
    """
    Answers heartbeats by UDP. An answer is no longer than what it answers, so that it helps nobody to flood others.

    Args:
        name: The input's name.
        allow: Who is answered.
    """

    def __init__(self, name: str, allow: AllowList) -> None:
        self._name = name
        self._allow = allow
        self._sockets: list[socket.socket] = []
        self.total = 0

    def start(self, host: str, port: int) -> None:
        """Listen on the port that the server has for connections; a port that is taken is only logged."""
        try:
            self._sockets = bind_all(socket.SOCK_DGRAM, host, port)
        except ConfigError as error:
            _log.warning("%s: heartbeats by UDP are not answered: %s", self._name, error)
            return
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            loop.add_reader(sock.fileno(), self._answer, sock)

    def close(self) -> None:
        """Stop."""
        for sock in self._sockets:
            asyncio.get_running_loop().remove_reader(sock.fileno())
            sock.close()
        self._sockets = []

    def _answer(self, sock: socket.socket) -> None:
        for _ in range(_PER_TURN):
            try:
                data, address = sock.recvfrom(_MOST_BYTES)
            except OSError:  # no more, or an ICMP error for an answer that nobody waited for
                return
            if data and self._allow.allows(peer_of(address)):
                self.total += 1
                try:
                    sock.sendto(_ANSWER, address)
                except OSError:
                    return
