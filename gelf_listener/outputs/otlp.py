"""otlp+http, otlp+https: send messages as logs of OpenTelemetry."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import ClassVar

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from pydantic import Field

from gelf_listener import __version__
from gelf_listener.codec.otlp.severity import SEVERITY_NUMBERS, read_severity
from gelf_listener.message import FieldValue, Message
from gelf_listener.outputs.http_batch import HttpBatchOutput, Request
from gelf_listener.outputs.http_client import HttpOutputSettings
from gelf_listener.outputs.progress import Progress
from gelf_listener.rendering.levels import level_name
from gelf_listener.rendering.values import value_text

_log = logging.getLogger(__name__)

_INT64 = 1 << 63
_TRACE = re.compile(r"[0-9a-fA-F]{32}")
_SPAN = re.compile(r"[0-9a-fA-F]{16}")


class OtlpSettings(HttpOutputSettings):
    """Settings of `otlp+http://`."""

    path: str = Field("/v1/logs", description="Path of the logs signal.", repr=False)
    service: str = Field(
        "service", description="Additional field that is the resource's `service.name`; the source stands in for it."
    )
    trace: str = Field("trace_id", description="Additional field that holds a trace id: 32 hexadecimal digits.")
    span: str = Field("span_id", description="Additional field that holds a span id: 16 hexadecimal digits.")


class OtlpOutput(HttpBatchOutput):
    """
    Sends messages in OTLP's binary form (protobuf).

    Guarantee: at least once. A batch counts as written once the server answered with a success. Records that a server
    rejects in an answer of success are counted and logged: it does not say which ones they are.
    """

    Settings: ClassVar[type[OtlpSettings]] = OtlpSettings
    port = 4318

    def __init__(self, settings: OtlpSettings) -> None:
        super().__init__(settings)
        self._path = "/" + settings.path.lstrip("/")
        self._rejected = 0

    def encode(self, messages: Sequence[Message]) -> Request:
        """Return the request; see `HttpBatchOutput.encode`."""
        resources: dict[tuple[str, str], list[LogRecord]] = {}
        for message in messages:
            service = message.fields.get(self._service_field(message))
            name = message.host if service is None else value_text(service)
            resources.setdefault((name, message.host), []).append(self._record(message))
        request = ExportLogsServiceRequest()
        for (service_name, host), records in resources.items():
            scope = ScopeLogs(log_records=records)
            scope.scope.name, scope.scope.version = "gelf-listener", __version__
            attributes = [_attribute("service.name", service_name), _attribute("host.name", host)]
            request.resource_logs.append(ResourceLogs(resource=Resource(attributes=attributes), scope_logs=[scope]))
        return Request(self._path, request.SerializeToString(), "application/x-protobuf")

    def settle(self, messages: Sequence[Message], answer: bytes, progress: Progress) -> str:
        """Note what became of messages; see `HttpBatchOutput.settle`."""
        progress.written(messages)
        try:
            partial = ExportLogsServiceResponse.FromString(answer).partial_success
        except DecodeError:
            return ""  # an answer of success all the same; some servers answer with JSON or nothing
        if partial.rejected_log_records > 0:
            self._rejected += partial.rejected_log_records
            _log.warning(
                "%s rejected %d of %d records: %s",
                self.client.base,
                partial.rejected_log_records,
                len(messages),
                partial.error_message[:300],
            )
        return ""

    def counters(self) -> dict[str, float]:
        """Return what was sent, and what the server rejected of it."""
        return super().counters() | {"rejected_records_total": self._rejected}

    def _service_field(self, message: Message) -> str:
        """Return which field names the service: that of the settings, or what our own input of OTLP makes of it."""
        return self.settings.service if self.settings.service in message.fields else "service.name"

    def _record(self, message: Message) -> LogRecord:
        record = LogRecord(
            time_unix_nano=_nanoseconds(message.timestamp),
            observed_time_unix_nano=_nanoseconds(message.received_at),
            body=AnyValue(string_value=message.short_message),
        )
        severity = _set_severity(record, message)
        settings, service = self.settings, self._service_field(message)
        for name, value in message.fields.items():
            if name in severity or (name in _OWN and _set_own(record, name, value)):
                continue
            if name == settings.trace and isinstance(value, str) and _TRACE.fullmatch(value):
                record.trace_id = bytes.fromhex(value)
            elif name == settings.span and isinstance(value, str) and _SPAN.fullmatch(value):
                record.span_id = bytes.fromhex(value)
            elif name != service:
                record.attributes.append(_attribute(name, value))
        if message.full_message is not None:
            record.attributes.append(_attribute("full_message", message.full_message))
        record.attributes.append(_attribute("gelf.id", message.id))
        return record


class OtlpTlsOutput(OtlpOutput):
    """
    Sends messages with TLS.

    Guarantee: as `OtlpOutput`.
    """

    tls = True
    port = 443


_SEVERITY_FIELDS = (("severity_number", "severity_text"), ("severity_text",), ("severity_number",))
"""Fields that our own input makes of a severity; the first of these that say the message's level become it again."""


def _set_severity(record: LogRecord, message: Message) -> tuple[str, ...]:
    """Set the severity; return which fields have become part of it."""
    level = message.level
    number, text = 0 if level is None else SEVERITY_NUMBERS.get(level, 0), level_name(level)
    record.severity_number, record.severity_text = number, text  # type: ignore[assignment]
    for names in _SEVERITY_FIELDS:
        fields = {name: message.fields.get(name) for name in names}
        finer, words = fields.get("severity_number", number), fields.get("severity_text", text)
        if type(finer) is not int or not min(number, 1) <= finer < 25 or not isinstance(words, str):
            continue
        said = read_severity(finer, words)
        again = {"severity_number": said.number, "severity_text": said.text}
        if said.level == level and all([again[name] == value for name, value in fields.items()]):
            record.severity_number, record.severity_text = finer, words  # type: ignore[assignment]
            return names
    return ()


_OWN = frozenset(("trace_flags", "event_name"))
"""Fields that our own input makes of other parts of a record, which they become again."""


def _set_own(record: LogRecord, name: str, value: FieldValue) -> bool:
    """Make a field a part of its record again; return whether it can be one."""
    if name == "event_name" and isinstance(value, str):
        record.event_name = value
    elif name == "trace_flags" and type(value) is int and 0 <= value < 256:
        record.flags = value
    else:
        return False
    return True


def _nanoseconds(seconds: float) -> int:
    return max(round(seconds * 1_000_000) * 1000, 0)


def _attribute(name: str, value: FieldValue) -> KeyValue:
    if isinstance(value, bool):
        return KeyValue(key=name, value=AnyValue(bool_value=value))
    if isinstance(value, int) and -_INT64 <= value < _INT64:
        return KeyValue(key=name, value=AnyValue(int_value=value))
    if isinstance(value, float):
        return KeyValue(key=name, value=AnyValue(double_value=value))
    return KeyValue(key=name, value=AnyValue(string_value=value_text(value)))
