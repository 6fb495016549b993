"""Every setting that is a size or a duration takes both with units, whichever input, output or table it belongs to."""

from __future__ import annotations

import re
import types
from typing import Any, NamedTuple, Union, get_args, get_origin

import pytest
from pydantic import create_model
from pydantic.fields import FieldInfo

from gelf_listener.config import Config, load_config
from gelf_listener.errors import ConfigError
from gelf_listener.plugins import INPUT_GROUP, OUTPUT_GROUP, load, names
from gelf_listener.quantities import exact_duration, exact_size, parse_duration, parse_size
from gelf_listener.settings import OutputSettings, Settings, quantity_of, written


class Setting(NamedTuple):
    owner: str
    name: str
    field: FieldInfo

    def __str__(self) -> str:
        return f"{self.owner}-{self.name}"

    def read(self, value: object) -> Any:
        """The setting's value, of a table that has no other settings."""
        fields: dict[str, Any] = {self.name: (self.field.annotation, self.field)}
        table = create_model("Table", __base__=Settings, **fields)
        return getattr(table.from_values({self.name: value}, "there"), self.name)

    def bounds(self) -> tuple[float, float]:
        """The least value that is surely allowed, and the largest."""
        least, most = 0.0, float("inf")
        for each in self.field.metadata:
            least = max(least, getattr(each, "ge", 0) or 0, getattr(each, "gt", 0) or 0)
            most = min(most, getattr(each, "le", most) or most)
        return least, most


def numbers_of(annotation: Any) -> set[type]:
    """The types of numbers an annotation allows."""
    parts = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    return {each for part in parts for each in (part, *get_args(part)) if each in (int, float)}


def every_setting() -> list[Setting]:
    owners = [("config", Config)] + [
        (f"{group.rpartition('.')[2]}-{scheme}", load(group, scheme).Settings)
        for group in (INPUT_GROUP, OUTPUT_GROUP)
        for scheme in names(group)
    ]
    return [Setting(owner, name, field) for owner, model in owners for name, field in model.model_fields.items()]


ALL = every_setting()
QUANTITIES = [each for each in ALL if quantity_of(each.field) is not None]
SIZES = [each for each in QUANTITIES if int in numbers_of(each.field.annotation)]
DURATIONS = [each for each in QUANTITIES if float in numbers_of(each.field.annotation)]


def test_there_is_something_to_ask() -> None:
    """Of both kinds, and nothing that is neither."""
    assert len(SIZES) > 50
    assert len(DURATIONS) > 100
    assert len(SIZES) + len(DURATIONS) == len(QUANTITIES)


def test_no_other_setting_is_a_size_or_a_duration() -> None:
    """A number is one of them or it counts something: a new setting cannot miss the grammar."""
    named = re.compile(
        r"bytes|size|seconds|_ms\b|timeout|interval|_age|linger|period|bytes|\bsecond|\bKiB|\bMiB", re.IGNORECASE
    )
    missed = [
        str(each)
        for each in ALL
        if (kinds := numbers_of(each.field.annotation)) and quantity_of(each.field) is None
        if float in kinds or named.search(f"{each.name} {each.field.description}")
    ]
    assert missed == []


@pytest.mark.parametrize("setting", SIZES, ids=str)
def test_sizes(setting: Setting) -> None:
    """Bytes as a number or a text, kibibytes, a decimal unit; and what is not one is an error that says what is."""
    least, most = setting.bounds()
    size = int(max(least, 8192)) if most >= 8192 else int(most)
    for text in (size, str(size), exact_size(size), f"{size / 1024:.10f}KiB", f"{size}b"):
        assert setting.read(text) == size, text
    assert parse_size(written(setting.field, size)) == size
    for text in ("soon", "1h", "8M", True, -1):
        with pytest.raises(ConfigError, match=f"setting '{setting.name}' is {text!r}: expected a size .*64MiB"):
            setting.read(text)


@pytest.mark.parametrize("setting", DURATIONS, ids=str)
def test_durations(setting: Setting) -> None:
    """Seconds or milliseconds as a number, any units; and what is not one is an error that says what is."""
    least, most = setting.bounds()
    seconds = max(least, 1.5) if most >= 1.5 else most
    assert setting.read(f"{seconds:.3f}s") == pytest.approx(seconds)
    assert setting.read(f"{seconds * 1000:.0f}ms") == pytest.approx(seconds)
    assert setting.read(exact_duration(seconds)) == pytest.approx(seconds)
    assert parse_duration(written(setting.field, seconds)) == pytest.approx(seconds)
    factor = 1000 if setting.name == "fetch_wait_max" else 1
    assert setting.read(seconds * factor) == setting.read(str(seconds * factor)) == pytest.approx(seconds)
    if most >= 61:
        assert setting.read("1m1s") == 61
    for text in ("soon", "10MB", "1h1h", True, "nan", -1):
        with pytest.raises(ConfigError, match=f"setting '{setting.name}' is {text!r}: expected .*1h30m"):
            setting.read(text)


def test_bounds_are_said_with_units() -> None:
    """And the value as it was written."""
    with pytest.raises(ConfigError) as caught:
        OutputSettings.from_values({"linger": "1h", "max_buffer_bytes": "0B"}, "there")
    size, duration = str(caught.value).splitlines()
    assert size == (
        "there: setting 'max_buffer_bytes' is '0B': expected a size in bytes, or with the unit kB, MB, GB, TB, KiB, "
        "MiB, GiB or TiB, such as 64MiB, at least 1"
    )
    assert duration == (
        "there: setting 'linger' is '1h': expected a duration with the units us, ms, s, m, h, d, w, such as 250ms or "
        "1h30m (a plain number is seconds), at least 0, at most 1m"
    )


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("max_age", "1h30m", 5400),
        ("commit_seconds", "2s", 2),
        ("write_timeout", "2m", 120),
        ("max_buffer_bytes", "100MB", 100_000_000),
        ("max_bytes", "10GiB", 10 * 1024**3),
    ],
)
def test_the_store(name: str, text: str, value: float) -> None:
    """In an address as in a table."""
    from gelf_listener.address import Address

    settings = load(OUTPUT_GROUP, "store").Settings
    assert getattr(settings.from_address(Address.parse(f"store:?{name}={text}")), name) == value
    assert getattr(settings.from_values({name: text}, "table"), name) == value


def test_file_environment_and_flag(tmp_path: Any) -> None:
    """The listener's own setting, wherever it is said."""
    file = tmp_path / "listener.toml"
    file.write_text('drain_seconds = "1m30s"\n')
    assert load_config({}, file, {}).drain_seconds == 90
    assert load_config({}, None, {"GELF_DRAIN_SECONDS": "500ms"}).drain_seconds == 0.5
    assert load_config({"drain_seconds": "2m"}, None, {}).drain_seconds == 120
    assert load_config({"drain_seconds": "7.5"}, None, {}).drain_seconds == 7.5
