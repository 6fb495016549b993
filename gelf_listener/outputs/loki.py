"""loki+http, loki+https: push messages to Grafana Loki."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal

import msgspec
from pydantic import Field

from gelf_listener.errors import ConfigError
from gelf_listener.message import Message
from gelf_listener.outputs.http_batch import HttpBatchOutput, Request
from gelf_listener.outputs.http_client import HttpOutputSettings, sendable
from gelf_listener.rendering.placeholders import compile_placeholders
from gelf_listener.rendering.values import value_text

_MOST_LABEL_CHARACTERS = 1024
_NANOSECONDS = 1_000_000_000


class LokiSettings(HttpOutputSettings):
    """Settings of `loki+http://`."""

    path: str = Field("/loki/api/v1/push", description="Path of the push API.", repr=False)
    labels: str = Field(
        "source={source},level={level}",
        description="Labels: `name=value`, comma-separated; values may hold {source}, {input}, {level} and {_field}.",
    )
    line: Literal["gelf", "message"] = Field(
        "gelf", description="What a log line is: the message as GELF (for `| json`), or its text alone."
    )
    metadata: bool = Field(
        False, description="Send additional fields as structured metadata (Loki 3, or where it is switched on)."
    )
    tenant: str = Field("", description="Tenant, for `X-Scope-OrgID`.")


class LokiOutput(HttpBatchOutput):
    """
    Pushes messages, grouped into streams by their labels.

    Guarantee: at least once. A batch counts as written once Loki answered with a success; a line that comes again with
    the same time in the same stream is kept once by Loki.
    """

    Settings: ClassVar[type[LokiSettings]] = LokiSettings
    port = 3100

    def __init__(self, settings: LokiSettings) -> None:
        super().__init__(settings)
        self._labels = _compile(settings.labels)
        self._headers = {"x-scope-orgid": sendable("tenant", settings.tenant)} if settings.tenant else {}
        self._path = "/" + settings.path.lstrip("/")

    def encode(self, messages: Sequence[Message]) -> Request:
        """Return the request; see `HttpBatchOutput.encode`."""
        streams: dict[tuple[str, ...], list[list[Any]]] = {}
        for message in messages:
            values = tuple(value(message)[:_MOST_LABEL_CHARACTERS] for _, value in self._labels)
            streams.setdefault(values, []).append(self._entry(message))
        names = [name for name, _ in self._labels]
        document = {
            "streams": [
                # A label without a value is none to Loki; a stream needs one label at least.
                {
                    "stream": {n: v for n, v in zip(names, values, strict=True) if v} or {"job": "gelf"},
                    "values": entries,
                }
                for values, entries in streams.items()
            ]
        }
        return Request(self._path, msgspec.json.encode(document), "application/json", self._headers)

    def _entry(self, message: Message) -> list[Any]:
        line = message.short_message
        if self.settings.line == "gelf":
            line = message.to_gelf().decode("utf-8", "replace")
        elif message.full_message:
            line = message.full_message if message.full_message.startswith(line) else f"{line}\n{message.full_message}"
        entry: list[Any] = [str(round(message.timestamp * 1_000_000) * (_NANOSECONDS // 1_000_000)), line]
        if self.settings.metadata:
            entry.append({name: value_text(value) for name, value in message.fields.items()})
        return entry


class LokiTlsOutput(LokiOutput):
    """
    Pushes messages with TLS.

    Guarantee: as `LokiOutput`.
    """

    tls = True
    port = 443


def _compile(labels: str) -> list[tuple[str, Callable[[Message], str]]]:
    found = []
    for part in labels.split(","):
        name, equals, value = part.strip().partition("=")
        if not part.strip():
            continue
        if not equals or not name.replace("_", "a").isalnum() or not name.isascii() or name[0].isdigit():
            raise ConfigError(f"setting 'labels': {part.strip()!r} is not a label; write name=value")
        try:
            found.append((name, compile_placeholders(value)))
        except ValueError as error:
            raise ConfigError(f"setting 'labels': {error}") from None
    return found
