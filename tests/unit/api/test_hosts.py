"""Hosts: names that are ours, and pages that are."""

from __future__ import annotations

import pytest

from gelf_listener.api.hosts import Hosts


@pytest.mark.parametrize(
    ("header", "ours"),
    [
        ("localhost:9000", True),
        ("LOCALHOST", True),
        ("logs.localhost:9000", True),
        ("127.0.0.1:9000", True),
        ("[::1]:9000", True),
        ("192.0.2.1", True),
        ("gelf-listener:9000", True),
        ("logs.example.org", True),
        ("Logs.Example.org.:443", True),
        ("a.b.example.net", True),
        ("example.net", False),
        ("", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example:9000", False),
        ("evillogs.example.org", False),
        ("evil.example@localhost", False),
        ("localhost/evil.example", False),
        ("localhost:port", False),
        ("[::1", False),
        ("a b.example", False),
        ("bound.example", True),
    ],
)
def test_names(header: str, ours: bool) -> None:
    """Addresses, names without a dot, and what the settings name."""
    assert Hosts(["logs.example.org", ".example.net"], "bound.example").ours(header) is ours


def test_any_name() -> None:
    assert Hosts(["*"]).ours("evil.example")


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("http://localhost:9000", "localhost:9000", True),
        ("http://LOCALHOST:9000", "localhost:9000", True),
        ("http://localhost", "localhost:80", True),
        ("https://logs.example.org", "logs.example.org", True),
        ("https://logs.example.org", "logs.example.org:443", True),
        ("http://localhost:3000", "localhost:9000", False),
        ("http://evil.example", "localhost:9000", False),
        ("http://127.0.0.1:9000", "localhost:9000", False),
        ("null", "localhost:9000", False),
        ("", "localhost:9000", False),
        ("file://", "", False),
        ("http://[", "localhost", False),
    ],
)
def test_origins(origin: str, host: str, same: bool) -> None:
    """The very host and port, or not ours."""
    assert Hosts([]).same_origin(origin, host) is same
