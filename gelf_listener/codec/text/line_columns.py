"""
Line columns: lines of a stream that are records with the names of others before them -> what each says, by columns.

A line of code logs records with the same names, in JSON or as pairs. What a name means is decided once for all of them
(`RecordColumns`), and values are taken out by one match for a line, or one for many. A line in which anything needs a
second look is left to the reader of single lines, which says the same of the others; a property test holds both to it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any

from gelf_listener.codec.json_shapes import JsonShapes
from gelf_listener.codec.levels import severity_of_text
from gelf_listener.codec.text.pairs import SURE_LEVELS, SURE_TEXTS, read_pairs
from gelf_listener.codec.text.record_columns import RecordColumns, Said

_FEW = 8
"""So many lines are worth columns."""
_LEARN_EVERY = 128
"""Of so many lines of pairs that no shape has, one is looked at: an expression costs as much as reading sixty."""
_MAX_SHAPES = 8
_MAX_MISSES = 256
"""A shape that so many lines in a row do not have is forgotten."""
_MAX_NAMES = 64
_VALUE = r"""("[^"\\\x1b]*+"|[^\s"'\x1b\0][^\s"\x1b\0]*+|)"""
"""A value as `read_pairs` takes it; one that is escaped or has colours needs a second look."""
_LETTERS = frozenset(b"%c" % code for code in range(65, 123) if chr(code).isalpha())


class _Pairs:
    """
    Lines of pairs with the same names.

    Args:
        names: In order.
        columns: What they mean.
    """

    def __init__(self, names: Sequence[str], columns: RecordColumns) -> None:
        self.names = tuple(names)
        self.columns = columns
        self.match = re.compile(r"\s++".join(f"{re.escape(name)}={_VALUE}" for name in names) + r"\Z").match
        self.misses = 0

    @classmethod
    def of(cls, text: str, zone: dt.tzinfo | None) -> _Pairs | None:
        """Look at a line; None when those with its names need a second look, or it is something else."""
        pairs = read_pairs(text)
        if pairs is None or len(pairs) > _MAX_NAMES:
            return None
        columns = RecordColumns.of_lines(pairs, zone)
        # With other names it is the values that show whether pairs are a record.
        if columns is None or columns.usual.text not in SURE_TEXTS or columns.usual.level not in SURE_LEVELS:
            return None
        first = next(iter(pairs))
        if first.isupper() and severity_of_text(first) is not None:
            return None
        made = cls(list(pairs), columns)
        return None if made.match(text) is None else made

    def read(self, rows: list[tuple[str, ...]], now: float) -> list[Said | None]:
        """Return what lines say whose values these are."""
        columns: list[list[Any]] = [
            [value.strip('"') for value in column] if '"' in "".join(column) else [*column]
            for column in zip(*rows, strict=True)
        ]
        return self.columns.read(columns, now, None, is_whole=True)


class LineColumns:
    """
    Reads lines of one stream that have the names of those before them.

    Args:
        zone: Of times without an offset; None: this machine's.
    """

    def __init__(self, zone: dt.tzinfo | None) -> None:
        self._zone = zone
        self._objects = JsonShapes(lambda record: RecordColumns.of_lines(record, zone))  # not a method: no circle
        self._pairs: list[_Pairs] = []
        self._missed = 0

    def read(self, lines: Sequence[bytes], firsts: Sequence[bytes], now: float) -> list[Said | None] | None:
        """
        Read lines.

        Args:
            lines: Without their ends.
            firsts: The first byte of each.
            now: UTC Unix seconds.

        Returns:
            What each says, None for one that is to be read by itself; None when all of them are.
        """
        has_objects = firsts.count(b"{") >= _FEW
        has_pairs = len(lines) >= _FEW and (bool(self._pairs) or b"=" in lines[-1])
        if not has_objects and not has_pairs:
            return None
        found: list[Said | None] = [None] * len(lines)
        if has_objects:
            self._read_objects(lines, firsts, now, found)
        if has_pairs:
            self._read_pairs(lines, firsts, now, found)
        return found

    def _read_objects(
        self, lines: Sequence[bytes], firsts: Sequence[bytes], now: float, found: list[Said | None]
    ) -> None:
        places = [place for place, first in enumerate(firsts) if first == b"{"]
        objects = [lines[place] for place in places]
        for columns, some, values, is_whole in self._objects.read(objects):
            for place, said in zip(some, columns.read(values, now, None, is_whole=is_whole), strict=True):
                found[places[place]] = said

    def _read_pairs(
        self, lines: Sequence[bytes], firsts: Sequence[bytes], now: float, found: list[Said | None]
    ) -> None:
        shapes = self._pairs
        rows: dict[_Pairs, tuple[list[int], list[tuple[str, ...]]]] = {}
        for place, (first, line) in enumerate(zip(firsts, lines, strict=True)):
            if first not in _LETTERS or b"=" not in line:
                continue
            text = line.decode("utf-8", "replace")
            for shape in shapes:
                match = shape.match(text)
                if match is not None:
                    shape.misses = 0
                    some = rows.get(shape)
                    if some is None:
                        some = rows[shape] = [], []
                    some[0].append(place)
                    some[1].append(match.groups())
                    break
                shape.misses += 1
            else:
                self._missed += 1
                if self._missed >= _LEARN_EVERY:
                    self._learn(text)
        for shape, (places, values) in rows.items():
            for place, said in zip(places, shape.read(values, now), strict=True):
                found[place] = said
        if len(shapes) > 1:  # those that came most are tried first
            shapes.sort(key=lambda shape: len(rows[shape][0]) if shape in rows else 0, reverse=True)
            self._pairs = [shape for shape in shapes if shape.misses < _MAX_MISSES]

    def _learn(self, text: str) -> None:
        """Make a shape of a line; the one that came least goes."""
        self._missed = 0
        shape = _Pairs.of(text, self._zone)
        if shape is not None and all(shape.names != other.names for other in self._pairs):
            del self._pairs[_MAX_SHAPES - 1 :]
            self._pairs.insert(0, shape)
