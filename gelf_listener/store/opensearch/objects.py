"""
Objects: columns of values -> JSON objects, one for each row, without a dict where the same names come often.

A class with the names is made then, whose instances cost a ninth of what dicts cost to make, and less to write.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

OFTEN = 200
"""So many objects have the same names before a class is made of them, which costs as much as that many dicts."""

_MAX_CLASSES = 256
_MAX_COUNTED = 512
_MAX_NAMES = 100


class Objects:
    """Knows classes of objects by their names; both are bounded."""

    def __init__(self) -> None:
        self._classes: dict[tuple[str, ...], Any] = {}
        self._counts: dict[tuple[str, ...], int] = {}

    def of(self, names: tuple[str, ...], columns: Sequence[Sequence[Any]]) -> Iterable[Any]:
        """
        Make objects that msgspec writes.

        Args:
            names: Of their values; none of them twice.
            columns: For each name the values, one for each object.
        """
        made = self._classes.get(names) or self._count(names, len(columns[0]))
        if made is not None:
            return map(made, *columns)
        return [dict(zip(names, row)) for row in zip(*columns, strict=True)]  # noqa: B905  (costs more)

    def _count(self, names: tuple[str, ...], more: int) -> Any:
        if len(names) > _MAX_NAMES:
            return None
        if len(self._counts) >= _MAX_COUNTED and names not in self._counts:
            self._counts.clear()
        count = self._counts[names] = self._counts.get(names, 0) + more
        if count < OFTEN:
            return None
        if len(self._classes) >= _MAX_CLASSES:
            self._classes.clear()
        del self._counts[names]
        rename = {f"f{number}": name for number, name in enumerate(names)}
        made = msgspec.defstruct("Object", [(field, Any) for field in rename], rename=rename, gc=False, eq=False)
        self._classes[names] = made
        return made
