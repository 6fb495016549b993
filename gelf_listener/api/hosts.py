"""
Hosts: which names the API answers to.

A page from elsewhere can make its own name mean 127.0.0.1 and then read what its visitor's listener has (DNS
rebinding). The browser still sends the page's name, so names that are not ours are refused. An address cannot be
rebound, nor can a name without a dot, which nobody outside can give a meaning to.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit


class Hosts:
    """
    The names that are ours.

    Args:
        allowed: More names; ``.example.org`` is all below it, ``*`` is any name.
        bound: The host the API listens on, as configured.
    """

    def __init__(self, allowed: Iterable[str], bound: str = "") -> None:
        names = {name.lower().rstrip(".") for name in (*allowed, bound, socket.gethostname()) if name}
        self._any = "*" in set(allowed)
        self._names = frozenset(name for name in names if not name.startswith("."))
        self._endings = (".localhost", *(name for name in names if name.startswith(".")))

    def ours(self, header: str) -> bool:
        """Whether a Host header names us; one without a name cannot come from a browser."""
        if self._any or not header:
            return True
        name = _name(header)
        if name is None:
            return False
        if "." not in name or name in self._names or name.endswith(self._endings):
            return True
        return _is_address(name)

    def same_origin(self, origin: str, host: str) -> bool:
        """
        Whether a page belongs to us: it was loaded from the very host and port it talks to.

        Args:
            origin: Of the page, from the header; ``null`` is nobody's.
            host: The Host header of the request.
        """
        try:
            parts = urlsplit(origin)
            name = parts.hostname
        except ValueError:
            return False
        if parts.scheme not in ("http", "https") or not name:
            return False
        default = ":80" if parts.scheme == "http" else ":443"
        return parts.netloc.lower().removesuffix(default) == host.lower().removesuffix(default)


def _name(header: str) -> str | None:
    """Return the host of a Host header without its port, lower-cased; None when it is not a host."""
    try:
        parts = urlsplit(f"//{header}")
        if parts.path or parts.query or parts.fragment or parts.username is not None:
            return None
        _ = parts.port
        name = parts.hostname
    except ValueError:
        return None
    return name.rstrip(".") if name else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True
