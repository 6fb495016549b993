"""Allow-list: which peers may send to an input."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from gelf_listener.errors import Reason, Rejected
from gelf_listener.message import Peer

_MAX_CACHED = 4096


class AllowList:
    """
    Tells whether a peer lies in one of some networks.

    Args:
        networks: Empty allows everybody.
    """

    def __init__(self, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> None:
        self._networks = networks
        self._known: dict[str, bool] = {}

    def __bool__(self) -> bool:
        return bool(self._networks)

    def allows(self, peer: Peer | None) -> bool:
        """Whether the peer may send; a peer without address may not when there is a list."""
        if not self._networks:
            return True
        if peer is None:
            return False
        known = self._known.get(peer.host)
        if known is None:
            if len(self._known) >= _MAX_CACHED:
                self._known.clear()
            known = self._known[peer.host] = self._look_up(peer.host)
        return known

    def _look_up(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)

    def rejection(self, peer: Peer | None, payload: bytes, input: str) -> Rejected:
        """Return the rejection of a peer that is not allowed."""
        return Rejected(
            Reason.PEER_NOT_ALLOWED, "the peer is in none of the allowed networks", payload, peer=peer, input=input
        )
