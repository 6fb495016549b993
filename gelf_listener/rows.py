"""
Rows: additional fields that were read by columns -> a dict, when somebody asks for one.

Records of one shape have the same names, so a message of such a record holds its values only, and shares the names
with all the others. A file output writes it without ever making a dict (see `python -m bench.intake`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from gelf_listener.document_classes import OFTEN, make_document_class
from gelf_listener.notes import Note


class Names:
    """
    What the rows of one shape share.

    Args:
        names: Of additional fields, clean, without underscores. Of one that is there twice the last value counts.
        notes: On them.
    """

    __slots__ = ("_asked", "document", "names", "notes")

    def __init__(self, names: tuple[str, ...], notes: tuple[Note, ...] = ()) -> None:
        self.names = names
        self.notes = notes
        self.document: Any = None
        """Writes a message with them; None when a dict has to. See `ask`."""
        self._asked = 0

    def ask(self) -> Any:
        """Return `document` where there is none yet: it is made when it has been asked for often enough."""
        self._asked += 1
        if self._asked == OFTEN:
            self.document = make_document_class(self.names)
        return self.document


@lru_cache(maxsize=512)
def shared_names(names: tuple[str, ...], notes: tuple[Note, ...]) -> Names:
    """Return the names of rows that come with one request after another."""
    return Names(names, notes)


class Row(msgspec.Struct, gc=False, eq=False):
    """
    The additional fields of one message (see `Message.fields`), not put into a dict yet.

    Attributes:
        names: Of the fields.
        values: As many.
    """

    names: Names
    values: tuple[str | int | float | bool, ...]

    def __call__(self, _: bytes) -> tuple[dict[str, str | int | float | bool], tuple[Note, ...]]:
        """Put them into a dict; `OpenFields`."""
        names = self.names
        return dict(zip(names.names, self.values)), names.notes  # noqa: B905  (costs more)
