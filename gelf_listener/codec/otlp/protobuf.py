"""Requests of OTLP in protobuf (opentelemetry-proto: logs_service.proto, logs.proto, resource.proto)."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from struct import Struct
from struct import error as StructError  # noqa: N812  (it is a class)
from typing import Any

from gelf_listener.codec.otlp.alike import take_alike
from gelf_listener.codec.otlp.records import MAX_RECORDS, RECORDS_A_STEP, Attributes, Scope, Taker
from gelf_listener.codec.otlp.shapes import Shapes
from gelf_listener.codec.otlp.values import read_any, read_attribute, text_at
from gelf_listener.codec.protobuf import BYTES, FIXED64, MAX_FIELDS, VARINT, damaged, fields, read_varint, too_many
from gelf_listener.errors import Reason, Rejected

_BYTES_A_STEP = 64 * 1024
"""The same in bytes: long records take longer."""

_MAX_NESTED_BYTES = 256 * 1024
"""Most bytes of maps and lists in one record: every value in them takes a microsecond."""

_LONG_RECORD_BYTES = 64 * 1024

_shapes = Shapes()

_NO_TRACE, _NO_SPAN = bytes(16).hex(), bytes(8).hex()

_double = Struct("<d").unpack_from
_fixed64 = Struct("<Q").unpack_from
_fixed32 = Struct("<I").unpack_from


def decode_logs(data: bytes, taker: Taker) -> Iterator[None]:
    """
    Read an ExportLogsServiceRequest.

    Args:
        data: The request.
        taker: Makes its messages.

    Yields:
        None, where others may have their turn.

    Raises:
        Rejected: If it is not one, or has too many records; nothing of it is taken then but what was before.
    """
    records: list[tuple[int, int, Scope]] = []
    scopes = 0
    for where in parts_of(data, 0, len(data)).get(1, []):
        parts = parts_of(data, *where)
        resource = read_resource(data, parts)
        for scope_at in parts.get(2, []) + parts.get(1000, []):  # 1000: before OTLP 0.15, with the same fields
            inner = parts_of(data, *scope_at)
            scope = Scope(taker.receipt, resource, *read_scope(data, inner))
            records += [(at, end, scope) for at, end in inner.get(2, ())]
            scopes += 1
            if scopes % RECORDS_A_STEP == 0:
                yield
        yield
    if len(records) > MAX_RECORDS:
        raise Rejected(Reason.TOO_COMPLEX, f"{len(records)} log records, more than {MAX_RECORDS}", data)
    for step in _steps(records):
        _take_step(data, step, taker)
        yield


def _take_step(data: bytes, step: list[tuple[int, int, Scope]], taker: Taker) -> None:
    """Take some records, given where they begin and end: those of a shape by columns, the others one by one."""
    records = [(data[at:end], scope) for at, end, scope in step]
    take_alike(records, _shapes.read(data, step), taker, _take_alone)


def _take_alone(record: bytes, scope: Scope, taker: Taker) -> None:
    """Take a record by itself; see `_take`."""
    try:
        _take(record, scope, taker)
    except Rejected as rejected:
        if rejected.reason is not Reason.TOO_COMPLEX:
            raise
        taker.reject(rejected.reason, rejected.detail, record)


def _steps(records: list[tuple[int, int, Scope]]) -> Iterator[list[tuple[int, int, Scope]]]:
    """Cut records into what is read before others have their turn."""
    first = size = 0
    for count, (at, end, _) in enumerate(records, 1):
        size += end - at
        if count - first == RECORDS_A_STEP or size > _BYTES_A_STEP:
            yield records[first:count]
            first, size = count, 0
    if first < len(records):
        yield records[first:]


def parts_of(data: bytes, at: int, end: int) -> dict[int, list[tuple[int, int]]]:
    """
    Return where the messages and texts in a message are, by their field's number.

    Raises:
        Rejected: If it is damaged, or has more than `MAX_FIELDS`.
    """
    parts: dict[int, list[tuple[int, int]]] = {}
    count = 0
    try:
        while at < end:
            count += 1
            if count > MAX_FIELDS:
                raise too_many(data)
            key = data[at]
            length = data[at + 1]
            if key & 7 != BYTES or key > 127:
                number, kind, value, rest = next(fields(data, at, end))
                if kind == BYTES:
                    parts.setdefault(number, []).append((value, rest))
                at = _skip(data, at, end)
                continue
            if length < 128:
                at += 2
            elif data[at + 2] < 128:  # as records nearly all are
                length += (data[at + 2] << 7) - 128
                at += 3
            else:
                length, at = read_varint(data, at + 1)
            parts.setdefault(key >> 3, []).append((at, at + length))
            at += length
    except IndexError:
        raise damaged("the data ends in a field", data) from None
    if at != end:
        raise damaged("a field is longer than what it is in", data)
    return parts


def check_size(data: bytes, at: int, end: int) -> None:
    """
    Look at the size of a resource, a scope or an event, whose attributes are read at once.

    Raises:
        Rejected: If reading it would keep others waiting.
    """
    if end - at > _MAX_NESTED_BYTES:
        detail = f"a resource, scope or event of {end - at} bytes, more than {_MAX_NESTED_BYTES}"
        raise Rejected(Reason.TOO_COMPLEX, detail, data[at:end])


def read_resource(data: bytes, parts: dict[int, list[tuple[int, int]]]) -> Attributes:
    """Read the attributes of the resource of a ResourceLogs or ResourceSpans."""
    attributes: Attributes = {}
    for where in parts.get(1, []):
        check_size(data, *where)
        for each in parts_of(data, *where).get(1, []):
            read_attribute(data, *each, attributes)
    return attributes


def read_scope(data: bytes, parts: dict[int, list[tuple[int, int]]]) -> tuple[str, str, Attributes]:
    """Read name, version and attributes of the scope of a ScopeLogs or ScopeSpans."""
    name = version = ""
    attributes: Attributes = {}
    for where in parts.get(1, []):
        check_size(data, *where)
        inner = parts_of(data, *where)
        name, version = (text_at(data, *inner[n][-1]) if n in inner else "" for n in (1, 2))
        for each in inner.get(3, []):
            read_attribute(data, *each, attributes)
    return name, version, attributes


def _take(data: bytes, scope: Scope, taker: Taker) -> None:  # noqa: PLR0915  (a call for each field would double it)
    """
    Take a LogRecord of any shape.

    What nearly all fields are is read here, without a call for each (see `python -m bench.intake`).
    """
    at, end = 0, len(data)
    if end > _LONG_RECORD_BYTES:
        _look_into(data, at, end)
    time = observed = severity = dropped = flags = 0
    severity_text = event_name = trace_id = span_id = ""
    body: Any = None
    attributes: Attributes = {}
    plain = True
    try:
        while at < end:
            key = data[at]
            at += 1
            if key == 0x32:  # attributes
                length = data[at]
                at += 1
                if length > 127:
                    length, at = read_varint(data, at - 1)
                stop = at + length
                if stop > end:
                    break
                # A key and a value, each shorter than 128 bytes: 0A length key 12 length value
                name_end = at + 2 + data[at + 1]
                value_at = name_end + 2
                if (
                    data[at] == 0x0A
                    and data[at + 1] < 128
                    and value_at <= stop
                    and data[name_end] == 0x12
                    and (value_at + data[name_end + 1] == stop)
                ):
                    name = str(data[at + 2 : name_end], "utf-8", "replace")
                    what = data[value_at] if value_at < stop else 0
                    if what == 0x0A and value_at + 2 + data[value_at + 1] == stop:
                        attributes[name] = str(data[value_at + 2 : stop], "utf-8", "replace")
                    elif what == 0x21 and stop - value_at == 9:
                        attributes[name] = number = _double(data, value_at + 1)[0]
                        plain = plain and isfinite(number)
                    elif what == 0x18 and stop - value_at < 4:
                        low = data[value_at + 1]
                        if stop - value_at == 2 and low < 128:
                            attributes[name] = low
                        elif stop - value_at == 3 and low > 127 and data[value_at + 2] < 128:
                            attributes[name] = low & 0x7F | data[value_at + 2] << 7
                        else:
                            attributes[name] = read_any(data, value_at, stop)
                    else:
                        attributes[name] = value = read_any(data, value_at, stop)
                        plain = plain and (type(value) is int or type(value) is bool)
                else:
                    read_attribute(data, at, stop, attributes)
                    plain = False
                at = stop
            elif key == 0x09:
                time = _fixed64(data, at)[0]
                at += 8
            elif key == 0x59:
                observed = _fixed64(data, at)[0]
                at += 8
            elif key == 0x45:
                flags = _fixed32(data, at)[0]
                at += 4
            elif key == 0x10 or key == 0x38:  # noqa: PLR1714  (a set costs more)
                value = data[at]
                at += 1
                if value > 127:
                    value, at = read_varint(data, at - 1)
                if key == 0x10:
                    severity = value
                else:
                    dropped = value
            elif key & 7 == BYTES:
                number = key >> 3
                if key > 127:
                    number, at = read_varint(data, at - 1)
                    number >>= 3
                length = data[at]
                at += 1
                if length > 127:
                    length, at = read_varint(data, at - 1)
                stop = at + length
                if stop > end:
                    break
                if number == 5:
                    if length > 1 and data[at] == 0x0A and data[at + 1] < 128 and at + 2 + data[at + 1] == stop:
                        body = str(data[at + 2 : stop], "utf-8", "replace")
                    else:
                        body = read_any(data, at, stop)
                elif number == 3:
                    severity_text = str(data[at:stop], "utf-8", "replace")
                elif number == 9:
                    trace_id = data[at:stop].hex() if length == 16 else ""
                elif number == 10:
                    span_id = data[at:stop].hex() if length == 8 else ""
                elif number == 12:
                    event_name = str(data[at:stop], "utf-8", "replace")
                at = stop
            else:
                at = _skip(data, at - 1, end)
    except (IndexError, StructError):
        raise damaged("the data ends in a log record", data) from None
    if at != end:
        raise damaged("a field is longer than the log record it is in", data)
    taker.take(
        scope,
        data,
        time or observed,
        severity if 0 < severity < 25 else 0,
        severity_text,
        body,
        attributes,
        "" if trace_id == _NO_TRACE else trace_id,
        "" if span_id == _NO_SPAN else span_id,
        flags,
        event_name,
        dropped,
        plain=plain,
    )


def _look_into(data: bytes, at: int, end: int) -> None:
    """
    Look at a long record before it is read.

    Raises:
        Rejected: If reading it would keep others waiting.
    """
    nested = 0
    for number, kind, value, rest in fields(data, at, end):
        if number == 5 and kind == BYTES and data[value : value + 1] != b"\x0a":
            nested += rest - value
        elif number == 6 and kind == BYTES:
            for inner, inner_kind, begins, ends in fields(data, value, rest):
                if inner == 2 and inner_kind == BYTES and data[begins : begins + 1] != b"\x0a":
                    nested += ends - begins
    if nested > _MAX_NESTED_BYTES:
        detail = f"{nested} bytes of maps and lists in one log record, more than {_MAX_NESTED_BYTES}"
        raise Rejected(Reason.TOO_COMPLEX, detail, data[at:end])


def _skip(data: bytes, at: int, end: int) -> int:
    """Return where a field ends that nobody knows yet."""
    _, kind, _, rest = next(fields(data, at, end))
    if kind == BYTES:
        return rest
    _, at = read_varint(data, at)
    return read_varint(data, at)[1] if kind == VARINT else at + (8 if kind == FIXED64 else 4)
