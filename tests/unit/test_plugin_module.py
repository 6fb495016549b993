"""The public module for plug-ins: complete, typed, and loaded bit by bit."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from gelf_listener import plugin


def typed_homes() -> dict[str, str]:
    """Where the type checker is told that each name lives."""
    tree = ast.parse(Path(plugin.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    return {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_every_name_is_there() -> None:
    """At run time, for the type checker and in `__all__` alike."""
    homes = typed_homes()
    assert sorted(plugin.__all__) == sorted(homes)
    for name, home in homes.items():
        found, (module, there) = getattr(plugin, name), plugin._HOME_OF[name]
        assert home == f"gelf_listener.{module}.{there}"
        assert inspect.getdoc(found) or name == "FieldValue"


def test_other_names_are_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = plugin.Nonsense


@pytest.mark.parametrize("name", ["Message", "OutputSettings"])
def test_an_output_does_not_load_inputs(name: str) -> None:
    """Start-up time is paid by those who use what costs it."""
    code = (
        f"import sys; from gelf_listener.plugin import {name}; "
        "print([m for m in sys.modules if m in ('httptools', 'httpx') or m.startswith('gelf_listener.inputs')])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
