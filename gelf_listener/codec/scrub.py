"""Scrub: text without lone surrogates, which no encoder takes; and JSON of values that have some."""

from __future__ import annotations

import json
import re

import msgspec

_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def scrub(text: str) -> str:
    """Replace lone surrogates by U+FFFD."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def scrub_escapes(document: bytes) -> bytes:
    """Replace lone surrogates that JSON has as escapes by U+FFFD."""
    return _ESCAPE.sub(lambda match: b"\\ufffd" if match["lone"] else match[0], document)


def encode_json(value: object) -> bytes:
    """Write what a tolerant parser read: lone surrogates as escapes, and integers of any size."""
    try:
        return msgspec.json.encode(value)
    except (ValueError, OverflowError):
        return json.dumps(value).encode()
