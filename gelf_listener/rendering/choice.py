"""Choice: settings about rendering that several outputs share, and the renderer they ask for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator

from gelf_listener.rendering import Fields


def _split_names(value: object) -> object:
    """Let a comma-separated text stand for a list, and GELF's underscore stand before a name."""
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list | tuple):
        return names
    return [name.strip().removeprefix("_") if isinstance(name, str) else name for name in names if name != ""]


FieldChoice = Annotated[tuple[str, ...], BeforeValidator(_split_names)]
"""``usual``, ``all``, ``none``, or names of additional fields separated by commas."""

TimeZone = Literal["local", "utc"]
"""In which zone times are shown."""


def chosen_fields(choice: tuple[str, ...]) -> Fields:
    """Return the fields a setting means; which are usual is for whoever shows them to say."""
    if choice in (("all",), ("usual",)):
        return None
    return () if choice == ("none",) else choice


def wants_color(choice: Literal["auto", "always", "never"], environment: Mapping[str, str], fd: int) -> bool:
    """
    Tell whether to colour what goes to a file descriptor.

    ``auto`` heeds, in CPython's own order: NO_COLOR (no-color.org), FORCE_COLOR and CLICOLOR_FORCE (where ``0`` means
    no), TERM=dumb and CLICOLOR=0, and then whether it is a terminal.
    """
    if choice != "auto":
        return choice == "always"
    if environment.get("NO_COLOR"):
        return False
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE"):
        if environment.get(name):
            return environment[name] != "0"
    if environment.get("TERM") == "dumb" or environment.get("CLICOLOR") == "0":
        return False
    return os.isatty(fd)
