"""Plug-ins: inputs and outputs by address scheme, from entry points, ours and third parties' alike."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from gelf_listener.address import Address
from gelf_listener.errors import ConfigError
from gelf_listener.settings import Settings

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
    point = known[scheme]
    try:
        loaded: type[Any] = point.load()
    except ModuleNotFoundError as error:
        raise ConfigError(f"{kind} {scheme!r} needs {error.name!r}, which is not installed{_remedy(point)}") from None
    except Exception as error:  # noqa: BLE001  (a third party's code)
        detail = f"{type(error).__name__}: {error}"
        raise ConfigError(f"{kind} {scheme!r} ({point.value}) cannot be loaded: {detail}") from None
    settings = getattr(loaded, "Settings", None)
    if not (isinstance(settings, type) and issubclass(settings, Settings)):
        raise ConfigError(f"{kind} {scheme!r} ({point.value}) has no Settings derived from ours")
    return loaded


def _remedy(point: EntryPoint) -> str:
    """Say how to install what a plug-in needs, where its distribution has an extra for that."""
    if point.dist is None:
        return ""
    extras = point.dist.metadata.get_all("Provides-Extra") or []
    wanted = [name for name in (point.name, *reversed(point.name.split("+"))) if name in extras]
    if not wanted:
        return ""
    if point.dist.name == "gelf-listener":  # it is installed from its source, or from a wheel built there
        return f"; in the directory of gelf-listener's source: pip install '.[{wanted[0]}]'"
    return f"; try: pip install '{point.dist.name}[{wanted[0]}]'"


def make(group: str, address: Address, table: Mapping[str, Any] | None = None) -> Any:
    """
    Make an input or output from its address and, where it came from a file, the rest of its table.

    Raises:
        ConfigError: If the scheme is unknown or a setting does not fit.
    """
    plugin = load(group, address.scheme)
    if table:
        address = address._replace(settings=address.settings | dict(table))
    settings = plugin.Settings.from_address(address)
    try:
        return plugin(settings)
    except ConfigError as error:
        raise ConfigError(settings.scrubbed(f"{settings.shown(address)}: {error}")) from None
