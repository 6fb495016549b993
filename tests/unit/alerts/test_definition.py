"""What an alert may be."""

from __future__ import annotations

from typing import Any

import pytest

from gelf_listener.alerts.definition import Alert
from gelf_listener.config import Config
from gelf_listener.errors import ConfigError


@pytest.mark.parametrize(
    ("settings", "condition", "interval"),
    [
        ({"more_than": 10}, "more than 10 in 5m", 60),
        ({"none": True, "window": "10m"}, "none in 10m", 60),
        ({"new_value_of": "version", "window": "1m"}, "a new value of version", 12),
        ({"metric": "p95:duration_ms", "above": 500, "window": "10s"}, "p95:duration_ms above 500 in 10s", 10),
        ({"more_than": 0, "every": "2s"}, "more than 0 in 5m", 2),
    ],
)
def test_conditions(settings: dict[str, Any], condition: str, interval: float) -> None:
    alert = Alert.from_values({"name": "a"} | settings, "test")
    assert (alert.condition, alert.interval) == (condition, interval)
    assert Alert.model_validate(alert.model_dump(mode="json", exclude_defaults=True)) == alert


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "give one of more_than, none, new_value_of, or metric"),
        ({"more_than": 1, "none": True}, "give one of"),
        ({"metric": "p95:ms"}, "metric and above go together"),
        ({"more_than": 1, "above": 1}, "metric and above go together"),
        ({"metric": "p95", "above": 1}, "p95 with a field"),
        ({"more_than": 1, "query": "level:(3"}, "column"),
        ({"more_than": 1, "window": "0s"}, "window"),
        ({"more_than": -1}, "more_than"),
        ({"more_than": 1, "name": "a/b"}, "name"),
        ({"more_than": 1, "widow": "5m"}, "did you mean"),
    ],
)
def test_mistakes(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        Alert.from_values({"name": "a"} | settings, "alert a")


def test_in_the_configuration() -> None:
    """Tables; a mistake names the alert."""
    config = Config.from_values({"alerts": [{"name": "a", "none": True, "to": "console:"}]}, "test")
    assert config.alerts[0].to == ("console:",)
    for alerts, text in (
        ("a", "expected tables"),
        ([{"name": "a"}], "alert 'a'.*give one of"),
        ([{"name": "a", "none": True}] * 2, "two alerts are called 'a'"),
        ([{"name": str(n), "none": True} for n in range(101)], "at most 100"),
    ):
        with pytest.raises(ConfigError, match=text):
            Config.from_values({"alerts": alerts}, "test")
