"""
Requests of OTLP in JSON (OTLP specification, "JSON Protobuf Encoding").

Names are lowerCamelCase, ids hexadecimal, integers of 64 bits texts. What real senders do besides is read too: names as
in protobuf, integers as numbers, the names of enumerations, ids in base64.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from gelf_listener.codec.otlp.alike import take_alike
from gelf_listener.codec.otlp.json_shapes import JsonRecordShapes
from gelf_listener.codec.otlp.json_values import any_of, integer_of, pairs_of, text_of
from gelf_listener.codec.otlp.records import MAX_RECORDS, RECORDS_A_STEP, Attributes, Scope, Taker
from gelf_listener.errors import Reason, Rejected

_LONG_RECORD_BYTES = 64 * 1024
_MAX_BYTES = 256 * 1024
"""Of a resource or a scope, whose attributes are read at once."""

_MAX_NAMES = 100_000
"""Names in one record: each takes some tenths of a microsecond."""
_HEX = re.compile(r"[0-9a-fA-F]+")
_SEVERITY = re.compile(r"SEVERITY_NUMBER_(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)([234]?)")
_BANDS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
_SNAKE = re.compile("[A-Z]")
_U64 = 1 << 64

Object = dict[str, Any]


def parse(data: bytes) -> Object:
    """
    Parse a request.

    Raises:
        Rejected: If it is not a JSON object.
    """
    document: Any
    try:
        document = msgspec.json.decode(data)
    except (ValueError, RecursionError):
        try:
            document = json.loads(data)  # takes NaN, which Python's SDK may write
        except RecursionError:
            raise Rejected(Reason.TOO_COMPLEX, "nested too deep", data) from None
        except ValueError as error:
            raise Rejected(Reason.INVALID_JSON, f"not JSON: {error}", data) from None
    if not isinstance(document, dict):
        raise Rejected(Reason.NOT_AN_OBJECT, "an export request is a JSON object", data)
    return document


class _ScopeLogs(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    logRecords: list[msgspec.Raw] = []  # noqa: N815  (so they are called)
    scope: Any = None
    schemaUrl: Any = None  # noqa: N815


class _ResourceLogs(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    scopeLogs: list[_ScopeLogs] = []  # noqa: N815
    resource: Any = None
    schemaUrl: Any = None  # noqa: N815


class _Request(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A request in the names of the specification, its records as they came."""

    resourceLogs: list[_ResourceLogs] = []  # noqa: N815


_parse_usual = msgspec.json.Decoder(_Request).decode
_shapes = JsonRecordShapes()


def decode_logs(data: bytes, taker: Taker) -> Iterator[None]:
    """Read an ExportLogsServiceRequest; see `protobuf.decode_logs`."""
    try:
        data.decode()  # records are not looked at before they are read
        request = _parse_usual(data)
    except (ValueError, RecursionError):
        yield from _decode_odd(data, taker)
        return
    records: list[tuple[bytes, Scope]] = []
    scopes = 0
    for resource_logs in request.resourceLogs:
        yield
        resource = attributes_of(resource_logs.resource, most=_MAX_BYTES)
        for scope_logs in resource_logs.scopeLogs:
            scope = Scope(taker.receipt, resource, *read_scope({"scope": scope_logs.scope}))
            records += [(bytes(record), scope) for record in scope_logs.logRecords]
            scopes += 1
            if scopes % RECORDS_A_STEP == 0:
                yield
    if len(records) > MAX_RECORDS:
        raise Rejected(Reason.TOO_COMPLEX, f"{len(records)} log records, more than {MAX_RECORDS}", data)
    for step in _steps(records):
        take_alike(step, _shapes.read([record for record, _ in step]), taker, _take_alone)
        yield


def _steps(records: list[tuple[bytes, Scope]]) -> Iterator[list[tuple[bytes, Scope]]]:
    """Cut records into what is read before others have their turn."""
    first = size = 0
    for count, (record, _) in enumerate(records, 1):
        size += len(record)
        if count - first == RECORDS_A_STEP or size > _LONG_RECORD_BYTES:
            yield records[first:count]
            first, size = count, 0
    if first < len(records):
        yield records[first:]


def _take_alone(raw: bytes, scope: Scope, taker: Taker) -> None:
    """Take a LogRecord by itself."""
    record: Any
    try:
        record = msgspec.json.decode(raw)
    except ValueError:
        record = json.loads(raw)  # a number that is too large, or half of a character
    _take(record, raw, scope, taker)


def _decode_odd(data: bytes, taker: Taker) -> Iterator[None]:
    """Read a request that has other names, or values, than the specification says."""
    scopes = []
    count = 0
    for resource_logs in objects(parse(data), "resourceLogs"):
        yield
        resource = attributes_of(value_of(resource_logs, "resource"), most=_MAX_BYTES)
        inner = objects(resource_logs, "scopeLogs") or objects(resource_logs, "instrumentationLibraryLogs")
        for scope_logs in inner:
            records = value_of(scope_logs, "logRecords")
            records = records if isinstance(records, list) else []
            count += len(records)
            scopes.append((Scope(taker.receipt, resource, *read_scope(scope_logs)), records))
            if len(scopes) % RECORDS_A_STEP == 0:
                yield
    if count > MAX_RECORDS:
        raise Rejected(Reason.TOO_COMPLEX, f"{count} log records, more than {MAX_RECORDS}", data)
    taken = 0
    for scope, records in scopes:
        for record in records:
            before = taker.receipt.batch.size
            _take(record, encode(record), scope, taker)
            taken += 1
            if taken % RECORDS_A_STEP == 0 or taker.receipt.batch.size - before > _LONG_RECORD_BYTES:
                yield


def _take(record: Any, raw: bytes, scope: Scope, taker: Taker) -> None:
    """Take a LogRecord, given its bytes too."""
    if not isinstance(record, dict):
        taker.reject(Reason.NOT_AN_OBJECT, "a log record is a JSON object", raw)
        return
    if len(raw) > _LONG_RECORD_BYTES and raw.count(b'":') > _MAX_NAMES:
        taker.reject(Reason.TOO_COMPLEX, f"more than {_MAX_NAMES} values in one log record", raw)
        return
    try:
        taker.take(
            scope,
            raw,
            nanoseconds_of(value_of(record, "timeUnixNano"))
            or nanoseconds_of(value_of(record, "observedTimeUnixNano")),
            _severity_of(value_of(record, "severityNumber")),
            text_of(value_of(record, "severityText")),
            any_of(record.get("body"), 0),
            attributes_of(record),
            id_of(value_of(record, "traceId"), 16),
            id_of(value_of(record, "spanId"), 8),
            integer_of(record.get("flags")) & 0xFFFFFFFF,
            text_of(value_of(record, "eventName")),
            integer_of(value_of(record, "droppedAttributesCount")),
        )
    except Rejected as rejected:
        taker.reject(rejected.reason, rejected.detail, raw)


def encode(value: object) -> bytes:
    """Write a part of a request again, whatever is in it."""
    try:
        return msgspec.json.encode(value)
    except (ValueError, OverflowError, UnicodeError, RecursionError):  # lone surrogates, large integers
        return json.dumps(value).encode()


def value_of(parent: Any, name: str) -> Any:
    """Return a field by its name in JSON, or in protobuf."""
    if not isinstance(parent, dict):
        return None
    value = parent.get(name)
    return parent.get(_SNAKE.sub(lambda match: "_" + match[0].lower(), name)) if value is None else value


def objects(parent: Any, name: str) -> list[Object]:
    """Return the objects of a list; what is anything else is left out."""
    found = value_of(parent, name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def read_scope(parent: Object) -> tuple[str, str, Attributes]:
    """Read name, version and attributes of the scope of a ScopeLogs or ScopeSpans."""
    scope = parent.get("scope") or value_of(parent, "instrumentationLibrary")
    if not isinstance(scope, dict):
        return "", "", {}
    return text_of(scope.get("name")), text_of(scope.get("version")), attributes_of(scope, most=_MAX_BYTES)


def attributes_of(parent: Any, most: int = 0) -> Attributes:
    """
    Read the attributes of a record, a resource or a scope.

    Args:
        parent: What has them.
        most: Most bytes that it may have; 0: they are bounded already.

    Raises:
        Rejected: If they are nested too deep, or too large.
    """
    if most and len(encode(parent)) > most:
        raise Rejected(Reason.TOO_COMPLEX, f"a resource or scope of more than {most} bytes")
    return pairs_of(parent.get("attributes"), 0) if isinstance(parent, dict) else {}


def nanoseconds_of(value: Any) -> int:
    """Return nanoseconds since 1970; 0 when they are not given."""
    number = integer_of(value)
    return number if 0 < number < _U64 else 0


def _severity_of(value: Any) -> int:
    """Return a severity number, which may be its name in protobuf."""
    named = _SEVERITY.fullmatch(value) if isinstance(value, str) else None
    if named is not None:
        return _BANDS.index(named[1]) * 4 + int(named[2] or 1)
    number = integer_of(value)
    return number if 0 < number < 25 else 0


def id_of(value: Any, size: int) -> str:
    """Return an id of so many bytes in hexadecimal digits; empty for none, and for one of zeros."""
    if not isinstance(value, str):
        return ""
    if len(value) == 2 * size and _HEX.fullmatch(value):
        return value.lower() if value.strip("0") else ""
    try:  # what JSON encoders of protobuf make of bytes
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return decoded.hex() if len(decoded) == size and any(decoded) else ""
