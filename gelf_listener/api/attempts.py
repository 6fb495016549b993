"""Attempts: how often an address may get a password wrong."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable

MAX_FAILURES = 10
"""Wrong passwords of one address in a window; then no password of it is looked at, right or wrong."""

WINDOW_SECONDS = 60.0
MAX_ADDRESSES = 4096
"""Addresses that are remembered; beyond, the one that failed the longest time ago is forgotten."""


class Attempts:
    """
    Counts failures by address; IPv6 by network of 64 bits, for that is what one sender has.

    Args:
        clock: Seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._failures)

    def wait_seconds(self, address: str) -> float:
        """Return how long an address has to wait; 0 when it may try."""
        began, failures = self._failures.get(_network(address), (0.0, 0))
        return max(0.0, began + WINDOW_SECONDS - self._clock()) if failures >= MAX_FAILURES else 0.0

    def failed(self, address: str) -> None:
        """Count a wrong password."""
        now = self._clock()
        key = _network(address)
        began, failures = self._failures.pop(key, (now, 0))
        if now - began >= WINDOW_SECONDS:
            began, failures = now, 0
        self._failures[key] = (began, failures + 1)
        if len(self._failures) > MAX_ADDRESSES:
            self._failures.popitem(last=False)


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
