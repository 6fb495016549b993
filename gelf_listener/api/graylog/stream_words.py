"""Words of streams: the fixed parts of Graylog's answers about streams, and the index set they are all in."""

from __future__ import annotations

from typing import Any

INDEX_SET = "000000000000000000000004"
"""The id of the one index set; there is nothing to choose."""

ATTRIBUTES: list[dict[str, Any]] = [
    {"id": "_id", "title": "id", "type": "OBJECT_ID", "sortable": True, "searchable": True, "hidden": True},
    {"id": "title", "title": "Title", "type": "STRING", "sortable": True, "searchable": True},
    {"id": "description", "title": "Description", "type": "STRING", "sortable": True, "searchable": True},
    {"id": "created_at", "title": "Created", "type": "DATE", "sortable": True, "filterable": True},
    {"id": "index_set_id", "title": "Index set", "type": "STRING", "sortable": True, "filterable": True,
     "hidden": True, "related_collection": "index_sets"},
    {"id": "disabled", "title": "Status", "type": "BOOLEAN", "sortable": True, "filterable": True,
     "filter_options": [{"value": "true", "title": "Paused"}, {"value": "false", "title": "Running"}]},
]  # fmt: skip
"""Columns of a list of streams."""

RULE_TYPES: list[dict[str, Any]] = [
    {"id": number, "name": name, "short_desc": short, "long_desc": long}
    for number, (name, short, long) in enumerate(
        (
            ("EXACT", "match exactly", "match exactly"),
            ("REGEX", "match regular expression", "match regular expression"),
            ("GREATER", "greater than", "be greater than"),
            ("SMALLER", "smaller than", "be smaller than"),
            ("PRESENCE", "field presence", "be present"),
            ("CONTAINS", "contain", "contain"),
            ("ALWAYS_MATCH", "always match", "always match"),
            ("MATCH_INPUT", "match input", "match input"),
        ),
        1,
    )
]
"""What a rule may be."""
