"""
Graylog shape: documents, mapping and names of indices as a Graylog 7 keeps them, so that one reads them.

A field has the type of its first value in an index, as there: a whole number, a decimal number of 32 bits, a date, a
truth value or a text. A Graylog loses messages with a value of another type, with too long a text or too many names.
Here they are kept, and found by looking at them one by one:

* A value that its field cannot hold is in the document and not in the index (``ignore_malformed``; ``_ignored``).
* What cannot stand under its name, is too long, or whose index is full of names lies in ``gelf_unmapped``, which is not
  indexed; ``gelf_unmapped_fields`` has the names.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from gelf_listener.message import FieldValue, Message, Peer
from gelf_listener.query.fields import FIRST_OF, FieldType, known_field, stored_names, underscored
from gelf_listener.rendering.graylog_size import accounted_size
from gelf_listener.rendering.graylog_times import IndexTimes, index_seconds
from gelf_listener.store import aggregation
from gelf_listener.store.columns import Column
from gelf_listener.store.opensearch.clauses import Clause
from gelf_listener.store.opensearch.graylog_translation import ADDED, GraylogTranslator
from gelf_listener.store.opensearch.names import NumberedNames
from gelf_listener.store.opensearch.shape import Shape
from gelf_listener.store.schema import field_key, field_name

_DEFAULT_STREAM = "000000000000000000000001"
"""The stream that every message of a Graylog is in, unless it is taken out."""
_NAME = re.compile(r"[A-Za-z0-9@-][A-Za-z0-9_@-]*")
_MOST_BYTES = 32_766
"""The longest text that an index takes as one term."""
_MOST_INTEGER = 1 << 63
_UNMAPPED, _UNMAPPED_FIELDS = "gelf_unmapped", "gelf_unmapped_fields"
_DATE = {"type": "date", "format": "uuuu-MM-dd HH:mm:ss.SSS"}
_KEYWORD = {"type": "keyword"}
_TEXT = {"type": "text", "analyzer": "standard"}
_TYPES: dict[str, FieldType] = {
    "keyword": "string",
    "long": "long",
    "float": "double",
    "date": "date",
    "boolean": "boolean",
}
_RESERVED = frozenset(
    (
        *("message", "full_message", "source", "level", "timestamp", "streams", _UNMAPPED, _UNMAPPED_FIELDS),
        *("gl2_message_id", "gl2_second_sort_field", "gl2_source_input", "gl2_source_node", "gl2_remote_ip"),
        *("gl2_remote_port", "gl2_receive_timestamp", "gl2_processing_timestamp", "gl2_processing_duration_ms"),
        *("gl2_accounted_message_size", "gl2_original_timestamp"),
    )
)
"""What a document has beside additional fields."""


class GraylogShape(Shape):
    """
    Documents as a Graylog has them.

    Args:
        prefix: Of the names of indices.
        node: Which listener takes messages.
        clock: UTC Unix seconds, for when a message was processed.
    """

    mappings: ClassVar[dict[str, Any]] = {
        "dynamic_templates": [
            {"internal_fields": {"match": "gl2_*", "match_mapping_type": "string", "mapping": _KEYWORD}},
            {"store_generic": {"match_mapping_type": "string", "mapping": _KEYWORD}},
        ],
        "properties": {
            "message": _TEXT,
            "full_message": _TEXT,
            "source": {"type": "text", "analyzer": "analyzer_keyword", "fielddata": True},
            "streams": _KEYWORD,
            "timestamp": _DATE,
            "gl2_message_id": _KEYWORD,
            "gl2_second_sort_field": {"type": "alias", "path": "gl2_message_id"},
            "gl2_accounted_message_size": {"type": "long"},
            "gl2_original_timestamp": _DATE,
            "gl2_processing_duration_ms": {"type": "integer"},
            "gl2_processing_timestamp": _DATE,
            "gl2_receive_timestamp": _DATE,
            _UNMAPPED: {"type": "object", "enabled": False},
            _UNMAPPED_FIELDS: _KEYWORD,
        },
    }
    settings: ClassVar[dict[str, Any]] = {
        "index.analysis.analyzer.analyzer_keyword": {"tokenizer": "keyword", "filter": "lowercase"},
        "index.mapping.ignore_malformed": True,
    }
    source: ClassVar[Sequence[str]] = ()
    marker: ClassVar[str] = "gl2_message_id"
    sorted_by: ClassVar[Mapping[str, str]] = {
        name: name for name in ("timestamp", "gl2_receive_timestamp", "gl2_message_id")
    }
    ticks: ClassVar[float] = 1e3
    rest: ClassVar[Clause] = {
        "bool": {"should": [{"exists": {"field": "_ignored"}}, {"exists": {"field": _UNMAPPED_FIELDS}}]}
    }
    knows_rest: ClassVar[bool] = False

    def __init__(self, prefix: str, node: str, clock: Callable[[], float] = time.time) -> None:
        super().__init__(NumberedNames(prefix))
        self._node = node
        self._clock = clock
        self._columns: dict[str, set[str]] = {}
        """Keys of additional fields -> the types that OpenSearch gave them."""
        self._times = (IndexTimes(), IndexTimes(), IndexTimes())

    def learn(self, mappings: Sequence[Mapping[str, Any]]) -> None:
        """See what the indices map; see `Shape.learn`."""
        columns: dict[str, set[str]] = {}
        for properties in mappings:
            for name, property in properties.items():
                if name not in _RESERVED:
                    columns.setdefault(field_key(name), set()).add(property.get("type", "object"))
        self._columns = columns

    # --- documents

    def documents_of(self, messages: Sequence[Message], ids: Sequence[str], *, mapped: bool) -> Sequence[Any]:
        """Return messages as documents; see `Shape.documents_of`."""
        return [self._document_of(message, id, mapped=mapped) for message, id in zip(messages, ids, strict=True)]

    def _document_of(self, message: Message, id: str, *, mapped: bool) -> dict[str, Any]:
        logged, received, processed = self._times
        now = self._clock()
        document: dict[str, Any] = {
            "message": message.short_message,
            "source": message.host,
            "timestamp": logged.write(message.timestamp),
            "streams": [_DEFAULT_STREAM],
            "gl2_message_id": id,
            "gl2_source_input": message.input,
            "gl2_source_node": self._node,
            "gl2_receive_timestamp": received.write(message.received_at),
            "gl2_processing_timestamp": processed.write(now),
            "gl2_processing_duration_ms": min(max(round((now - message.received_at) * 1000), 0), 2**31 - 1),
            "gl2_accounted_message_size": accounted_size(message),
        }
        if message.full_message is not None:
            document["full_message"] = message.full_message
        if message.peer is not None:
            document["gl2_remote_ip"], document["gl2_remote_port"] = message.peer.host, message.peer.port
        unmapped = self._put_fields(document, message.fields.items(), mapped=mapped)
        if message.level is not None:
            if -_MOST_INTEGER <= message.level < _MOST_INTEGER:
                document["level"] = message.level
            else:
                unmapped["level"] = str(message.level)
        if unmapped:
            document[_UNMAPPED], document[_UNMAPPED_FIELDS] = unmapped, list(unmapped)
        return document

    def _put_fields(
        self, document: dict[str, Any], fields: Iterable[tuple[str, FieldValue]], *, mapped: bool
    ) -> dict[str, Any]:
        """Put additional fields in; return those that have no place of their own."""
        unmapped: dict[str, Any] = {}
        for name, value in fields:
            stored, written = name.replace(".", "_"), _written(value)
            fits = not isinstance(written, str) or len(written.encode("utf-8", "replace")) <= _MOST_BYTES
            if mapped and fits and stored not in document and stored not in _RESERVED and _NAME.fullmatch(stored):
                document[stored] = written
                if field_key(stored) not in self._columns:
                    self._columns[field_key(stored)] = set()
                    self.has_new = True
            else:
                unmapped[name] = written
        self.has_rest = self.has_rest or bool(unmapped)
        return unmapped

    def message_of(self, document: Mapping[str, Any]) -> Message:
        """Return the message of a document; see `Shape.message_of`; a Graylog keeps no payload."""
        fields = {name: _read(value) for name, value in document.items() if name not in _RESERVED}
        fields |= {name: _read(value) for name, value in (document.get(_UNMAPPED) or {}).items()}
        level = document.get("level")
        host = document.get("gl2_remote_ip")
        return Message(
            index_seconds(document["timestamp"]),
            str(document.get("source", "")),
            str(document.get("message", "")),
            document.get("full_message"),
            level if isinstance(level, int) else None,
            b"",
            index_seconds(document.get("gl2_receive_timestamp") or document["timestamp"]),
            document.get("gl2_source_input", ""),
            None if host is None else Peer(host, document.get("gl2_remote_port", 0)),
            _fields=fields,
            stored_id=document["gl2_message_id"],
            node=document.get("gl2_source_node", ""),
        )

    # --- searches

    def translator(self, now: float, *, shared: bool = False) -> GraylogTranslator:
        """Return what translates queries; see `Shape.translator`."""
        return GraylogTranslator(self._columns, now, self.rest if self.has_rest and not shared else None)

    def column(self, field: str, *, values: bool) -> Column | None:
        """Return where a field is computed with; see `Shape.column`."""
        known = known_field(field)
        if known is not None:
            if known.name in ("timestamp", "gl2_receive_timestamp"):
                return Column(known.name, self.ticks)
            name = ADDED.get(known.terms, known.name)
            return Column(name) if name in ("source", "level", *ADDED.values()) else None
        if underscored(field) is not None or self.has_rest:
            return None
        if field in FIRST_OF:
            return aggregation.SHARED if values else None
        keys = [field_key(name.replace(".", "_")) for name in stored_names(field)]
        found = [key for key in keys if key in self._columns] or keys[-1:]
        types = self._columns.get(found[0], set())
        usable = {"keyword", "long", "float", "boolean"} if values else {"long", "float"}
        return self.column_of(found[0], values=values) if len(found) == 1 >= len(types) and types <= usable else None

    def column_of(self, key: str, *, values: bool) -> Column:
        """Return where an additional field is computed with; see `Shape.column_of`."""
        is_short = values and self._columns.get(key) == {"float"}
        return Column(field_name(key), 1.0, _single if is_short else None)

    def types_request(self) -> dict[str, Any]:
        """Return nothing: the mapping tells; see `Shape.types_request`."""
        return {}

    def types(self, found: Mapping[str, Any]) -> dict[str, set[FieldType]]:  # noqa: ARG002
        """Return the types that each additional field has had; see `Shape.types`."""
        return {
            field_name(key): {_TYPES[each] for each in types if each in _TYPES} for key, types in self._columns.items()
        }


def _written(value: FieldValue) -> FieldValue:
    """Return a value as it is stored: numbers that no column and no JSON has room for are texts."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and not -_MOST_INTEGER <= value < _MOST_INTEGER:
        return str(value)
    return value


def _read(value: Any) -> FieldValue:
    """Return a value that is stored; a list that somebody else put there is JSON."""
    return value if isinstance(value, (str, int, float)) else msgspec.json.encode(value).decode()


def _single(term: float) -> float:
    """Return a decimal number without the digits that 32 bits do not have."""
    return float(f"{term:.7g}")
