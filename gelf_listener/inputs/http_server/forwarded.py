"""X-Forwarded-For: whom a proxy that is believed forwards."""

from __future__ import annotations

import ipaddress

from gelf_listener.inputs.allow import AllowList
from gelf_listener.inputs.http_server.requests import Request
from gelf_listener.message import Peer

_MOST_ADDRESSES = 100


def forwarded_for(request: Request, proxies: AllowList) -> Peer | None:
    """
    Return whom a request comes from: the last address of X-Forwarded-For that is not a proxy's.

    What stands before it was written by that address itself and proves nothing. The port is unknown, so 0.

    Args:
        request: Of a peer that is a proxy.
        proxies: Who is believed.

    Returns:
        The request's peer when the header is missing, or its last word is not an address.
    """
    found = request.peer
    for word in reversed(request.header("x-forwarded-for").split(",")[-_MOST_ADDRESSES:]):
        peer = _peer(word.strip())
        if peer is None:
            return found
        found = peer
        if not proxies.allows(peer):
            return found
    return found


def _peer(word: str) -> Peer | None:
    """Read an address, as some proxies write it with a port: 192.0.2.1:1234, [2001:db8::1]:1234."""
    if word.startswith("["):
        word = word[1:].partition("]")[0]
    elif word.count(":") == 1:
        word = word.partition(":")[0]
    try:
        return Peer(str(ipaddress.ip_address(word)), 0)
    except ValueError:
        return None
