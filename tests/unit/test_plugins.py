"""Plug-ins: ours, a third party's, missing ones, broken ones."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, ClassVar

import pytest

from gelf_listener.address import Address
from gelf_listener.errors import ConfigError
from gelf_listener.outputs.null import NullOutput
from gelf_listener.plugins import INPUT_GROUP, OUTPUT_GROUP, load, make, names
from gelf_listener.settings import OutputSettings
from tests.unit.conftest import Install
from tests.unit.fakes import FakeOutput, PluggedOutput


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module that can be imported as `acme`."""
    made = ModuleType("acme")
    monkeypatch.setitem(sys.modules, "acme", made)
    return made


def error_of(call: Callable[[], object]) -> str:
    with pytest.raises(ConfigError) as caught:
        call()
    return str(caught.value)


def test_ours() -> None:
    """All of them are installed and can be loaded."""
    assert {"gelf+udp", "gelf+tcp", "gelf+tls", "gelf+http", "gelf+https"} <= set(names(INPUT_GROUP))
    assert {"console", "file", "null"} <= set(names(OUTPUT_GROUP))
    for group in (INPUT_GROUP, OUTPUT_GROUP):
        for name in names(group):
            loaded = load(group, name)
            assert loaded.__doc__
            assert all(field.description for field in loaded.Settings.model_fields.values())


def test_make() -> None:
    """An address and the rest of its table become settings; the table wins over the address."""
    made = make(OUTPUT_GROUP, Address.parse("null:?batch=5&name=a"), {"name": "b", "linger": 2})
    assert isinstance(made, NullOutput)
    assert (made.settings.batch, made.settings.name, made.settings.linger) == (5, "b", 2)


def test_unknown() -> None:
    """The error suggests the nearest one, or names all there are."""
    assert error_of(lambda: load(INPUT_GROUP, "gelf+upd")) == "unknown input 'gelf+upd'; did you mean 'gelf+udp'?"
    text = error_of(lambda: load(OUTPUT_GROUP, "zzzzzz"))
    assert text.startswith("unknown output 'zzzzzz'; known outputs: ")
    assert "console" in text


def test_third_party(install: Install, module: ModuleType) -> None:
    """Plugs in the same way."""
    module.Output = PluggedOutput  # type: ignore[attr-defined]
    install("acme", "acme:Output")
    made = make(OUTPUT_GROUP, Address.parse("acme:?batch=7"))
    assert isinstance(made, PluggedOutput)
    assert made.settings.batch == 7
    assert "acme" in names(OUTPUT_GROUP)


def test_ours_win(install: Install, module: ModuleType) -> None:
    """A third party cannot replace what the documentation describes."""
    module.Output = FakeOutput  # type: ignore[attr-defined]
    install("null", "acme:Output")
    assert load(OUTPUT_GROUP, "null") is NullOutput


def test_a_missing_library(install: Install) -> None:
    """The error says what is missing, and how to install it where there is an extra for that."""
    install("acme+tls", "no_such_library.x:Output", extras=("acme", "other"))
    assert error_of(lambda: load(OUTPUT_GROUP, "acme+tls")) == (
        "output 'acme+tls' needs 'no_such_library', which is not installed; try: pip install 'acme-logs[acme]'"
    )
    install("bare", "no_such_library.x:Output")
    assert error_of(lambda: load(OUTPUT_GROUP, "bare")).endswith("which is not installed")


def test_a_missing_class(install: Install, module: ModuleType) -> None:
    """The error says where it was looked for."""
    install("acme", "acme:Outptu")
    assert "output 'acme' (acme:Outptu) cannot be loaded: AttributeError" in error_of(
        lambda: load(OUTPUT_GROUP, "acme")
    )


def test_a_broken_module(install: Install, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever importing it raises is one line, not a traceback."""
    (tmp_path / "acme_broken.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    install("acme", "acme_broken:Output")
    assert "cannot be loaded: ZeroDivisionError: division by zero" in error_of(lambda: load(OUTPUT_GROUP, "acme"))


def test_no_settings(install: Install, module: ModuleType) -> None:
    """A class without a settings model is told what it lacks."""
    module.Output = object  # type: ignore[attr-defined]
    install("acme", "acme:Output")
    assert (
        error_of(lambda: load(OUTPUT_GROUP, "acme")) == "output 'acme' (acme:Output) has no Settings derived from ours"
    )


def test_a_class_that_refuses_its_settings(install: Install, module: ModuleType) -> None:
    """The error names the address."""

    class Picky:
        Settings: ClassVar[type[OutputSettings]] = OutputSettings

        def __init__(self, settings: OutputSettings) -> None:
            raise ConfigError("setting 'name' is not to my taste")

    module.Output = Picky  # type: ignore[attr-defined]
    install("acme", "acme:Output")
    assert error_of(lambda: make(OUTPUT_GROUP, Address.parse("acme:"))) == "acme:: setting 'name' is not to my taste"
