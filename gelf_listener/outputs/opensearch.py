"""opensearch+http, opensearch+https: index messages in OpenSearch, and whoever speaks its bulk API."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec
from pydantic import Field

from gelf_listener.capabilities import A_DAY
from gelf_listener.errors import ConfigError, Retry
from gelf_listener.message import Message
from gelf_listener.outputs.http_batch import HttpBatchOutput, Request
from gelf_listener.outputs.http_client import Denied, HttpOutputSettings, sendable
from gelf_listener.outputs.progress import Progress
from gelf_listener.rendering.placeholders import compile_placeholders
from gelf_listener.rendering.timestamps import Timestamps

_log = logging.getLogger(__name__)

_DATES = {"date": "%Y.%m.%d", "month": "%Y.%m", "year": "%Y"}
_DATE = re.compile(r"\{(date|month|year)\}")
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
_NO_INDEX = re.compile(r"[^a-z0-9._-]+")
_MOST_INDEX_CHARACTERS = 120
_MOST_INDICES = 1000
_OTHER = "other"
_CONFLICT = 409
_FILTER = "filter_path=errors,items.*.status,items.*.error"
_OWN = frozenset(("@timestamp", "message", "full_message", "source", "level", "id", "received_at", "input", "peer"))

_TEXT = {"type": "text"}
_LEAST_PRIORITY = 200
_MAPPINGS: dict[str, Any] = {
    "date_detection": False,
    "dynamic_templates": [
        {"texts": {"match_mapping_type": "string", "mapping": {"type": "keyword", "ignore_above": 8191}}}
    ],
    "properties": {
        "@timestamp": {"type": "date"},
        "received_at": {"type": "date"},
        "message": _TEXT,
        "full_message": _TEXT,
        "unmapped": _TEXT,
        "source": {"type": "keyword"},
        "level": {"type": "long"},
        "id": {"type": "keyword"},
        "input": {"type": "keyword"},
        "peer": {"type": "keyword"},
    },
}


class OpenSearchSettings(HttpOutputSettings):
    """Settings of `opensearch+http://`."""

    path: str = Field(
        "/gelf-{date}",
        description="Index, after the slash; may hold {date}, {month}, {year} (of the message, UTC), {source}, "
        "{input}, {level} and {_field}.",
    )
    prefix: str = Field("", description="What comes before /_bulk on servers that are not OpenSearch.", repr=False)
    api_key: str = Field("", description="Elasticsearch's API key (base64), instead of a user.", repr=False)
    template: bool = Field(True, description="Make an index template, `gelf-listener-…`, at the start.")
    data_stream: bool = Field(False, description="The index is a data stream.")


class OpenSearchOutput(HttpBatchOutput):
    """
    Indexes messages by the bulk API, under their ids.

    Guarantee: at least once, and once in the index: a message that comes again has the same document id and is not
    doubled (in the same index; not on servers without document ids). What the server cannot map is indexed
    with its additional fields as one text.
    """

    Settings: ClassVar[type[OpenSearchSettings]] = OpenSearchSettings
    port = 9200

    def __init__(self, settings: OpenSearchSettings) -> None:
        super().__init__(settings)
        prefix = settings.prefix.strip("/")
        self._base = f"/{prefix}" if prefix else ""
        self._index = _Index(settings.path.strip("/"))
        self._template = "gelf-listener-" + _NO_INDEX.sub("_", self._index.pattern)
        """One for each pattern: two outputs must not overwrite each other's."""
        self._headers = {"authorization": f"ApiKey {sendable('api_key', settings.api_key)}"} if settings.api_key else {}
        self._unmapped: set[str] = set()
        """Ids of messages that are sent with their fields as one text."""
        self._conflicts = 0
        self._duplicates = 0

    @property
    def written_index(self) -> tuple[str, bool]:
        """Where messages of `A_DAY` go, and whether nothing else may; see `WritesIndex`."""
        return f"{self.client.base}/{self._index.sample}", False

    async def start(self) -> None:
        """Make the index template; see `Output.start`."""
        await super().start()
        if not self.settings.template:
            return
        await self._check_stores()
        pattern = self._index.pattern
        body: dict[str, Any] = {
            "index_patterns": [pattern],
            # Overlapping patterns must differ in priority, or the server denies the second; Elasticsearch's own: 100.
            "priority": _LEAST_PRIORITY + len(pattern),
            "template": {"mappings": _MAPPINGS},
        }
        if self.settings.data_stream:
            body["data_stream"] = {}
        try:
            await self.client.request(
                "PUT",
                f"{self._base}/_index_template/{self._template}",
                msgspec.json.encode(body),
                headers=self._headers,
            )
        except Denied as error:
            raise ConfigError(f"the index template is denied: {error}; template=no leaves it out") from None
        except Retry as error:
            raise Retry(
                f"{error} (making the index template; template=no leaves it out)", error.after_seconds
            ) from None

    async def _check_stores(self) -> None:
        """
        Keep out of the indices of a store, whose documents are others.

        Raises:
            ConfigError: If a listener has made a store of our index.
        """
        from gelf_listener.store.opensearch.names import TEMPLATES, DatedNames

        path = f"{self._base}/_index_template/{TEMPLATES}*"
        try:
            answer = await self.client.request("GET", path, headers=self._headers)
            names = [each.name for each in msgspec.json.decode(answer, type=_Templates).index_templates]
        except (Denied, Retry, msgspec.MsgspecError):
            return  # there is no store, or making our own template says what is wrong
        for name in names:
            prefix = name.removeprefix(TEMPLATES)
            if DatedNames(prefix).day(self._index.sample) is not None:
                raise ConfigError(
                    f"the index {self._index.sample} is of the store store+opensearch+http://…/{prefix}: give this "
                    f"output another path, such as /logs-{{date}}; a store that is no more leaves the template {name}"
                )

    async def _post(self, messages: Sequence[Message], progress: Progress) -> Retry | None:
        """Send messages, and once more those whose fields the index could not map."""
        problem = await super()._post(messages, progress)
        unmapped = [message for message in messages if message.id in self._unmapped]
        if problem is None and unmapped:
            return await super()._post(unmapped, progress)
        return problem

    def encode(self, messages: Sequence[Message]) -> Request:
        """Return the request; see `HttpBatchOutput.encode`."""
        lines: list[Any] = []
        for message in messages:
            lines.append({"create": {"_index": self._index.of(message), "_id": message.id}})
            lines.append(_document(message, mapped=message.id not in self._unmapped))
        body = msgspec.json.Encoder().encode_lines(lines)
        return Request(f"{self._base}/_bulk?{_FILTER}", body, "application/x-ndjson", self._headers)

    def settle(self, messages: Sequence[Message], answer: bytes, progress: Progress) -> str:
        """Tell apart what became of each message; see `HttpBatchOutput.settle`."""
        try:
            said = _Answer.read(answer)
        except msgspec.MsgspecError:
            return f"no answer of a bulk API: {answer[:100].decode('utf-8', 'replace')!r}"
        if not said.errors:
            self._done(messages, progress)
            return ""
        if len(said.items) != len(messages):
            return f"{len(said.items)} results for {len(messages)} messages"
        why = ""
        for message, item in zip(messages, said.items, strict=True):
            result = next(iter(item.values()), _Result())
            if result.status < 300 or result.status == _CONFLICT:
                self._duplicates += result.status == _CONFLICT
                self._done((message,), progress)
            elif result.status in (400, 413) and message.id not in self._unmapped and message.fields:
                self._conflicts += 1
                self._unmapped.add(message.id)
            elif result.status in (400, 413):
                self._unmapped.discard(message.id)
                progress.refused(message, result.said)
            else:
                why = why or f"status {result.status}: {result.said}"
        return why

    def counters(self) -> dict[str, float]:
        """Return what was indexed, what was there already, and what the index could not map."""
        return super().counters() | {
            "duplicate_messages_total": self._duplicates,
            "unmapped_messages_total": self._conflicts,
        }

    def _done(self, messages: Sequence[Message], progress: Progress) -> None:
        progress.written(messages)
        if self._unmapped:
            self._unmapped.difference_update(message.id for message in messages)


class OpenSearchTlsOutput(OpenSearchOutput):
    """
    Indexes messages, with TLS.

    Guarantee: as `OpenSearchOutput`.
    """

    tls = True


class _Result(msgspec.Struct):
    """What became of one document."""

    status: int = 500
    error: Any = None

    @property
    def said(self) -> str:
        if not isinstance(self.error, dict):
            return str(self.error)[:300]
        cause = self.error.get("caused_by")
        deeper = f": {cause.get('reason')}" if isinstance(cause, dict) else ""
        return f"{self.error.get('type')}: {self.error.get('reason')}{deeper}"[:300]


class _Answer(msgspec.Struct):
    """What the bulk API answers."""

    errors: bool
    items: list[dict[str, _Result]] = []

    @staticmethod
    def read(answer: bytes) -> _Answer:
        """
        Read an answer.

        Raises:
            msgspec.MsgspecError: If it is none.
        """
        return _read(answer)


_read = msgspec.json.Decoder(_Answer).decode


class _Template(msgspec.Struct):
    """The name of an index template."""

    name: str


class _Templates(msgspec.Struct):
    """What is said about index templates."""

    index_templates: list[_Template] = []


class _Index:
    """
    Names of indices, made from messages.

    Args:
        template: With placeholders.

    Raises:
        ConfigError: If it cannot be used.
    """

    def __init__(self, template: str) -> None:
        pieces = _DATE.split(template)
        try:
            self._texts = [compile_placeholders(text, _clean) for text in pieces[::2]]
        except ValueError as error:
            raise ConfigError(f"the index (path) {template!r}: {error}") from None
        self._formats = [_DATES[name] for name in pieces[1::2]]
        self.pattern = _PLACEHOLDER.sub("*", template)
        if not template or self.pattern != self.pattern.lower() or not re.match(r"[a-z0-9*.]", self.pattern):
            raise ConfigError(f"the index (path) {template!r} is not a name: lower case, and no -, _ or + first")
        self._days: dict[tuple[int, str], str] = {}
        self._known: set[str] = set()
        dated = _DATE.sub(lambda match: self._date(A_DAY * 86400, _DATES[match[1]]), template)
        self.sample = _PLACEHOLDER.sub("x", dated)
        """A name, as of `A_DAY`."""

    def of(self, message: Message) -> str:
        """Return the index of a message; names are bounded in length and number, for peers make them."""
        parts = [self._texts[0](message)]
        for form, text in zip(self._formats, self._texts[1:], strict=True):
            parts += (self._date(message.timestamp, form), text(message))
        name = "".join(parts)[:_MOST_INDEX_CHARACTERS]
        if name not in self._known:
            if len(self._known) >= _MOST_INDICES:
                return self.pattern.replace("*", _OTHER)
            self._known.add(name)
        return name

    def _date(self, timestamp: float, form: str) -> str:
        day = int(timestamp // 86400)
        found = self._days.get((day, form))
        if found is None:
            try:
                found = time.strftime(form, time.gmtime(day * 86400))
            except (ValueError, OverflowError, OSError):
                found = _OTHER
            if len(self._days) >= _MOST_INDICES:
                self._days.clear()
            self._days[day, form] = found
        return found


def _clean(value: str) -> str:
    return _NO_INDEX.sub("_", value.lower()[:_MOST_INDEX_CHARACTERS]) or "_"


_logged, _received = Timestamps(utc=True), Timestamps(utc=True)
"""One each: neighbours share the second of each, seldom those of both."""
_YEAR_10000 = 253_402_300_800


def _date(timestamp: float, texts: Timestamps) -> str | int:
    """
    Return a time as an index takes it: RFC 3339 with microseconds, or milliseconds where that has no date.

    An index of type `date` sorts and searches by milliseconds; the document keeps what was written.
    """
    return texts.rfc3339(timestamp) if 0 <= timestamp < _YEAR_10000 else round(timestamp * 1000)


def _document(message: Message, *, mapped: bool) -> dict[str, Any]:
    """Return what is indexed; a field with a name of ours keeps its underscore."""
    document: dict[str, Any] = {
        "@timestamp": _date(message.timestamp, _logged),
        "message": message.short_message,
        "source": message.host,
        "id": message.id,
        "received_at": _date(message.received_at, _received),
        "input": message.input,
    }
    if message.full_message is not None:
        document["full_message"] = message.full_message
    if message.level is not None:
        document["level"] = message.level
    if message.peer is not None:
        document["peer"] = str(message.peer)
    if mapped:
        for name, value in message.fields.items():
            document[f"_{name}" if name in _OWN or not name else name] = value
    else:
        document["unmapped"] = msgspec.json.encode(message.fields).decode()
    return document
