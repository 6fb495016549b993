r"""
Templated JSON: what a template writes when what it filled in is not JSON, repaired.

nginx' `log_format` writes `"upstream_response_time":-` where nothing was asked upstream, `"name":,` where a variable is
empty, and bytes as `\x22`; rsyslog's templates write `"pid":-` (`datatype="number"`), HAProxy `"bytes":+123`. One such
value makes the whole line something that no parser reads.
"""

from __future__ import annotations

import json
import re

_JSON = r"(?-i:true|false|null|-?(?:0|[1-9]\d*+)(?:\.\d++)?(?:[eE][+-]?\d++)?)"
_END = r"(?=,\s*+\"|,?\s*+\})"

BARE_VALUE = (
    rf"(?<=:)[\x20\t]*+(?![\"{{\[]|{_JSON}\s*+{_END})"
    rf"(?:[^\"{{}}\[\],\x00-\x1f]|,(?!\s*+[\"}}])){{0,100}}+{_END}"
)
"""Matches behind a colon what is not JSON, up to the next name or the end; nothing at all is such a value, too, and so
are nginx' times of several upstreams, `0.001, 0.002`. Inside strings it matches as well: look for these first. What is
longer than 100 characters is not one: each colon could begin one, and is looked at for no more than that."""

_STRING_OR_BARE = re.compile(rf'"(?:[^"\\]++|\\.)*+"|(?P<bare>{BARE_VALUE})', re.DOTALL)
_BYTES_OR_ESCAPE = re.compile(r"((?:\\x[0-9A-Fa-f]{2})++)|\\.", re.DOTALL)

_CONSTANTS = {"": "null", "None": "null", "undefined": "null", "True": "true", "False": "false"}


def spell_bare_value(text: str) -> str:
    """Write a bare value as JSON: a string, null where there is nothing, or a constant of another language's."""
    text = text.strip()
    return _CONSTANTS.get(text) or json.dumps(text)


def repair_templated(text: str) -> str | None:
    """
    Put bare values between quotes, and write escaped bytes as the characters of UTF-8, or else of Latin-1, they are.

    Returns:
        None when there is neither.
    """
    repaired = _STRING_OR_BARE.sub(_spell, text)
    return None if repaired == text else repaired


def _spell(match: re.Match[str]) -> str:
    if match["bare"] is not None:
        return spell_bare_value(match[0])
    return spell_bytes(match[0])


def spell_bytes(text: str) -> str:
    r"""Write the bytes that are escaped as ``\x41`` in a JSON string as characters; other escapes stay."""
    return _BYTES_OR_ESCAPE.sub(_spell_bytes, text) if "\\x" in text else text


def _spell_bytes(match: re.Match[str]) -> str:
    if match[1] is None:
        return match[0]
    data = bytes.fromhex(match[1].replace("\\x", ""))
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return json.dumps(text)[1:-1]
