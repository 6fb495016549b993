"""
Scanner: where a value of MessagePack ends, without reading it.

A stream has no frames, and a header of five bytes may claim four billion values. So nothing is read, and no room made,
before all of a value has come: then it has no more values than bytes.
"""

from __future__ import annotations

from gelf_listener.errors import Reason, Rejected

MAX_DEPTH = 64

_ARRAY, _MAP = 1, 2


def _fixed_sizes() -> list[int]:
    """Return for each first byte the size of its value, where that says it; 0 elsewhere."""
    sizes = [0] * 256
    for code in (*range(0x80), *range(0xE0, 0x100), 0xC0, 0xC2, 0xC3):  # small numbers, nil, booleans
        sizes[code] = 1
    for code in range(0xA0, 0xC0):  # short texts
        sizes[code] = 1 + code - 0xA0
    sizes[0xCA], sizes[0xCB] = 5, 9  # floats
    for start in (0xCC, 0xD0):  # integers without and with a sign
        for power in range(4):
            sizes[start + power] = 1 + (1 << power)
    for power in range(5):  # extensions of a fixed size
        sizes[0xD4 + power] = 2 + (1 << power)
    return sizes


_SIZES = _fixed_sizes()
_BLOBS = {0xC4: (1, 0), 0xC5: (2, 0), 0xC6: (4, 0), 0xC7: (1, 1), 0xC8: (2, 1), 0xC9: (4, 1)} | {
    0xD9: (1, 0), 0xDA: (2, 0), 0xDB: (4, 0)
}  # fmt: skip
"""Binaries, extensions and texts: bytes of the length, and bytes between it and the content."""
_CONTAINERS = {0xDC: (2, _ARRAY), 0xDD: (4, _ARRAY), 0xDE: (2, _MAP), 0xDF: (4, _MAP)}
"""Arrays and maps: bytes of the length, and values for each of it."""


def length_of(data: bytes | bytearray, at: int) -> tuple[str, int, int] | None:
    """
    Read the head of a value.

    Returns:
        Its kind (``array``, ``map``, ``bytes`` for binaries and texts, ``other``), its length, and how long the head
        is; None when the head has not come whole.
    """
    if at >= len(data):
        return None
    code = data[at]
    if 0x90 <= code < 0xA0:
        return "array", code - 0x90, 1
    if 0x80 <= code < 0x90:
        return "map", code - 0x80, 1
    if 0xA0 <= code < 0xC0:
        return "bytes", code - 0xA0, 1
    if code in _CONTAINERS:
        width, factor = _CONTAINERS[code]
        kind = "array" if factor == _ARRAY else "map"
    elif code in _BLOBS and not _BLOBS[code][1]:
        width, kind = _BLOBS[code][0], "bytes"
    else:
        return "other", 0, 0
    if at + 1 + width > len(data):
        return None
    return kind, int.from_bytes(data[at + 1 : at + 1 + width]), 1 + width


class Scanner:
    """
    Finds the end of one value after another in data that grows at its end.

    Args:
        max_bytes: Longest value.
    """

    __slots__ = ("_at", "_left", "_outer", "max_bytes")

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._at = 0
        """How far the value was looked at, from its start."""
        self._left = 1
        """Values that are missing at this depth."""
        self._outer: list[int] = []
        """The same of the values around it."""

    def end(self, data: bytes | bytearray, start: int) -> int:
        """
        Return where the value ends that begins at `start`; 0 when its end has not come.

        What was looked at is not looked at again, when the same value is asked for with more data behind it.

        Raises:
            Rejected: If it is not valid MessagePack, too long or nested too deep.
        """
        at, left, outer = start + self._at, self._left, self._outer
        size = len(data)
        while at < size:
            code = data[at]
            fixed = _SIZES[code]
            if fixed:
                end, inner = at + fixed, 0
            elif code < 0x90:
                end, inner = at + 1, (code - 0x80) * 2
            elif code < 0xA0:
                end, inner = at + 1, code - 0x90
            else:
                found = self._long(data, at, code)
                if found is None:
                    break
                end, inner = found
            if end > size or end - start > self.max_bytes:
                if end - start > self.max_bytes:
                    raise self._too_long(data, start)
                break
            at = end
            left -= 1
            if inner:
                if len(outer) >= MAX_DEPTH or inner > self.max_bytes:
                    raise Rejected(
                        Reason.TOO_COMPLEX, "MessagePack that is nested too deep or too wide", data[start:at]
                    )
                outer.append(left)
                left = inner
            while not left:
                if not outer:
                    self._at, self._left = 0, 1
                    return at
                left = outer.pop()
        self._at, self._left = at - start, left
        if size - start > self.max_bytes:
            raise self._too_long(data, start)
        return 0

    def _long(self, data: bytes | bytearray, at: int, code: int) -> tuple[int, int] | None:
        """Return where a value with a length ends, or its head, and how many values it holds; None: it is cut."""
        if code in _BLOBS:
            width, between = _BLOBS[code]
            factor = 0
        elif code in _CONTAINERS:
            width, factor = _CONTAINERS[code]
            between = 0
        else:
            raise Rejected(Reason.UNEXPECTED_PROTOCOL, "not MessagePack: the byte c1 means nothing", data[at : at + 64])
        head = at + 1 + width
        if head > len(data):
            return None
        length = int.from_bytes(data[at + 1 : head])
        return (head, length * factor) if factor else (head + between + length, 0)

    def _too_long(self, data: bytes | bytearray, start: int) -> Rejected:
        return Rejected(Reason.FRAME_TOO_LARGE, f"a value longer than {self.max_bytes} bytes", data[start:])
