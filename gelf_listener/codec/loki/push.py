"""
Push: requests to Loki, in protobuf and JSON, those of Loki 1.0 and later and those before (`/api/prom/push`).

In protobuf: logproto's push.proto. In JSON: `{"streams": [{"stream": {...}, "values": [["ns", "line", {...}]]}]}`, and
before 1.0 `{"streams": [{"labels": "{...}", "entries": [{"ts": "...", "line": "..."}]}]}`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from gelf_listener.codec.loki.entries import Stream, take_entry
from gelf_listener.codec.loki.labels import parse_labels
from gelf_listener.codec.protobuf import BYTES, VARINT, fields, signed
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.scrub import encode_json, scrub_escapes
from gelf_listener.codec.times import seconds_of_text
from gelf_listener.errors import Reason, Rejected

MAX_ENTRIES = 100_000
"""Most entries of one request: each costs memory of its own until it is written."""

_ENTRIES_A_STEP = 32
"""Entries that are read before other connections have their turn; each text is read closely."""


_LONG = 16 * 1024
"""Bytes of an entry that is a step by itself."""

_MAX_METADATA = 1000
"""Most structured metadata of an entry; Loki takes 128."""


_NO_METADATA: Mapping[str, Any] = {}


class _Entry(NamedTuple):
    """An entry, and the labels of its stream."""

    raw: bytes
    line: str
    nanoseconds: int
    labels: Mapping[str, str]
    metadata: Mapping[str, Any]


def decode_push(
    data: bytes, receipt: Receipt, *, is_json: bool, tenant: str = ""
) -> Generator[None, None, Rejected | None]:
    """
    Take the entries of a push request.

    Args:
        data: The request, without compression.
        receipt: Takes messages, and rejections of single streams and entries.
        is_json: Its form.
        tenant: Whose it is; empty for nobody's.

    Yields:
        None, where others may have their turn.

    Returns:
        Why the first of what is in no message is not; None when everything is taken.

    Raises:
        Rejected: If it is not one, or has too many streams and entries.
    """
    first: Rejected | None = None
    seen: Mapping[str, str] = {}
    stream: Stream | None = None
    """Of the last entry, if there was another one with the same labels."""
    for count, entry in enumerate(_of_json(data) if is_json else _of_protobuf(data), 1):
        if count > MAX_ENTRIES:
            raise Rejected(Reason.TOO_COMPLEX, f"more than {MAX_ENTRIES} streams and entries", data)
        if isinstance(entry, Rejected):
            receipt.add_rejection(entry)
            first = first or entry
        elif entry is not None:
            if entry.labels is not seen:
                seen, stream = entry.labels, None
            elif stream is None:
                stream = Stream(receipt, seen, tenant)
            if stream is None or not stream.take(receipt, entry.raw, entry.line, entry.nanoseconds, entry.metadata):
                take_entry(receipt, *entry, tenant)
        if count % _ENTRIES_A_STEP == 0 or (
            entry is not None and not isinstance(entry, Rejected) and len(entry.raw) > _LONG
        ):
            yield
    return first


def _of_protobuf(data: bytes) -> Iterator[_Entry | Rejected | None]:
    """Read a PushRequest: streams of labels and entries. A stream counts too, as None: many may have no entry."""
    for number, kind, at, end in fields(data):
        if number != 1 or kind != BYTES:
            continue
        yield None
        labels: Mapping[str, str] = {}
        entries = []
        failed: Rejected | None = None
        for inner, inner_kind, value, rest in fields(data, at, end):
            if inner == 1 and inner_kind == BYTES:
                try:
                    labels = parse_labels(str(data[value:rest], "utf-8", "replace"))
                except Rejected as rejected:
                    failed = rejected
            elif inner == 2 and inner_kind == BYTES:
                entries.append((value, rest))
        if failed is not None:
            yield failed
            continue
        for where in entries:
            try:
                entry: _Entry | Rejected = _entry_of_protobuf(data, *where, labels)
            except Rejected as rejected:
                if rejected.reason is not Reason.TOO_COMPLEX:
                    raise
                entry = rejected
            yield entry


def _entry_of_protobuf(data: bytes, at: int, end: int, labels: Mapping[str, str]) -> _Entry:
    """Read an EntryAdapter: time, line, structured metadata."""
    line = ""
    nanoseconds = 0
    metadata: dict[str, Any] = {}
    for number, kind, value, rest in fields(data, at, end):
        if kind != BYTES:
            continue
        if number == 1:
            for part, part_kind, amount, _ in fields(data, value, rest):
                if part_kind == VARINT and part in (1, 2):
                    nanoseconds += signed(amount) * (1_000_000_000 if part == 1 else 1)
        elif number == 2:
            line = str(data[value:rest], "utf-8", "replace")
        elif number in (3, 4):  # structured metadata, and what was parsed on its way
            pair = {1: "", 2: ""}
            for part, part_kind, begins, ends in fields(data, value, rest):
                if part_kind == BYTES:
                    pair[part] = str(data[begins:ends], "utf-8", "replace")
            metadata[pair[1]] = pair[2]
            if len(metadata) > _MAX_METADATA:
                raise Rejected(Reason.TOO_COMPLEX, f"more than {_MAX_METADATA} structured metadata", data[at:end])
    return _Entry(data[at:end], line, nanoseconds, labels, metadata)


def _of_json(data: bytes) -> Iterator[_Entry | Rejected | None]:
    """Read a request in JSON; see `_of_protobuf`."""
    document: Any
    try:
        try:
            document = msgspec.json.decode(data)
        except ValueError:  # half an emoji in one line takes the others with it
            document = msgspec.json.decode(scrub_escapes(data))
    except RecursionError:
        raise Rejected(Reason.TOO_COMPLEX, "nested too deep", data) from None
    except ValueError as error:
        raise Rejected(Reason.INVALID_JSON, f"not JSON: {error}", data) from None
    streams = document.get("streams") if isinstance(document, dict) else None
    if not isinstance(streams, list):
        raise Rejected(Reason.NO_MESSAGE, "a push request is a JSON object with a list of streams", data)
    for stream in streams:
        yield None
        try:
            labels, entries = _stream_of_json(stream)
        except Rejected as rejected:
            yield rejected
            continue
        for entry in entries:
            yield _entry_of_json(entry, labels)


def _stream_of_json(stream: Any) -> tuple[Mapping[str, str], list[Any]]:
    """Return labels and entries of a stream, of either form."""
    if not isinstance(stream, dict):
        raise Rejected(Reason.NOT_AN_OBJECT, "a stream is a JSON object", encode_json(stream))
    labels = stream.get("stream", stream.get("labels", {}))
    if isinstance(labels, str):
        labels = parse_labels(labels)
    entries = stream.get("values", stream.get("entries"))
    if not isinstance(labels, dict) or not isinstance(entries, list):
        raise Rejected(Reason.NO_MESSAGE, "a stream has labels and a list of values", encode_json(stream))
    return labels, entries


def _entry_of_json(entry: Any, labels: Mapping[str, str]) -> _Entry | Rejected:
    """Read an entry: a list of time, line and structured metadata, or an object."""
    raw = encode_json(entry)
    if type(entry) is list and len(entry) == 2 and type(entry[0]) is type(entry[1]) is str:  # what nearly all are
        digits = entry[0]
        if digits.isascii() and digits.isdecimal() and len(digits) < 25:
            return _Entry(raw, entry[1], int(digits), labels, _NO_METADATA)
    metadata: Any = {}
    if isinstance(entry, dict):
        time, line = entry.get("ts", entry.get("timestamp")), entry.get("line")
        metadata = entry.get("structuredMetadata", entry.get("metadata")) or {}
    elif isinstance(entry, list) and len(entry) in (2, 3):
        time, line = entry[0], entry[1]
        metadata = entry[2] if len(entry) == 3 and entry[2] is not None else {}
    else:
        return Rejected(Reason.NO_MESSAGE, "an entry is a list of time, line and structured metadata", raw)
    if not isinstance(line, str) or not isinstance(metadata, dict):
        return Rejected(Reason.INVALID_SHORT_MESSAGE, "an entry has a text, and an object for structured metadata", raw)
    nanoseconds = _nanoseconds(time)
    if nanoseconds is None:
        return Rejected(Reason.INVALID_TIMESTAMP, f"not a time in nanoseconds: {str(time)[:100]}", raw)
    return _Entry(raw, line, nanoseconds, labels, metadata)


def _nanoseconds(time: Any) -> int | None:
    """Return nanoseconds of a time: digits, a number, or RFC 3339; None when it is none."""
    if isinstance(time, bool) or time is None:
        return 0 if time is None else None
    if isinstance(time, int):
        return time
    if isinstance(time, float):
        return int(time) if abs(time) < 1e20 else None
    if not isinstance(time, str):
        return None
    if time.isascii() and time.isdecimal() and len(time) < 25:
        return int(time)
    seconds = seconds_of_text(_shortened(time))
    return round(seconds * 1e6) * 1000 if seconds is not None and abs(seconds) <= 1e12 else None  # nor is a NaN


def _shortened(time: str) -> str:
    """Return RFC 3339 with at most six decimals, which is all that Python reads."""
    head, dot, tail = time[:64].partition(".")
    digits = len(tail) - len(tail.lstrip("0123456789"))
    return f"{head}{dot}{tail[: min(digits, 6)]}{tail[digits:]}"
