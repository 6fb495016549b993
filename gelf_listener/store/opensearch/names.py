"""
Names: what the indices of a store are called.

A store has an index for each day (UTC). Whatever its prefix, patterns find all indices of it and none of a store whose
prefix begins alike, such as ``PREFIX-test``.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Protocol

TEMPLATES = "gelf-listener-store-"
"""What the index templates of stores are called, before their prefix."""


class IndexNames(Protocol):
    """
    Names of indices by their days, which are counted from 1970 on.

    Attributes:
        prefix: What they begin with.
        pattern: Finds them.
        template_pattern: The same for a template; of two that fit, the longer one comes first.
        alias: A name for the newest; empty when it has none.
    """

    prefix: str
    pattern: str
    template_pattern: str
    alias: str

    def of(self, day: int) -> str:
        """Return the name of a day's index."""

    def day(self, name: str) -> int | None:
        """Return the day of an index; None for one that is not of this store."""


class DatedNames:
    """``PREFIX-YYYY.MM.DD``."""

    alias = ""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.pattern = f"{prefix}-*.*.*,-{prefix}-*-*"
        self.template_pattern = f"{prefix}-*.*.*"

    def of(self, day: int) -> str:
        """Return the name of a day's index."""
        return f"{self.prefix}-{dt.date.fromordinal(_EPOCH + day):%Y.%m.%d}"

    def day(self, name: str) -> int | None:
        """Return the day of an index; None for one that is not of this store."""
        try:
            return dt.datetime.strptime(name, f"{self.prefix}-%Y.%m.%d").toordinal() - _EPOCH  # noqa: DTZ007  (a date)
        except ValueError:
            return None


class NumberedNames:
    """``PREFIX_NUMBER``, which a Graylog takes for its own; ``PREFIX_deflector`` is the newest."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.pattern = f"{prefix}_*,-{prefix}_*_*,-{prefix}_*-*,-{prefix}_*.*"
        self.template_pattern = f"{prefix}_*"
        self.alias = f"{prefix}_deflector"

    def of(self, day: int) -> str:
        """Return the name of a day's index."""
        return f"{self.prefix}_{day}"

    def day(self, name: str) -> int | None:
        """Return the day of an index; None for one that is not of this store."""
        found = re.fullmatch(rf"{re.escape(self.prefix)}_(\d+)", name, re.ASCII)
        return None if found is None else int(found[1])


_EPOCH = dt.date(1970, 1, 1).toordinal()
