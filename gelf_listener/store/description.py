"""
Description: what is known of a partition without asking its index, in ``partition.json`` beside it.

It is written before the commit it belongs to, so it never knows less than the index: its spans and its names may be
too wide, never too narrow.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, Self

from gelf_listener.store.schema import FORMAT, SAME_INDEX, Names

_FILE_NAME = "partition.json"


class Description:
    """
    A partition's description.

    Attributes:
        format: Of its index; see `schema.FORMAT`.
        first: Earliest timestamp, microseconds; None while the index is empty.
        last: Latest timestamp.
        received: When the newest message arrived, microseconds.
        created_at: When it was begun, UTC Unix seconds.
        names: Of the additional fields.
    """

    def __init__(self) -> None:
        self.format = FORMAT
        self.first: int | None = None
        self.last: int | None = None
        self.received: int | None = None
        self.created_at = time.time()
        self.names = Names()
        self._known = ""

    @classmethod
    def read(cls, directory: Path) -> Self:
        """
        Read a partition's description; a fresh one when there is none.

        Raises:
            ValueError: If it cannot be understood.
            OSError: If it cannot be read.
        """
        made = cls()
        try:
            text = (directory / _FILE_NAME).read_text("utf-8")
        except FileNotFoundError:
            return made
        try:
            found: dict[str, Any] = json.loads(text)
            made.format = int(found.get("format", 1))
            made.created_at = float(found["created_at"])
            if SAME_INDEX <= made.format <= FORMAT:
                made.format = FORMAT  # once it is written again
                made.first, made.last, made.received = found["first"], found["last"], found["received"]
                letters = {str(key): str(each) for key, each in found.get("letters", {}).items()}
                made.names = Names({key: set(kinds) for key, kinds in found["names"].items()}, letters)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{_FILE_NAME}: {error!r}") from None
        made._known = text
        return made

    @staticmethod
    def is_there(directory: Path) -> bool:
        """Whether a partition has one."""
        return (directory / _FILE_NAME).exists()

    def of_nothing(self) -> Description:
        """Return the same for an empty index."""
        made = Description()
        made.format, made.created_at, made.received = self.format, self.created_at, self.received
        return made

    def take_in(self, first: int, last: int, received: int) -> None:
        """Widen the spans by those of some messages, microseconds."""
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)
        self.received = received if self.received is None else max(self.received, received)

    def write(self, directory: Path) -> None:
        """
        Write it, if anything has changed.

        Raises:
            OSError: If it cannot be written.
        """
        text = json.dumps(
            {
                "format": self.format,
                "first": self.first,
                "last": self.last,
                "received": self.received,
                "created_at": self.created_at,
                "names": {key: sorted(kinds) for key, kinds in list(self.names.kinds.items())},
                "letters": self.names.letters,
            }
        )
        if text == self._known:
            return
        draft = directory / (_FILE_NAME + ".new")
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(directory / _FILE_NAME)
        self._known = text
