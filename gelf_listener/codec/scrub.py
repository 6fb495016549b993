"""Scrub: text without lone surrogates, which no encoder takes."""

from __future__ import annotations

import re

__all__ = ["scrub"]

_SURROGATE = re.compile(r"[\ud800-\udfff]")


def scrub(text: str) -> str:
    """Replace lone surrogates by U+FFFD."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)
