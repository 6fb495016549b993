"""Fixtures of the unit tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pytest

from gelf_listener import plugins
from gelf_listener.plugins import OUTPUT_GROUP, registered

Install = Callable[..., None]


class FakeDistribution:
    """What an entry point knows of its distribution."""

    name = "acme-logs"

    def __init__(self, *extras: str) -> None:
        self._extras = extras

    @property
    def metadata(self) -> Any:
        return self

    def get_all(self, name: str) -> list[str]:
        assert name == "Provides-Extra"
        return list(self._extras)


@pytest.fixture(autouse=True)
def long_turns(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work off what a connection is fed at once: how long that takes depends on the machine (`inputs.turns`)."""
    if request.path.name != "test_turns.py":
        monkeypatch.setattr("gelf_listener.inputs.turns.TURN_SECONDS", 3600.0)


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Add an entry point to those that are installed."""
    added: list[EntryPoint] = []

    def add(name: str, value: str, group: str = OUTPUT_GROUP, extras: tuple[str, ...] = ()) -> None:
        point = EntryPoint(name, value, group)
        vars(point)["dist"] = FakeDistribution(*extras)
        added.append(point)
        registered.cache_clear()

    def all_points(group: str) -> list[EntryPoint]:
        return [*entry_points(group=group), *(point for point in added if point.group == group)]

    monkeypatch.setattr(plugins, "entry_points", all_points)
    registered.cache_clear()
    yield add
    registered.cache_clear()
