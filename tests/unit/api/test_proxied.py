"""Proxied: paths behind a proxy, and whom it believes."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network
from typing import Any

import pytest

from gelf_listener.api.proxied import Proxied

PROXIES = ("127.0.0.1/32", "10.0.0.0/8", "fd00::/8")


def passed(
    path: str = "/",
    client: str = "127.0.0.1",
    base: str = "",
    proxies: tuple[str, ...] = PROXIES,
    headers: tuple[tuple[str, str], ...] = (),
    query: bytes = b"",
) -> Any:
    """Return what the application sees, or the answer where it is not asked."""
    found: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found.append(scope)

    async def send(event: Any) -> None:
        found.append(event)

    scope = {
        "type": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "scheme": "http",
        "client": (client, 1234),
        "headers": [(b"host", b"inner:9000"), *((name.encode(), value.encode("latin-1")) for name, value in headers)],
    }
    guard = Proxied(app, base, [ip_network(network) for network in proxies])
    asyncio.run(guard(scope, None, send))  # type: ignore[arg-type]
    return found[0]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("/logs/", "/"),
        ("/logs/api/system", "/api/system"),
        ("/logs/logs/x", "/logs/x"),
        ("/health", "/health"),
        ("/logsx/api", "/logsx/api"),
        ("/api/logs/x", "/api/logs/x"),
    ],
)
def test_paths(asked: str, found: str) -> None:
    """Below the base path and without it: health checks and some proxies know nothing of it."""
    scope = passed(asked, base="/logs")
    assert (scope["path"], scope["raw_path"], scope["base_path"]) == (found, found.encode(), "/logs")
    assert passed(asked)["path"] == asked


def test_the_base_path_itself() -> None:
    """Leads to the page: relative names need the slash."""
    answer = passed("/logs", base="/logs", query=b"q=a")
    assert answer["status"] == 308
    assert (b"location", b"/logs/?q=a") in answer["headers"]


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:4711", "203.0.113.7"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("1.2.3.4, 203.0.113.7", "203.0.113.7"),
        ("1.2.3.4, 203.0.113.7, 10.1.2.3", "203.0.113.7"),
        ("10.9.9.9, 10.1.2.3", "10.9.9.9"),
        ("1.2.3.4, nonsense, 10.1.2.3", "10.1.2.3"),
        ("unknown", "127.0.0.1"),
        ("", "127.0.0.1"),
    ],
)
def test_who_asks(forwarded: str, client: str) -> None:
    """The last address that is not a proxy's: what stands before it was the client's to write."""
    assert passed(headers=(("x-forwarded-for", forwarded),))["client"][0] == client


def test_several_headers_of_one_name() -> None:
    """Are one, in order."""
    headers = (("x-forwarded-for", "1.2.3.4"), ("x-forwarded-for", "203.0.113.7"))
    assert passed(headers=headers)["client"][0] == "203.0.113.7"


def test_scheme_and_host() -> None:
    """What the browser was asked for; nonsense changes nothing."""
    scope = passed(headers=(("x-forwarded-proto", "https"), ("x-forwarded-host", "logs.example.org")))
    assert scope["scheme"] == "https"
    assert scope["headers"][0] == (b"host", b"logs.example.org")
    assert [name for name, _ in scope["headers"]].count(b"host") == 1
    scope = passed(headers=(("x-forwarded-proto", "gopher"), ("x-forwarded-host", "a b/c")))
    assert (scope["scheme"], scope["headers"][0]) == ("http", (b"host", b"inner:9000"))


@pytest.mark.parametrize(("client", "proxies"), [("192.0.2.1", PROXIES), ("127.0.0.1", ())])
def test_others_are_not_believed(client: str, proxies: tuple[str, ...]) -> None:
    """Whoever is not named may write what they like."""
    headers = (("x-forwarded-for", "1.2.3.4"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "evil.example"))
    scope = passed(client=client, proxies=proxies, headers=headers)
    assert (scope["client"][0], scope["scheme"], scope["headers"][0]) == (client, "http", (b"host", b"inner:9000"))


def test_a_proxy_of_another_family() -> None:
    """IPv6, and IPv4 inside it."""
    assert passed(client="fd00::5", headers=(("x-forwarded-for", "203.0.113.7"),))["client"][0] == "203.0.113.7"
    assert passed(client="::ffff:10.0.0.1", headers=(("x-forwarded-for", "203.0.113.7"),))["client"][0] == "203.0.113.7"
