"""GELF message to RFC 5424 text. Pure."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

__all__ = ["STRUCTURED_DATA_ID", "app_name", "syslog_message"]

STRUCTURED_DATA_ID: Final = "gelf@32473"
"""SD-ID of the element that carries the fields; 32473 is the enterprise number RFC 5612 leaves for such use."""

_NOT_NAME: Final = re.compile(r'[^!-~]|[="\]]')
_NOT_PRINTABLE: Final = re.compile(r"[^!-~]")
_ESCAPE: Final = str.maketrans({'"': '\\"', "\\": "\\\\", "]": "\\]"})
_KNOWN: Final = frozenset({"version", "host", "short_message", "timestamp", "level"})


@lru_cache(maxsize=1024)
def app_name(name: str) -> str:
    """Return APP-NAME: at most 48 printable ASCII characters."""
    return _NOT_PRINTABLE.sub("_", name)[:48] or "-"


@lru_cache(maxsize=4096)
def _parameter_name(key: str) -> str:
    return _NOT_NAME.sub("_", key.removeprefix("_"))[:32] or "_"


def syslog_message(message: Mapping[str, Any], app: str, process: int | None) -> str:
    """
    Return a message as RFC 5424 from VERSION on, PRI excluded.

    Args:
        message: A clean GELF message.
        app: APP-NAME.
        process: PROCID.
    """
    time = dt.datetime.fromtimestamp(message["timestamp"], dt.UTC).isoformat(timespec="microseconds")
    host = _NOT_PRINTABLE.sub("_", message["host"])[:255] or "-"
    parameters = []
    seen: set[str] = set()
    for key, value in message.items():
        if key in _KNOWN:
            continue
        name = _parameter_name(key)
        if name in seen:  # cut to 32 characters, two may become one
            name = f"{name[:29]}_{len(seen)}"[:32]
        seen.add(name)
        parameters.append(f' {name}="{_printable(str(value)).translate(_ESCAPE)}"')
    data = f"[{STRUCTURED_DATA_ID}{''.join(parameters)}]" if parameters else "-"
    text = _printable(message["short_message"])
    mark = "" if text.isascii() else "\ufeff"
    return f"1 {time.replace('+00:00', 'Z')} {host} {app} {process or '-'} - {data} {mark}{text}"


def _printable(text: str) -> str:
    """Return text without NUL, which ends the message for many receivers, and without lone surrogates."""
    text = text.replace("\0", "\ufffd")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
