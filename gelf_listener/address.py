"""
Addresses: one grammar names every input and output.

``scheme://user:password@host:port/path?setting=value``. The scheme chooses the plug-in, host, port and path
are settings of their own, and query parameters are the other settings. ``console:`` and ``stdin:`` need no
more than the scheme. ``{source}`` and other placeholders may stand in a path as they are.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Self
from urllib.parse import parse_qsl, quote, unquote

from gelf_listener.errors import ConfigError

__all__ = ["Address"]

_ADDRESS = re.compile(
    r"""
    (?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):
    (?://
        (?:(?P<user>[^@/?:]*)(?::(?P<password>[^@/?]*))?@)?
        (?P<host>\[[^\]/?]*\]|[^:/?]*)
        (?::(?P<port>[^/?]*))?
    )?
    (?P<path>[^?]*)
    (?:\?(?P<query>.*))?
    """,
    re.VERBOSE | re.DOTALL,
)


class Address(NamedTuple):
    """
    A parsed address.

    Attributes:
        scheme: Lower case; names the plug-in.
        user: Empty when absent.
        password: Empty when absent.
        host: Without brackets; empty when absent.
        port: None when absent.
        path: With its leading slash; empty when absent.
        settings: Query parameters, decoded; a repeated one is joined with commas.
    """

    scheme: str
    user: str
    password: str
    host: str
    port: int | None
    path: str
    settings: dict[str, str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Parse an address.

        Raises:
            ConfigError: If it has no scheme, or a port that is no number in 0..65535.
        """
        match = _ADDRESS.fullmatch(text.strip())
        if match is None:
            message = f"address {text!r} has no scheme; expected for example gelf+udp://127.0.0.1:12201 or console:"
            raise ConfigError(message)
        port_text = match["port"]
        if port_text and not (port_text.isascii() and port_text.isdigit() and int(port_text) <= 65535):
            message = f"address {text!r}: port {port_text!r} is not a number from 0 to 65535"
            raise ConfigError(message)
        settings: dict[str, str] = {}
        for name, value in parse_qsl(match["query"] or "", keep_blank_values=True):
            settings[name] = f"{settings[name]},{value}" if name in settings else value
        return cls(
            scheme=match["scheme"].lower(),
            user=unquote(match["user"] or ""),
            password=unquote(match["password"] or ""),
            host=unquote(match["host"] or "").strip("[]"),
            port=int(port_text) if port_text else None,
            path=unquote(match["path"]),
            settings=settings,
        )

    def __str__(self) -> str:
        """Return the address without its password and settings: safe for logs and labels."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        authority = f"//{host}" + ("" if self.port is None else f":{self.port}") if host or self.port is not None else ""
        if not authority and self.path.startswith("/"):
            authority = "//"
        return f"{self.scheme}:{authority}{quote(self.path, safe='/{}%~:@-._ ')}"
