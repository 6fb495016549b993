"""Own shape: documents made for the listener (`layout`), in an index for each day."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from gelf_listener.message import Message, OpenFields, ReadColumns
from gelf_listener.packing import Packer
from gelf_listener.query.fields import FIRST_OF, FieldType, bare_name, known_field, stored_names, underscored
from gelf_listener.store import aggregation
from gelf_listener.store.columns import Column
from gelf_listener.store.opensearch.clauses import Clause
from gelf_listener.store.opensearch.layout import MAPPINGS, SETTINGS, Layout
from gelf_listener.store.opensearch.names import DatedNames
from gelf_listener.store.opensearch.shape import Shape
from gelf_listener.store.opensearch.translation import ClauseTranslator
from gelf_listener.store.opensearch.values import value_of
from gelf_listener.store.schema import field_key, field_name

_MOST_TYPED = 200
"""Fields whose types are looked up."""


class OwnShape(Shape):
    """
    Documents made for the listener.

    Args:
        prefix: Of the names of indices.
        node: Which listener takes messages.
        open_fields: Reads additional fields of payloads that are in order.
        read_columns: Reads those of many messages.
    """

    mappings: ClassVar[dict[str, Any]] = MAPPINGS
    settings: ClassVar[dict[str, Any]] = SETTINGS
    source: ClassVar[Sequence[str]] = ("packed", "node")
    marker: ClassVar[str] = "packed"
    sorted_by: ClassVar[Mapping[str, str]] = {
        "timestamp": "timestamp",
        "gl2_receive_timestamp": "received",
        "gl2_message_id": "id",
    }
    ticks: ClassVar[float] = 1e6
    rest: ClassVar[Clause] = {"exists": {"field": "rest"}}
    knows_rest: ClassVar[bool] = True

    def __init__(self, prefix: str, node: str, open_fields: OpenFields, read_columns: ReadColumns) -> None:
        super().__init__(DatedNames(prefix))
        self._layout = Layout(node, read_columns)
        self._packer = Packer(open_fields)

    def learn(self, mappings: Sequence[Mapping[str, Any]]) -> None:
        """See what the indices map; see `Shape.learn`."""
        found = itertools.chain.from_iterable([each.get("v", {}).get("properties", ()) for each in mappings])
        columns = self._layout.columns
        columns |= {key: set() for key in found if not key.startswith("@") and key not in columns}

    def documents_of(self, messages: Sequence[Message], ids: Sequence[str], *, mapped: bool) -> Sequence[Any]:
        """Return messages as documents; see `Shape.documents_of`."""
        return self._layout.documents_of(messages, ids, list(map(self._packer.pack, messages)), mapped=mapped)

    def message_of(self, document: Mapping[str, Any]) -> Message:
        """Return the message of a document; see `Shape.message_of`."""
        message = self._packer.unpack(base64.b64decode(document["packed"]))
        message.node = document["node"]
        return message

    def translator(self, now: float, *, shared: bool = False) -> ClauseTranslator:
        """Return what translates queries; see `Shape.translator`."""
        return ClauseTranslator(self._layout.columns, now, rest=self._is_full and not shared)

    @property
    def _is_full(self) -> bool:
        """Whether there are fields without columns."""
        return self.has_rest or self._layout.rest

    def column(self, field: str, *, values: bool) -> Column | None:
        """Return where a field is computed with; see `Shape.column`."""
        known = known_field(field)
        if known is not None:
            name = known.name
            if name in ("timestamp", "gl2_receive_timestamp"):
                return Column(self.sorted_by[name], self.ticks)
            if name in ("source", "level"):
                return Column("host" if name == "source" else "level")
            return self.column_of(known.terms, values=values) if known.terms.startswith("@") else None
        if underscored(field) is not None or self._is_full:
            return None
        if field in FIRST_OF:
            return aggregation.SHARED if values else None
        bare = bare_name(field)
        columns = self._layout.columns
        keys = set(map(field_key, stored_names(field)))
        keys |= {key for key in columns if "_" in bare and key.replace("%2e;", "_") == bare}
        stored = keys & columns.keys()
        return self.column_of(next(iter(stored or {field_key(bare)})), values=values) if len(stored) < 2 else None

    def column_of(self, key: str, *, values: bool) -> Column:
        """Return where an additional field is computed with; see `Shape.column_of`."""
        return Column(f"v.{key}", 1.0, value_of) if values else Column(f"n.{key}")

    def types_request(self) -> dict[str, Any]:
        """Return what has to be computed before `types` can tell; see `Shape.types_request`."""
        keys = itertools.islice(self._layout.columns, _MOST_TYPED)
        return {key: {"terms": {"field": f"v.{key}", "size": 20}} for key in keys}

    def types(self, found: Mapping[str, Any]) -> dict[str, set[FieldType]]:
        """Return the types that each additional field has had; see `Shape.types`."""
        kinds: dict[str, FieldType] = {"=": "string", "b": "boolean"}
        types: dict[str, set[FieldType]] = {field_name(key): set() for key in self._layout.columns}
        for key, answer in found.items():
            for bucket in answer["buckets"]:
                term = str(bucket["key"])
                number: FieldType = "long" if isinstance(value_of(term), int) else "double"
                types[field_name(key)].add(kinds.get(term[:1], number))
        return types
