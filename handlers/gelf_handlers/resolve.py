"""Name resolution that is done once and refreshed now and then, never per datagram."""

from __future__ import annotations

import codecs
import socket
import time
from collections.abc import Sequence
from typing import Any, Final

__all__ = ["AddressInfo", "Resolver"]

AddressInfo = tuple[int, int, int, str, Any]

_RETRY_SECONDS: Final = 5.0

# socket looks a name up through this codec, which is imported on first use. Were that in our worker's thread while
# another thread forks, the child would have half a module and resolve nothing ("unknown encoding: idna", seen with
# multiprocessing).
codecs.lookup("idna")


class Resolver:
    """
    Keeps a host's addresses.

    graypy resolves every datagram, which took down a company's DNS (graypy#135). Here the name is looked up
    every `refresh_seconds`; while the lookup fails, the last answer stands.
    """

    def __init__(self, host: str, port: int, kind: int, refresh_seconds: float) -> None:
        self.host = host
        self.port = port
        self._kind = kind
        self._refresh_seconds = refresh_seconds
        self._known: Sequence[AddressInfo] = ()
        self._next_lookup = 0.0

    def addresses(self) -> Sequence[AddressInfo]:
        """
        Return the addresses, IPv6 and IPv4, in the system's order of preference.

        Raises:
            OSError: If the name does not resolve and never has.
        """
        now = time.monotonic()
        if self._known and now < self._next_lookup:
            return self._known
        try:
            self._known = socket.getaddrinfo(self.host, self.port, 0, self._kind)
        except OSError:
            if not self._known:
                raise
            self._next_lookup = now + _RETRY_SECONDS
        else:
            self._next_lookup = now + self._refresh_seconds
        return self._known
