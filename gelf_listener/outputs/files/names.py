"""Names: what a peer sent made safe as a part of a file name (CVE-2025-12972 is the precedent)."""

from __future__ import annotations

import hashlib
import re

NONE = "_none"
"""Stands for a value the message does not have."""
EMPTY = "_empty"
"""Stands for an empty value."""
OVERFLOW = "_overflow"
"""Stands for all values once there are too many files."""

_RESERVED = frozenset((NONE, EMPTY, OVERFLOW))
_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_UNSAFE_CHARACTER = re.compile(r"[^A-Za-z0-9._-]")
_DIGEST_BYTES = 6
MIN_NAME = 2 * _DIGEST_BYTES + 2
"""Shortest limit that leaves room for the hash and something to read."""


def safe_name(value: str | None, max_characters: int) -> str:
    """
    Reduce a value to letters, digits, ``.``, ``_`` and ``-``, without ``..`` and without a leading dot or dash.

    Args:
        value: Anything at all; None when the message has no such value.
        max_characters: Longest name, at least `MIN_NAME`.

    Returns:
        The value itself when it is safe. Otherwise what is left of it and a hash of the whole, so that two
        values that are reduced to the same text keep their own files.
    """
    if value is None:
        return NONE
    if not value:
        return EMPTY
    if (
        len(value) <= max_characters
        and _SAFE.fullmatch(value)
        and ".." not in value
        and not value.endswith(".")
        and value not in _RESERVED
    ):
        return value
    digest = hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).hexdigest()
    rest = max_characters - len(digest) - 1
    readable = _UNSAFE_CHARACTER.sub("_", value[: 2 * rest]).replace("..", "_").lstrip("._-")[:rest].rstrip(".")
    return f"{readable or 'x'}-{digest}"
