"""AllowList: networks of both families, mapped addresses, and a bounded memory."""

from __future__ import annotations

import ipaddress

import pytest

from gelf_listener.inputs.allow import _MAX_CACHED, AllowList
from gelf_listener.message import Peer


def allow(*networks: str) -> AllowList:
    return AllowList([ipaddress.ip_network(network) for network in networks])


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("10.0.0.0", True),
        ("10.255.255.255", True),
        ("11.0.0.0", False),
        ("::ffff:10.1.2.3", True),
        ("::ffff:11.1.2.3", False),
        ("fd00::1", True),
        ("fd01::1", True),
        ("fe80::1", False),
        ("", False),
        ("not an address", False),
    ],
)
def test_networks(host: str, allowed: bool) -> None:
    """An IPv4 address that came by IPv6 is judged as IPv4; asking twice gives the same."""
    made = allow("10.0.0.0/8", "fd00::/8")
    assert made
    assert made.allows(Peer(host, 1)) is allowed
    assert made.allows(Peer(host, 2)) is allowed


def test_empty_allows_everybody() -> None:
    """No list is not a restriction, even for peers without an address."""
    made = allow()
    assert not made
    assert made.allows(Peer("1.2.3.4", 1))
    assert made.allows(None)


def test_nobody_in_particular() -> None:
    """With a list, a peer without an address may not send."""
    assert not allow("0.0.0.0/0", "::/0").allows(None)


def test_memory_is_bounded() -> None:
    """A flood of spoofed addresses does not grow the cache, and does not change an answer."""
    made = allow("10.0.0.0/8")
    for number in range(_MAX_CACHED + 10):
        assert not made.allows(Peer(str(ipaddress.ip_address(0x0B000000 + number)), 1))
    assert len(made._known) <= _MAX_CACHED
    assert made.allows(Peer("10.0.0.1", 1))


def test_rejection() -> None:
    """It says why, from whom and what."""
    rejected = allow("10.0.0.0/8").rejection(Peer("1.2.3.4", 5), b"payload", "udp")
    assert rejected.reason.value == "peer_not_allowed"
    assert (rejected.peer, rejected.payload, rejected.input) == (Peer("1.2.3.4", 5), b"payload", "udp")
