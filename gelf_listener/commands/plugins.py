"""``gelf-listener plugins``: what inputs and outputs there are, and what they can be told."""

from __future__ import annotations

import difflib

from pydantic.fields import FieldInfo

from gelf_listener.errors import ConfigError
from gelf_listener.plugins import INPUT_GROUP, OUTPUT_GROUP, load, names, registered
from gelf_listener.settings import written


def show_plugins(name: str | None) -> None:
    """
    List plug-ins, or the settings of one.

    Raises:
        ConfigError: If no plug-in has the name.
    """
    groups = (("inputs", INPUT_GROUP), ("outputs", OUTPUT_GROUP))
    if name is None:
        for title, group in groups:
            print(f"{title}:")
            width = max(map(len, names(group)))
            for scheme in names(group):
                print(f"  {scheme:{width}}  {_summary(group, scheme)}")
        return
    found = [(title, group) for title, group in groups if name in registered(group)]
    if not found:
        known = sorted({*names(INPUT_GROUP), *names(OUTPUT_GROUP)})
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
        raise ConfigError(f"no plug-in is called {name!r}; {hint}")
    for title, group in found:
        print(f"{title.removesuffix('s')} {name}: {_summary(group, name)}")
        for field, info in load(group, name).Settings.model_fields.items():
            default = "required" if info.is_required() else f"default {_plain(info)}"
            print(f"  {field:26} {info.description} [{default}]")


def _summary(group: str, scheme: str) -> str:
    """Return the first line of the plug-in's docstring, or why it cannot be used."""
    distribution = registered(group)[scheme].dist
    origin = f" ({distribution.name})" if distribution is not None and distribution.name != "gelf-listener" else ""
    try:
        plugin = load(group, scheme)
    except ConfigError as error:
        return f"{error}{origin}"
    text = (plugin.__doc__ or "").strip().partition("\n")[0].replace("`", "")
    return text + origin


def _plain(info: FieldInfo) -> str:
    value = info.get_default()
    if value in ("", None, ()):
        return "empty"
    return written(info, value)
