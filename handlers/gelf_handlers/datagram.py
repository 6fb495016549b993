"""Sending datagrams: one connected socket, the name resolved now and then."""

from __future__ import annotations

import errno
import socket
from collections import deque
from collections.abc import Callable, Iterable

from gelf_handlers.resolve import AddressInfo, Resolver
from gelf_handlers.stats import Counters
from gelf_handlers.transport import Interrupted

__all__ = ["DatagramTransport"]


class DatagramTransport:
    """
    Sends each message as one or more datagrams.

    Guarantee: at most once, as UDP is. The socket is connected, so that a closed port is noticed: the datagram
    it concerns is counted as possibly lost, and sending goes on (UDP has no time to wait at exit).
    """

    max_batch = 16
    idle_seconds: float | None = None

    def __init__(
        self,
        resolver: Resolver,
        split: Callable[[bytes], Iterable[bytes]],
        counters: Counters,
    ) -> None:
        self.stopping: Callable[[], bool] = lambda: False
        self._resolver = resolver
        self._split = split
        self._counters = counters
        self._socket: socket.socket | None = None
        self._address: AddressInfo | None = None

    def send(self, batch: deque[bytes]) -> None:
        """Send what is in the batch, one message after the other."""
        while batch:
            if self.stopping():
                raise Interrupted("closing")
            connected = self._connected()
            datagrams = 0
            try:
                for datagram in self._split(batch[0]):
                    self._send_datagram(connected, datagram)
                    datagrams += 1
            except OSError as error:
                if error.errno == errno.EMSGSIZE:
                    self._refuse(batch, f"message of {len(batch[0])} bytes does not fit a datagram")
                    continue
                self.abandon()
                raise
            if datagrams:
                batch.popleft()
                self._counters.sent += 1
            else:
                self._refuse(batch, f"message of {len(batch[0])} bytes needs more than 128 chunks")

    def _refuse(self, batch: deque[bytes], text: str) -> None:
        batch.popleft()
        self._counters.drop("too_large")
        self._counters.fail(text, topic="too_large")

    def _send_datagram(self, connected: socket.socket, datagram: bytes) -> None:
        for _ in range(3):
            try:
                connected.send(datagram)
            except ConnectionRefusedError as error:
                # The kernel reports an earlier datagram's "port unreachable"; this one has not been sent yet.
                self._counters.possibly_lost += 1
                self._counters.fail(error, topic="refused")
            else:
                return

    def _connected(self) -> socket.socket:
        addresses = self._resolver.addresses()
        if self._socket is not None and self._address in addresses:
            return self._socket
        self.abandon()
        failure: OSError | None = None
        for address in addresses:
            family, kind, protocol, _, target = address
            created = socket.socket(family, kind, protocol)
            try:
                created.settimeout(1.0)
                created.connect(target)
            except OSError as error:  # no IPv6 route, for one
                created.close()
                failure = error
                continue
            self._socket, self._address = created, address
            self._counters.connections += 1
            return created
        raise failure or OSError(f"no address for {self._resolver.host}")

    def idle(self) -> None:
        """Datagrams need no keep-alive."""

    def close(self) -> None:
        """Close the socket."""
        self.abandon()

    def abandon(self) -> None:
        """Close this process's socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
