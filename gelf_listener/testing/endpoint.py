"""Endpoint: where a service under test should send its logs."""

from __future__ import annotations

from typing import NamedTuple, Self
from urllib.parse import urlsplit


class Endpoint(NamedTuple):
    """
    Where one input listens. As a text it is an address as gelf-listener and gelf-handlers take it.

    Attributes:
        scheme: ``gelf+udp``, ``gelf+tcp``, ``gelf+http``, ...
        host: A numeric address or a name.
        port: The real one.
        path: Of HTTP inputs, ``/gelf``; empty otherwise.
    """

    scheme: str
    host: str
    port: int
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an address with host and port."""
        parts = urlsplit(text)
        return cls(parts.scheme, parts.hostname or "", parts.port or 0, parts.path)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}{self.path}"

    @property
    def netloc(self) -> str:
        """Return ``host:port``, IPv6 in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def address(self) -> tuple[str, int]:
        """Return host and port, as sockets take them."""
        return self.host, self.port

    @property
    def url(self) -> str:
        """Return it as others write it: ``udp://127.0.0.1:12201`` for Docker, ``http://127.0.0.1:12203/gelf``."""
        return str(self).removeprefix("gelf+")


def environment(udp: Endpoint, tcp: Endpoint, http: Endpoint) -> dict[str, str]:
    """Return the variables that tell a service where to send: `GELF_URL` as an address, the others as URLs."""
    return {"GELF_URL": str(tcp), "GELF_UDP_URL": udp.url, "GELF_TCP_URL": tcp.url, "GELF_HTTP_URL": http.url}
