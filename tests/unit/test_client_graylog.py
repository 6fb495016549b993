"""What a Graylog is asked; the rest is tested against a listener, which speaks the same (tests/e2e/test_terminal.py)."""

from __future__ import annotations

from typing import Any

import pytest

from gelf_listener.client import Search
from gelf_listener.client.graylog import GraylogClient


class Asked:
    """Notes what is asked for."""

    url = "http://graylog.example.org"

    def __init__(self) -> None:
        self.parameters: dict[str, Any] = {}

    def get(self, path: str, parameters: dict[str, Any]) -> dict[str, Any]:
        self.parameters = parameters
        return {"schema": [], "datarows": []}


@pytest.mark.parametrize(
    ("since", "timerange"),
    [
        ("", "10y"),
        ("15m", "15m"),
        ("1M", "1M"),
        ("1h30m", "5400s"),
        ("1.5h", "5400s"),
        ("500ms", "1s"),
        ("yesterday", "yesterday"),
    ],
)
def test_stretches_of_time(since: str, timerange: str) -> None:
    """Graylog knows one whole number and one unit, and words."""
    asked = Asked()
    GraylogClient(asked).search(Search("*", since, 10, "timestamp:desc", None))  # type: ignore[arg-type]
    assert asked.parameters["timerange"] == timerange
