"""Plug-ins: inputs and outputs by address scheme, from entry points, ours and third parties' alike."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from gelf_listener.address import Address
from gelf_listener.errors import ConfigError

__all__ = ["INPUT_GROUP", "OUTPUT_GROUP", "load", "make", "names", "registered"]

INPUT_GROUP = "gelf_listener.inputs"
OUTPUT_GROUP = "gelf_listener.outputs"


@cache
def registered(group: str) -> Mapping[str, EntryPoint]:
    """Return the entry points of a group by scheme; ours win over a third party's of the same name."""
    points = sorted(entry_points(group=group), key=lambda point: point.value.startswith("gelf_listener."))
    return {point.name: point for point in points}


def names(group: str) -> list[str]:
    """Return the schemes of a group, sorted."""
    return sorted(registered(group))


def load(group: str, scheme: str) -> type[Any]:
    """
    Import the class of a scheme.

    Raises:
        ConfigError: If nobody registered the scheme, or the plug-in cannot be imported.
    """
    known = registered(group)
    kind = "input" if group == INPUT_GROUP else "output"
    if scheme not in known:
        near = difflib.get_close_matches(scheme, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known {kind}s: {', '.join(names(group)) or 'none'}"
        raise ConfigError(f"unknown {kind} {scheme!r}; {hint}")
    try:
        loaded: type[Any] = known[scheme].load()
    except ImportError as error:
        missing = error.name or str(error)
        raise ConfigError(
            f"{kind} {scheme!r} needs {missing!r}, which is not installed; try pip install 'gelf-listener[{scheme}]'"
        ) from None
    except AttributeError as error:
        raise ConfigError(f"{kind} {scheme!r} is registered as {known[scheme].value!r}: {error}") from None
    return loaded


def make(group: str, address: Address, table: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401  (Input or Output)
    """
    Make an input or output from its address and, where it came from a file, the rest of its table.

    Raises:
        ConfigError: If the scheme is unknown or a setting does not fit.
    """
    plugin = load(group, address.scheme)
    if table:
        merged = address._replace(settings={**address.settings, **{name: value for name, value in table.items()}})
        address = merged
    return plugin(plugin.Settings.from_address(address))
