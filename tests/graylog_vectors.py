"""What a real Graylog 7.0.1 did (tests/vectors/graylog), and what our messages are in its terms."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gelf_listener.message import Message

__all__ = ["document", "entries", "payload", "same", "shown"]

_FOLDER = Path(os.environ.get("GRAYLOG_VECTORS") or Path(__file__).parent / "vectors" / "graylog")
"""Another folder with files of the same names may be asked about: what was recorded and is kept apart."""
_LONG_CHARACTERS = 1000


def entries(name: str) -> list[dict[str, Any]]:
    """Return what was recorded, by the name of its file."""
    recorded: list[dict[str, Any]] = json.loads((_FOLDER / f"{name}.json").read_text())["entries"]
    return recorded


def payload(entry: Mapping[str, Any]) -> bytes:
    """Return the bytes of an entry or of a piece of one."""
    if "zlib_base64" in entry:
        return zlib.decompress(base64.b64decode(entry["zlib_base64"]))
    return base64.b64decode(entry["base64"])


def shown(value: Any) -> Any:
    """Return a value as it was recorded: a long text by its length and hash."""
    if not isinstance(value, str) or len(value) <= _LONG_CHARACTERS:
        return value
    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
    return {"<long text>": {"characters": len(value), "sha256": digest, "starts": value[:20]}}


def document(message: Message) -> dict[str, Any]:
    """Return a message as a document of Graylog's index, in the words of the recording."""
    time = dt.datetime.fromtimestamp(round(message.timestamp * 1000) / 1000, dt.UTC)
    stamp = f"{time:%Y-%m-%d %H:%M:%S}.{time.microsecond // 1000:03}"
    if message.timestamp == message.received_at:
        stamp = "<receive time>"
    known = {"message": message.short_message, "source": message.host, "timestamp": stamp}
    if message.full_message is not None:
        known["full_message"] = message.full_message
    given: dict[str, Any] = known if message.level is None else known | {"level": message.level}
    if message.peer is not None and message.host == message.peer.host:
        given["source"] = "<address of the sender>"
    return {name: shown(value) for name, value in (message.fields | given).items()}


def same(recorded: Any, ours: Any) -> bool:
    """Whether two values are the same, with the same types."""
    if isinstance(recorded, dict):
        return (
            isinstance(ours, dict) and recorded.keys() == ours.keys() and all(same(recorded[k], ours[k]) for k in ours)
        )
    return type(recorded) is type(ours) and recorded == ours
