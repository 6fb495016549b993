"""
Offers to upgrade, taken out of a request.

Java's client offers h2c with every request. Like any server that does not speak it, we answer in HTTP/1.1; but
httptools stops before the body of a request that offers an upgrade, so it is given the request without the offer.
"""

from __future__ import annotations

from collections.abc import Iterable

_OF_UPGRADES = frozenset((b"upgrade", b"http2-settings"))
"""Headers, and options of Connection, that make the offer."""


def head_without_upgrade(method: bytes, target: bytes, version: str, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """
    Write the head of a request again, for a new parser.

    Args:
        method: For example ``POST``.
        target: As it stood in the request line.
        version: ``1.1`` or ``1.0``.
        headers: Names in lower case, and values.
    """
    lines = [b"%s %s HTTP/%s" % (method, target, version.encode())]
    for name, value in headers:
        if name == b"connection":
            options = [option.strip() for option in value.split(b",")]
            value = b", ".join([option for option in options if option.lower() not in _OF_UPGRADES])  # noqa: PLW2901
        if value and name not in _OF_UPGRADES:
            lines.append(b"%s: %s" % (name, value))
    return b"\r\n".join([*lines, b"", b""])
