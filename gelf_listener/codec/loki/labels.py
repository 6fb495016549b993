"""Labels: `{app="shop", env="dev"}`, as Prometheus and Loki write them, -> a dict."""

from __future__ import annotations

import re
from functools import lru_cache

from gelf_listener.errors import Reason, Rejected

_PAIR = re.compile(r'\s*([^\s={}",`]{1,1024})\s*=\s*(?:"((?:[^"\\]|\\.)*+)"|`([^`]*+)`)\s*(,|\Z)', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))", re.DOTALL)
_PLAIN = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_MAX_REMEMBERED = 4096


def parse_labels(text: str) -> dict[str, str]:
    """
    Parse a set of labels.

    Returns:
        Values by name, in order. It is shared with others: do not change it.

    Raises:
        Rejected: If it is none.
    """
    return _remembered(text) if len(text) <= _MAX_REMEMBERED else _parse(text)


def _parse(text: str) -> dict[str, str]:
    inner = text.strip()
    if inner[:1] != "{" or inner[-1:] != "}":
        raise Rejected(Reason.INVALID_LABELS, f"labels are not in braces: {text[:200]}", text.encode())
    inner = inner[1:-1].strip()
    labels: dict[str, str] = {}
    at = 0
    while at < len(inner):
        pair = _PAIR.match(inner, at)
        if pair is None:
            raise Rejected(Reason.INVALID_LABELS, f'labels are not name="value": {inner[at : at + 200]}', text.encode())
        quoted, raw = pair[2], pair[3]
        labels[pair[1]] = raw if quoted is None else _unquote(quoted)
        at = pair.end()
    return labels


_remembered = lru_cache(maxsize=1024)(_parse)


def _unquote(text: str) -> str:
    """Undo the escapes of Go's strings."""
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(match: re.Match[str]) -> str:
    for group, base in ((1, 16), (2, 16), (3, 16), (4, 8)):
        if match[group] is not None:
            number = int(match[group], base)
            return chr(number) if number < 0x110000 else "\ufffd"
    return _PLAIN.get(match[5], match[5])
