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

_BETWEEN_HOSTS = re.compile(r"[\s,]")
_PORT = re.compile("[0-9]{1,5}")
_CREDENTIALS = re.compile("//[^@/?]*@")


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
            ConfigError: If it has no scheme, a host with blanks or commas in it, or a port that is no number in
                0..65535. The text shows neither password nor settings.
        """
        match = _ADDRESS.fullmatch(text.strip())
        if match is None:
            message = (
                f"address {_shown(text)!r} has no scheme; expected for example gelf+udp://127.0.0.1:12201 or console:"
            )
            raise ConfigError(message)
        host, port_text = match["host"] or "", match["port"]
        if _BETWEEN_HOSTS.search(host):
            message = f"address {_shown(text)!r}: host {host!r} is not one name; give each address by itself"
            raise ConfigError(message)
        if port_text and not (_PORT.fullmatch(port_text) and int(port_text) <= 65535):
            message = f"address {_shown(text)!r}: port {port_text!r} is not a number from 0 to 65535"
            if not host:
                message += "; an IPv6 address stands in brackets"
            raise ConfigError(message)
        settings: dict[str, str] = {}
        for name, value in parse_qsl(match["query"] or "", keep_blank_values=True):
            settings[name] = f"{settings[name]},{value}" if name in settings else value
        return cls(
            scheme=match["scheme"].lower(),
            user=unquote(match["user"] or ""),
            password=unquote(match["password"] or ""),
            host=unquote(host).strip("[]"),
            port=int(port_text) if port_text else None,
            path=unquote(match["path"]),
            settings=settings,
        )

    def __str__(self) -> str:
        """Return the address without its password and settings: safe for logs and labels."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        authority = (
            f"//{host}" + ("" if self.port is None else f":{self.port}") if host or self.port is not None else ""
        )
        if not authority and self.path.startswith("/"):
            authority = "//"
        return f"{self.scheme}:{authority}{quote(self.path, safe='/{}%~:@-._ ')}"


def _shown(text: str) -> str:
    """Leave out of a text that may be no address what may be secret."""
    return _CREDENTIALS.sub("//", text.partition("?")[0])
