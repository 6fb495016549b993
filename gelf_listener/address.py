"""
Addresses: one grammar names every input and output.

``scheme://user:password@host:port/path?setting=value``. The scheme chooses the plug-in, host, port and path
are settings of their own, and query parameters are the other settings. ``console:`` and ``stdin:`` need no
more than the scheme. ``{source}`` and other placeholders may stand in a path as they are.

An address is shown in many places: names, metrics, logs, errors. What is shown has no secret in it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from typing import NamedTuple, Self
from urllib.parse import parse_qsl, quote, unquote

from gelf_listener.errors import ConfigError

_ADDRESS = re.compile(
    r"""
    (?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):
    (?://
        (?:(?P<user>[^/?:]*)(?::(?P<password>[^/?]*))?@)?
        (?P<host>\[[^\]/?]*\]|[^:/?@]*)
        (?::(?P<port>[^/?]*))?
    )?
    (?P<path>[^?]*)
    (?:\?(?P<query>.*))?
    """,
    re.VERBOSE | re.DOTALL,
)

_BETWEEN_HOSTS = re.compile(r"[\s,]")
_PORT = re.compile("[0-9]{1,5}")
_CREDENTIALS = re.compile("//.*@", re.DOTALL)
_PATH = re.compile("(//[^/]+)/.+", re.DOTALL)
_WORD = re.compile("[a-z_-]{1,15}")
_LEAST_HIDDEN = 4
"""Characters of a secret that is looked for in texts: what is shorter is found in any text."""


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
            ConfigError: If it has no scheme, a host with blanks or commas in it, or a port that is not a number in
                0..65535. The text shows neither password nor settings.
        """
        match = _ADDRESS.fullmatch(text.strip())
        if match is None:
            shown = without_secrets(text)
            message = f"address {shown!r} has no scheme; expected for example gelf+udp://127.0.0.1:12201 or console:"
            raise ConfigError(message)
        host, port_text = match["host"] or "", match["port"]
        if _BETWEEN_HOSTS.search(host):
            message = f"address {without_secrets(text)!r}: host {host!r} is not one name; give each address by itself"
            raise ConfigError(message)
        if port_text and not (_PORT.fullmatch(port_text) and int(port_text) <= 65535):
            if "@" in text:
                message = (
                    f"address {without_secrets(text)!r} has no valid port; "
                    "in a user or password write : as %3A, / as %2F and ? as %3F"
                )
                raise ConfigError(message)
            message = f"address {without_secrets(text)!r}: port {port_text!r} is not a number from 0 to 65535"
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
        """
        Return the address without what may be secret: safe for logs and labels.

        That is without user, password and settings, and without the path if there is a host: where the plug-in is
        known, `Settings.shown` knows better.
        """
        return self.shown(path=not self.host)

    def shown(self, *, path: bool) -> str:
        """
        Return the address without user, password and settings.

        Args:
            path: Whether its path is shown; else four digits stand for it, which tell apart the addresses of one host.
        """
        host = f"[{self.host}]" if ":" in self.host else self.host
        authority = (
            f"//{host}" + ("" if self.port is None else f":{self.port}") if host or self.port is not None else ""
        )
        if not authority and self.path.startswith("/"):
            authority = "//"
        if path or not self.path.strip("/"):
            return f"{self.scheme}:{authority}{quote(self.path, safe='/{}%~:@-._ ')}"
        digits = hashlib.sha256(self.path.encode("utf-8", "surrogateescape")).hexdigest()[:4]
        return f"{self.scheme}:{authority}/***{digits}"

    def scrubbed(self, text: str) -> str:
        """Return a text, what a server said for instance, without what is secret in this address."""
        secrets = [self.password, *basic_of(self.user, self.password), *self.settings.values()]
        return hide(text, [*secrets, *parts_of(self.path)] if self.host else secrets)


def without_secrets(text: str) -> str:
    """Leave out of a text that should be an address and may not be one what may be secret."""
    text = _CREDENTIALS.sub("//", text)
    return _PATH.sub(r"\1/***", text.partition("?")[0])


def basic_of(user: str, password: str) -> list[str]:
    """Return a user and password as HTTP's basic authentication writes them."""
    return [base64.b64encode(f"{user}:{password}".encode()).decode()] if user and password else []


def parts_of(path: str) -> list[str]:
    """
    Return those parts of a path that may be a secret, and the path if there are any.

    A short word is none: the name of an output, or a directory, may well be the same one.
    """
    parts = re.split(r"[/?&=:;,\s]+", path)
    secret = [part for part in parts if len(part) > _LEAST_HIDDEN and not _WORD.fullmatch(part)]
    return [path, *secret] if secret else []


def hide(text: str, secrets: Iterable[str]) -> str:
    """Put ``***`` for secrets in a text, as they are and as they stand in a URL."""
    written = {form for secret in secrets for form in (secret, quote(secret), quote(secret, safe=""), unquote(secret))}
    found = sorted((form for form in written if len(form) >= _LEAST_HIDDEN), key=len, reverse=True)
    return re.sub("|".join(map(re.escape, found)), "***", text) if found else text
