"""Scrub: text without lone surrogates, which no encoder takes; and JSON of values that have some."""

from __future__ import annotations

import json
import re

import msgspec

__all__ = ["encode_json", "scrub"]

_SURROGATE = re.compile(r"[\ud800-\udfff]")


def scrub(text: str) -> str:
    """Replace lone surrogates by U+FFFD."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def encode_json(value: object) -> bytes:
    """Write what a tolerant parser read: lone surrogates as escapes, and integers of any size."""
    try:
        return msgspec.json.encode(value)
    except (ValueError, OverflowError):
        return json.dumps(value).encode()
