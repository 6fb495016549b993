"""
Proxied: what a reverse proxy in front of the API says about a request, and the path it is behind.

A proxy is believed only if the settings name its network: the address of who asks counts for failed logins, and the
name and scheme decide which pages are ours. Everybody else's headers of that kind are ignored.

``X-Forwarded-For`` is read from its end: each trusted proxy appended the address it was asked by, and the first one
that is not a proxy's is who asks. What stands before that was the client's to write.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network

from gelf_listener.api.asgi import App, Receive, Scope, Send

_HOST = re.compile(rb"[A-Za-z0-9.:\[\]_-]{1,255}")


class Proxied:
    """
    ASGI middleware: makes of a request what the proxy was asked.

    Below ``base_path`` everything is found as without; without it too, for health checks and for proxies that take the
    path away. ``scope["base_path"]`` is what comes before every path of ours in a browser, without a slash at its end.

    Args:
        app: What is behind it.
        base_path: The path, with a slash before and none after it; empty for none.
        proxies: Networks of the proxies that are believed.
    """

    def __init__(self, app: App, base_path: str, proxies: Iterable[IPv4Network | IPv6Network]) -> None:
        self._app = app
        self._base = base_path
        self._proxies = tuple(proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["base_path"] = self._base
        client = scope.get("client")
        if self._proxies and client and self._is_proxy(client[0]):
            self._believe(scope)
        path: str = scope["path"]
        if self._base and path == self._base:
            await _redirect(scope, send, self._base + "/")
            return
        if self._base and path.startswith(self._base + "/"):
            scope["path"] = path[len(self._base) :]
            raw: bytes = scope.get("raw_path") or b""
            if raw.startswith(self._base.encode() + b"/"):
                scope["raw_path"] = raw[len(self._base) :]
        await self._app(scope, receive, send)

    def _believe(self, scope: Scope) -> None:
        given: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            given.setdefault(name, []).append(value)
        asked_by = self._asked_by(b",".join(given.get(b"x-forwarded-for", ())).decode("latin-1"))
        if asked_by:
            scope["client"] = (asked_by, 0)
        scheme = _last(given.get(b"x-forwarded-proto", ())).lower()
        if scheme in (b"http", b"https"):
            scope["scheme"] = scheme.decode()
        host = _last(given.get(b"x-forwarded-host", ()))
        if _HOST.fullmatch(host):
            scope["headers"] = [(b"host", host), *((n, v) for n, v in scope["headers"] if n != b"host")]

    def _asked_by(self, forwarded: str) -> str:
        """Return who asked the outermost proxy that is believed; empty if that is not said."""
        found = ""
        for text in reversed(forwarded.split(",")):
            address = _address(text)
            if address is None:
                return found
            found = address
            if not self._is_proxy(address):
                return found
        return found

    def _is_proxy(self, text: str) -> bool:
        try:
            address = ipaddress.ip_address(text.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self._proxies)


def _last(values: Iterable[bytes]) -> bytes:
    """Return what the nearest proxy said, of headers that it may have appended to."""
    return b",".join(values).rpartition(b",")[2].strip()


def _address(text: str) -> str | None:
    """Return an address of ``X-Forwarded-For``, which may come with a port; None if it is not one."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


async def _redirect(scope: Scope, send: Send, path: str) -> None:
    query = scope.get("query_string", b"")
    location = path.encode() + (b"?" + query if query else b"")
    headers = [(b"location", location), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 308, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
