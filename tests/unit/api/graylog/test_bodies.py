"""What a body may say, as Graylog 7.0.1's own classes read such."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from gelf_listener.api.errors import ApiError
from gelf_listener.api.graylog.aggregate import AggregateRequest
from gelf_listener.api.graylog.ranges import body_span
from gelf_listener.api.graylog.rules import RuleRequest
from gelf_listener.api.graylog.search_messages import MessagesRequest


def test_numbers_are_read_as_texts() -> None:
    """Jackson writes a number where a text is wanted."""
    assert AggregateRequest(query=5).query == "5"
    assert RuleRequest(field="level", value=4).value == "4"


def test_decimal_numbers_are_cut() -> None:
    assert MessagesRequest(**{"size": 2.9, "from": -1.5}).size == 2
    assert MessagesRequest(size="3").size == 3


@pytest.mark.parametrize(
    "body",
    [{}, {"field": "a"}, {"value": "b"}, {"field": None, "value": "b"}, {"type": "x", "field": "a", "value": "b"}],
)
def test_a_rule_says_its_field_and_value(body: dict[str, Any]) -> None:
    """So do rules of types that look at neither."""
    with pytest.raises(ValidationError):
        RuleRequest(**body)


@pytest.mark.parametrize(
    ("timerange", "start"),
    [
        ({"type": "absolute", "from": "2024-01-01T00:00:00", "to": "2024-01-02T00:00:00.000+0200"}, 1704067200),
        ({"type": "absolute", "from": "2024-01-01", "to": "2024-01-02"}, 1704067200),
        ({"type": "absolute", "from": 1704067200000, "to": 1704067300000}, 1704067200),
        ({"type": "relative", "from": 600, "to": 60}, 1800000000 - 600),
        ({"type": "keyword", "keyword": "last hour", "timezone": "Europe/Berlin"}, 1800000000 - 3600),
    ],
)
def test_ranges(timerange: dict[str, Any], start: float) -> None:
    assert body_span(timerange, 1800000000.0).start == start


@pytest.mark.parametrize(
    "timerange",
    [
        {"type": "absolute", "from": "2024-01-01 00:00:00", "to": "2024-01-02 00:00:00.000"},
        {"type": "absolute", "from": "x", "to": "y"},
        {"type": "absolute", "from": "2024-01-01"},
        {"type": "relative", "range": -1},
        {"type": "relative", "range": 5, "from": 6},
        {"type": "relative", "from": 60, "to": 600},
        {"type": "relative", "range": 5, "zzz": 1},
        {"type": "keyword", "keyword": "zzz"},
        {"type": "keyword", "keyword": "last hour", "timezone": "Mars"},
        {"type": "all"},
        {},
    ],
)
def test_no_ranges(timerange: dict[str, Any]) -> None:
    """What its classes refuse."""
    with pytest.raises(ApiError) as raised:
        body_span(timerange, 1800000000.0)
    assert raised.value.status == 400
