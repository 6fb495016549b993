"""Readers: what outputs wrote, by what their formats say, without our own decoders."""

from __future__ import annotations

import base64
import datetime as dt
import json
import logging
import re
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import msgpack
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.codec.otlp.severity import SEVERITY_NUMBERS, read_severity
from gelf_listener.codec.syslog.facilities import FACILITIES
from gelf_listener.message import FieldValue
from gelf_listener.packing import Packer
from tests.matrix.meaning import Meaning, meaning_of, meaning_of_document, microseconds, typed
from tests.unit.outputs.destinations import bulk_documents
from tests.unit.outputs.web import Asked

__all__ = [
    "read_event",
    "read_gelf",
    "read_index",
    "read_loki",
    "read_loki_texts",
    "read_otlp",
    "read_packed",
    "read_record",
    "read_syslog",
    "read_webhook",
]

_LEVEL_NAMES = ("emerg", "alert", "crit", "error", "warning", "notice", "info", "debug")


def _microseconds_of(text: str | int) -> int:
    """Read RFC 3339, or milliseconds."""
    if isinstance(text, int):
        return text * 1000
    return (dt.datetime.fromisoformat(text) - dt.datetime.fromtimestamp(0, dt.UTC)) // dt.timedelta(microseconds=1)


def read_gelf(payload: bytes | str) -> Meaning:
    return meaning_of_document(json.loads(payload))


_SYSLOG = re.compile(
    rb"<(?P<pri>\d+)>1 (?P<time>\S+) (?P<host>\S+) (?P<app>\S+) (?P<process>\S+) (?P<id>\S+)"
    rb' (?P<data>-|\[gelf@32473(?P<params>(?: [^ ="\]]+="(?:[^"\\\]]|\\.)*")*)\]) (?P<text>.*)',
    re.DOTALL,
)
_PARAM = re.compile(r' ([^ ="\]]+)="((?:[^"\\\]]|\\.)*)"', re.DOTALL)


def read_syslog(line: bytes) -> Meaning:
    """Read RFC 5424."""
    found = _SYSLOG.fullmatch(line)
    assert found is not None, line
    parts = {name: (value or b"").decode() for name, value in found.groupdict().items()}
    header = {"application_name": parts["app"], "process_id": parts["process"], "message_id": parts["id"]}
    fields: dict[str, FieldValue] = {name: value for name, value in header.items() if value != "-"}
    for name, value in _PARAM.findall(parts["params"]):
        fields[name] = re.sub(r'\\(["\\\]])', r"\1", value)
    facility, level = divmod(int(parts["pri"]), 8)
    fields["facility_num"] = str(facility)
    fields.setdefault("facility", FACILITIES[facility])
    return Meaning(parts["text"], None, level, _microseconds_of(parts["time"]), parts["host"], typed(fields))


def read_webhook(asked: Asked) -> list[Meaning]:
    return [meaning_of_document(document) for document in json.loads(asked.body)]


def _entries(asked: Asked) -> Iterator[tuple[dict[str, str], list[Any]]]:
    for stream in json.loads(asked.body)["streams"]:
        for entry in stream["values"]:
            yield stream["stream"], entry


def read_loki(asked: Asked) -> list[Meaning]:
    """Read lines of GELF; the entry says the time, and labels repeat what the line says."""
    found = []
    for labels, (nanoseconds, line) in _entries(asked):
        meaning = read_gelf(line)
        level = "" if meaning.level is None else _LEVEL_NAMES[meaning.level]
        assert (labels["source"], labels.get("level", "")) == (meaning.host, level)
        found.append(meaning._replace(time=int(nanoseconds) // 1000))
    return found


def read_loki_texts(asked: Asked) -> list[Meaning]:
    """Read lines of text with structured metadata."""
    return [
        Meaning(
            text,
            None,
            _LEVEL_NAMES.index(labels["level"]) if "level" in labels else None,
            int(nanoseconds) // 1000,
            labels["source"],
            typed(metadata),
        )
        for labels, (nanoseconds, text, metadata) in _entries(asked)
    ]


def _attributes(pairs: Sequence[KeyValue]) -> dict[str, FieldValue]:
    return {pair.key: getattr(pair.value, str(pair.value.WhichOneof("value"))) for pair in pairs}


def read_otlp(asked: Asked) -> list[Meaning]:
    """Read records as the data model has them: what they say beyond the level is in fields of our own input's names."""
    found = []
    for resource in ExportLogsServiceRequest.FromString(asked.body).resource_logs:
        about = _attributes(resource.resource.attributes)
        for record in resource.scope_logs[0].log_records:
            fields = _attributes(record.attributes)
            assert fields.pop("gelf.id")
            full_text = fields.pop("full_message", None)
            level = read_severity(record.severity_number, record.severity_text).level
            own: dict[str, FieldValue] = {
                "service.name": about["service.name"],
                "trace_id": record.trace_id.hex(),
                "span_id": record.span_id.hex(),
                "trace_flags": record.flags,
                "event_name": record.event_name,
            }
            if level is not None:
                own["severity_number"] = (
                    record.severity_number % max(SEVERITY_NUMBERS[level], 1) and record.severity_number
                )
                own["severity_text"] = record.severity_text.removeprefix(_LEVEL_NAMES[level])
            fields |= {name: value for name, value in own.items() if value}
            found.append(
                Meaning(
                    record.body.string_value,
                    full_text,  # type: ignore[arg-type]
                    level,
                    record.time_unix_nano // 1000,
                    str(about["host.name"]),
                    typed(fields),
                )
            )
    return found


_DOCUMENT = frozenset(
    ("@timestamp", "message", "full_message", "source", "level", "id", "received_at", "input", "peer")
)


def _without_underscore(name: str, own: frozenset[str]) -> str:
    """Return the name of a field that kept its underscore because the format has that name."""
    return name[1:] if name[1:] in own and name.startswith("_") else name


def read_index(asked: Asked) -> list[Meaning]:
    return [
        Meaning(
            document["message"],
            document.get("full_message"),
            document.get("level"),
            _microseconds_of(document["@timestamp"]),
            document["source"],
            typed((_without_underscore(name, _DOCUMENT), document[name]) for name in document.keys() - _DOCUMENT),
        )
        for document in bulk_documents(asked)
    ]


def read_packed(asked: Asked) -> list[Meaning]:
    unpack = Packer(read_fields).unpack
    return [meaning_of(unpack(base64.b64decode(document["packed"]))) for document in bulk_documents(asked)]


_RECORD = frozenset(("message", "full_message", "host", "level", "gelf_id"))


_ATTRIBUTES = {
    "name": "logger",
    "pathname": "file",
    "lineno": "line",
    "funcName": "function",
    "process": "pid",
    "threadName": "thread_name",
}
_PLAIN = logging.makeLogRecord({"thread": 0, "threadName": "", "process": 0, "processName": ""}).__dict__
_DERIVED = frozenset(
    (
        "msg",
        "levelno",
        "levelname",
        "created",
        "msecs",
        "exc_text",
        "filename",
        "module",
        "gelf_id",
        "relativeCreated",
        "message",
        "asctime",
    )
)
"""What other parts of the message became, and what formatters add."""
_SYSLOG_LEVELS = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}


def read_record(record: logging.LogRecord) -> Meaning:
    """Read what differs from a record that says nothing."""
    values = {
        name: value
        for name, value in record.__dict__.items()
        if name not in _DERIVED and (name not in _PLAIN or value != _PLAIN[name])
    }
    host = values.pop("host")
    if values["name"] == host:
        del values["name"]
    taken = frozenset(_PLAIN) | {"message", "asctime", "taskName", "host", "gelf_id"}
    fields = {_ATTRIBUTES.get(name) or _without_underscore(name, taken): value for name, value in values.items()}
    return Meaning(
        record.getMessage(),
        record.exc_text,
        _SYSLOG_LEVELS[record.levelno],
        microseconds(record.created),
        host,
        typed(fields),
    )


def read_event(at: msgpack.ExtType, record: dict[str, Any]) -> Meaning:
    """Read an event of the forward protocol with an EventTime."""
    seconds, nanoseconds = struct.unpack(">II", at.data)
    return Meaning(
        record["message"],
        record.get("full_message"),
        record.get("level"),
        seconds * 1_000_000 + nanoseconds // 1000,
        record["host"],
        typed((_without_underscore(name, _RECORD), record[name]) for name in record.keys() - _RECORD),
    )
