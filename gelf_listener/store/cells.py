"""
Cells: how the values of one column of a table lie (`tables`).

Each kind of column is for values that have something in common: few different ones are numbered, numbers are written
as such, ids as the bytes they spell, values of one length character by character, and texts as numbered words.
`lay_out` looks which kind fits. Whatever a value looks like, it comes back byte by byte; that is tried on the spot
wherever it does not follow from how a column is made.
"""

from __future__ import annotations

import re
import sys
from array import array
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, pairwise
from operator import sub

import msgspec

_MAX_FEW = 256
_A_VALUE = 2
"""Rows that each numbered value has at least, on average: below, the list of them takes more than it saves."""
_MAX_WIDE = 96
_A_LOOK = 8
"""Rows that are looked at to tell whether bytes rise."""
_TOGETHER = 16
"""Values that lie together where they have nothing in common: that many are looked at to find one."""
_MIN_NUMBERS = 8
"""Numbers below which there is nothing to gain."""
_MAX_DIGITS = 18
"""Of a number that 64 bits hold whatever its digits are."""
_MAX_DECIMALS = 9
_PART_OF_BYTE = (8, 1, 2, 4, 4, 8, 8, 8)
"""By the bits that a number has beyond whole bytes: in how many of them they are written."""
_MIN_HEX = 8
"""Digits of an id, at least."""
_NUMBER = re.compile(rb"[1-9][0-9]{1,14}")
"""A number inside of a text, which is written apart from it."""
_HERE = b"\x00"
"""Where it was: no text of JSON has this character."""
_ROW_END = b"\x01"
"""Stands for a word between two rows; likewise."""
_MAX_WORDS = 254
_ROW_ENDS = bytes((_MAX_WORDS,))
"""The number of that word."""
_ANOTHER_WORD = 255
"""The number of all words that have none."""
_AGAIN = 3
"""Times that a word has to be there to be numbered."""

_encode = msgspec.json.Encoder().encode
_decode_wholes = msgspec.json.Decoder(list[int]).decode
_decode_decimals = msgspec.json.Decoder(list[float]).decode


class _Cells(msgspec.Struct, array_like=True, gc=False):
    """A column as most kinds are asked."""

    def of(self, row: int, cut: bytes) -> bytes:
        """Return the value of a row."""
        return self.all(cut)[row]

    def all(self, cut: bytes) -> Sequence[bytes]:
        """Return the values of all rows."""
        raise NotImplementedError

    def some(self, rows: Sequence[int], cut: bytes) -> Sequence[bytes]:
        """Return the values of some rows."""
        values = self.all(cut)
        return [values[row] for row in rows]

    def different(self, cut: bytes) -> bytes:
        """Return at least all different values, with cuts between them."""
        return cut.join(self.all(cut))

    def spread(self, different: Sequence[str]) -> Sequence[str]:
        """Return for all rows what was made of each of the different values."""
        return different


class Few(_Cells, tag=0):
    """
    Few different values.

    Attributes:
        values: All of them, with cuts between.
        numbers: The number of each row's; nothing where it follows from another column (`following`).
    """

    values: bytes
    numbers: bytes

    def of(self, row: int, cut: bytes) -> bytes:
        """Return the value of a row."""
        return self.values.split(cut)[self.numbers[row]]

    def all(self, cut: bytes) -> Sequence[bytes]:
        """Return the values of all rows."""
        return [*map(self.values.split(cut).__getitem__, self.numbers)]

    def different(self, cut: bytes) -> bytes:  # noqa: ARG002  (columns are asked alike)
        """Return all different values, with cuts between them."""
        return self.values

    def spread(self, different: Sequence[str]) -> Sequence[str]:
        """Return for all rows what was made of each of the different values."""
        return [*map(different.__getitem__, self.numbers)]


class _Wide(_Cells, tag=1):
    """
    Values of one length: the first byte of each, then the second of each, and so on.

    Attributes:
        data: These bytes.
        rows: How many values there are.
        rising: Places of bytes that are written as steps from the row before, as those of sequence numbers are.
    """

    data: bytes
    rows: int
    rising: bytes = b""

    def of(self, row: int, cut: bytes) -> bytes:  # noqa: ARG002
        value = bytearray(self.data[row :: self.rows])
        for at in self.rising:
            value[at] = sum(self.data[at * self.rows : at * self.rows + row + 1]) & 255
        return bytes(value)

    def all(self, cut: bytes) -> Sequence[bytes]:  # noqa: ARG002
        data = bytearray(self.data)
        for at in self.rising:
            begin, end = at * self.rows, (at + 1) * self.rows
            data[begin:end] = bytes([byte & 255 for byte in accumulate(data[begin:end])])
        whole = bytes(data)
        return [whole[row :: self.rows] for row in range(self.rows)]


class _Many(_Cells, tag=2):
    """Any other values, some together with cuts between them, so that one is found quickly."""

    data: list[bytes]

    def of(self, row: int, cut: bytes) -> bytes:
        return self.data[row // _TOGETHER].split(cut)[row % _TOGETHER]

    def all(self, cut: bytes) -> Sequence[bytes]:
        return cut.join(self.data).split(cut)

    def different(self, cut: bytes) -> bytes:
        return cut.join(self.data)


class _Numbers(_Cells, tag=3):
    """
    Numbers: the lowest byte of each, then the next one of each, and so on.

    Where few bits of the highest are needed, those of several numbers share a byte.

    Attributes:
        data: What there is beyond `least`: of each number, or, where they mostly rise, of its step from the one before.
        rows: How many there are.
        least: The least number, or step.
        begin: The number before the first step; None if there are no steps.
        digits: How many digits each is written with; 0 for as many as it has.
        scale: What they are divided by; 1 for whole numbers.
        highest: The bits of the highest byte that are written: 1, 2, 4 or 8.
    """

    data: bytes
    rows: int
    least: int
    begin: int | None
    digits: int
    scale: int
    highest: int = 8

    def of(self, row: int, cut: bytes) -> bytes:
        planes = _unfolded(self.data, self.rows, self.highest)
        if self.begin is None:
            number = self.least + int.from_bytes(planes[row :: self.rows], "little")
        else:
            number = self.begin + self.least * (row + 1) + sum(_joined(planes, self.rows)[: row + 1])
        return self._written([number], cut)

    def all(self, cut: bytes) -> Sequence[bytes]:
        return self.different(cut).split(cut)

    def different(self, cut: bytes) -> bytes:
        least = self.least
        planes = _unfolded(self.data, self.rows, self.highest)
        numbers = [least + number for number in _joined(planes, self.rows)]
        return self._written(numbers if self.begin is None else [*accumulate(numbers, initial=self.begin)][1:], cut)

    def _written(self, numbers: Sequence[int], cut: bytes) -> bytes:
        digits, scale = self.digits, self.scale
        if digits:
            return cut.join([b"%0*d" % (digits, number) for number in numbers])
        values: Sequence[float] = numbers if scale == 1 else [number / scale for number in numbers]
        return _encode(values)[1:-1].replace(b",", cut)


class _Hex(_Cells, tag=4):
    """
    Ids of hexadecimal digits.

    Attributes:
        data: The bytes that these spell.
        width: How many bytes an id has, where it has no half ones.
        dashes: Where it has dashes, or what else all ids have there.
        digits: How many digits it has but for those; 0 for those of so many bytes.
        same: What all ids have there; nothing for dashes.
    """

    data: bytes
    width: int
    dashes: bytes
    digits: int = 0
    same: bytes = b""

    def of(self, row: int, cut: bytes) -> bytes:  # noqa: ARG002
        every = self.digits or self.width * 2
        begin = row * every
        found = self.data[begin // 2 : (begin + every + 1) // 2].hex()[begin % 2 :][:every].encode()
        for at, each in self._everywhere():
            found = found[:at] + each + found[at:]
        return found

    def _everywhere(self) -> list[tuple[int, bytes]]:
        """What all ids have, and where, rising."""
        same = self.same or b"-" * len(self.dashes)
        return [(at, same[number : number + 1]) for number, at in enumerate(self.dashes)]

    def all(self, cut: bytes) -> Sequence[bytes]:
        return self.different(cut).split(cut)

    def different(self, cut: bytes) -> bytes:
        digits = self.data.hex().encode()
        every = self.digits or self.width * 2
        length = every + len(self.dashes) + len(cut)
        rows = len(digits) // every
        ids, digits = bytearray(rows * length), digits[: rows * every]
        taken, everywhere = iter(range(every)), dict(self._everywhere())
        for at in range(every + len(self.dashes)):
            ids[at::length] = everywhere[at] * rows if at in everywhere else digits[next(taken) :: every]
        for at, byte in enumerate(cut, every + len(self.dashes)):
            ids[at::length] = bytes((byte,)) * rows
        return bytes(ids[: len(ids) - len(cut)])


class _Apart(_Cells, tag=5):
    """Texts with as many numbers in each, which are written apart from what is around them."""

    texts: Column
    numbers: Column
    each: int

    def of(self, row: int, cut: bytes) -> bytes:
        around = self.texts.of(row, cut).split(_HERE)
        numbers = [self.numbers.of(each, cut) for each in range(row * self.each, (row + 1) * self.each)]
        return b"".join([part for pair in zip(around, [*numbers, b""], strict=True) for part in pair])

    def all(self, cut: bytes) -> Sequence[bytes]:
        return self.different(cut).split(cut)

    def different(self, cut: bytes) -> bytes:
        around = cut.join(self.texts.all(cut)).split(_HERE)
        parts = [b""] * (len(around) * 2 - 1)
        parts[::2] = around
        parts[1::2] = self.numbers.all(cut)
        return b"".join(parts)


class _Words(_Cells, tag=6):
    """
    Texts of words, with a blank between each two.

    Attributes:
        words: Those that are there often, with blanks between.
        numbers: The number of each word of all rows, or that it is another one, or that a row is over.
        others: Other words, with blanks between.
    """

    words: bytes
    numbers: bytes
    others: bytes

    def of(self, row: int, cut: bytes) -> bytes:
        rows = self.numbers.split(_ROW_ENDS, row + 1)
        return self._written(rows[row], b"".join(rows[:row]).count(_ANOTHER_WORD), cut)

    def all(self, cut: bytes) -> Sequence[bytes]:
        return self.different(cut).split(cut)

    def different(self, cut: bytes) -> bytes:
        return self._written(self.numbers, 0, cut)

    def _written(self, numbers: bytes, before: int, cut: bytes) -> bytes:
        """Return rows of words, some others of which come before."""
        words = self.words.split(b" ")
        words += [b""] * (_MAX_WORDS - len(words)) + [_ROW_END]
        if _ANOTHER_WORD in numbers:
            other = iter(self.others.split(b" ")[before:])
            found = b" ".join([words[each] if each != _ANOTHER_WORD else next(other) for each in numbers])
        else:
            found = b" ".join([*map(words.__getitem__, numbers)])
        return found.replace(b" " + _ROW_END + b" ", cut)


Column = Few | _Wide | _Many | _Numbers | _Hex | _Apart | _Words
"""What differs from row to row; `_Cells` says how it is asked."""


def fews(columns: Sequence[Column]) -> list[Few]:
    """Return the columns of few different values, with those inside of others."""
    found = [column.texts if isinstance(column, _Apart) else column for column in columns]
    return [column for column in found if isinstance(column, Few)]


def lay_out(values: Sequence[bytes], cut: bytes) -> Column:
    """
    Lay a column out.

    Args:
        values: One for each row; a cut is in none of them.
        cut: What stands between two fields.
    """
    rows, together = len(values), cut.join(values)
    few = _few(values, cut)
    if few is not None:
        return few
    width = len(values[0])
    same = len(together) == (width + len(cut)) * rows - len(cut) and len(set(map(len, values))) == 1
    numbers = _numbers(values, together.replace(cut, b","), width if same else 0)
    if numbers is not None:
        return numbers
    if same and width <= _MAX_WIDE:
        return _hex(values, width) or _wide([together[at :: width + len(cut)] for at in range(width)], rows)
    return _apart(values, together, cut) or _text(values, cut)


def _few(values: Sequence[bytes], cut: bytes) -> Few | None:
    found = set(values)
    if len(found) > min(_MAX_FEW, len(values) // _A_VALUE):
        return None
    different = sorted(found)
    numbers = dict(zip(different, range(len(different)), strict=True))
    return Few(cut.join(different), bytes(map(numbers.__getitem__, values)))


def _text(values: Sequence[bytes], cut: bytes) -> Column:
    return _words(values) or _Many([cut.join(values[at : at + _TOGETHER]) for at in range(0, len(values), _TOGETHER)])


def _numbers(values: Sequence[bytes], together: bytes, width: int) -> _Numbers | None:
    """Lay numbers out; None if any of the values is none, or would come back in another way."""
    if len(values) < _MIN_NUMBERS or not (values[0][:1].isdigit() or values[0][:1] == b"-"):
        return None
    wholes: list[int]
    try:
        if values[0].startswith(b"0") and 1 < width <= _MAX_DIGITS and b"".join(values).isdigit():
            return _packed([*map(int, values)], width, 1)
        if b"." not in together:
            scale, wholes = 1, _decode_wholes(b"[%b]" % together)
            back = _encode(wholes)
        else:
            decimals = max([len(value) - value.find(b".") for value in values]) - 1
            scale = 10 ** min(decimals, _MAX_DECIMALS)
            wholes = [round(number * scale) for number in _decode_decimals(b"[%b]" % together)]
            back = _encode([number / scale for number in wholes])
    except (msgspec.MsgspecError, OverflowError, ValueError):
        return None
    return _packed(wholes, 0, scale) if back[1:-1] == together and len(wholes) == len(values) else None


def _packed(numbers: Sequence[int], digits: int, scale: int) -> _Numbers | None:
    """Write numbers by their steps, where these are smaller; None if 64 bits do not hold what is to be written."""
    steps = [*map(sub, numbers[1:], numbers)]
    least, most, begin = min(numbers), max(numbers), None
    shortest, longest = min(steps), max(steps)
    if (longest - shortest) * 2 < most - least:
        begin, numbers, least, most = numbers[0] - shortest, [shortest, *steps], shortest, longest
    if most - least >= 1 << 64 or not all([-(1 << 63) <= number < 1 << 63 for number in (least, begin or 0)]):
        return None
    planes = _planes([number - least for number in numbers], most - least)
    highest = _PART_OF_BYTE[(most - least).bit_length() % 8]
    return _Numbers(_folded(planes, len(numbers), highest), len(numbers), least, begin, digits, scale, highest)


def _planes(numbers: Sequence[int], most: int) -> bytes:
    """Return the lowest byte of each number, then the next one of each, and so on, as far as the largest needs them."""
    raw = array("Q", numbers)
    if sys.byteorder == "big":
        raw.byteswap()
    data = raw.tobytes()
    return b"".join([data[at::8] for at in range((most.bit_length() + 7) // 8)])


def _folded(planes: bytes, rows: int, bits: int) -> bytes:
    """Write the last of some planes, of which no byte has more than so many bits, several of its bytes in one."""
    if bits == 8:
        return planes
    plane = planes[len(planes) - rows :]
    each = 8 // bits
    plane += bytes(-rows % each)
    folded = sum([int.from_bytes(plane[part::each], "big") << part * bits for part in range(each)])
    return planes[: len(planes) - rows] + folded.to_bytes(len(plane) // each, "big")


def _unfolded(data: bytes, rows: int, bits: int) -> bytes:
    """Return the planes that `_folded` was given."""
    if bits == 8:
        return data
    each = 8 // bits
    size = -(-rows // each)
    folded, plane = data[len(data) - size :], bytearray(size * each)
    for part in range(each):
        plane[part::each] = folded.translate(_PARTS[bits, part])
    return data[: len(data) - size] + plane[:rows]


_PARTS = {
    (bits, part): bytes([byte >> part * bits & (1 << bits) - 1 for byte in range(256)])
    for bits in (1, 2, 4)
    for part in range(8 // bits)
}
"""By the bits of a part of a byte, and which part it is: that part of every byte."""


def _joined(planes: bytes, rows: int) -> array[int]:
    """Return the numbers of `_planes`."""
    data = bytearray(rows * 8)
    for at in range(len(planes) // rows):
        data[at::8] = planes[at * rows : (at + 1) * rows]
    numbers = array("Q", bytes(data))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _hex(values: Sequence[bytes], width: int) -> _Hex | None:
    """Lay ids out; None if they are none, or if much is the same in all of them."""
    first, rows, together = values[0], len(values), b"".join(values)
    dashes = first.count(b"-")
    places = [at for at in range(width) if together[at::width].count(first[at]) == rows]
    digits = width - len(places)
    if width - dashes < _MIN_HEX or len(places) - dashes > (width - dashes) // 3:
        return None
    rest = bytearray(digits * rows)
    for to, at in enumerate([at for at in range(width) if at not in places]):
        rest[to::digits] = together[at::width]
    try:
        data = bytes.fromhex((rest + b"0" * (len(rest) % 2)).decode("ascii"))
    except ValueError:
        return None
    found = _Hex(data, 0, bytes(places), digits, bytes([first[at] for at in places]))
    return found if found.different(b"") == together else None


def _wide(planes: list[bytes], rows: int) -> _Wide:
    """Lay values of one length out, given by their first bytes, their second ones, and so on."""
    rising = bytes([at for at, plane in enumerate(planes) if _rises(plane)])
    for at in rising:
        plane = planes[at]
        planes[at] = bytes([(byte - before) & 255 for before, byte in zip(b"\0" + plane[:-1], plane, strict=True)])
    return _Wide(b"".join(planes), rows, rising)


def _rises(plane: bytes) -> bool:
    """Whether bytes begin by rising in equal steps."""
    begin = plane[:_A_LOOK]
    steps = {(byte - before) & 255 for before, byte in pairwise(begin)}
    return len(begin) == _A_LOOK and len(steps) == 1 and 0 not in steps


def _apart(values: Sequence[bytes], together: bytes, cut: bytes) -> _Apart | None:
    """Write numbers apart from texts; None if these have not as many each."""
    each = len(_NUMBER.findall(values[0]))
    if not each or each != len(_NUMBER.findall(values[-1])) or _HERE in together:
        return None
    texts = _NUMBER.sub(_HERE, together).split(cut)
    if any([text.count(_HERE) != each for text in texts]):
        return None
    numbers = _NUMBER.findall(together)
    written = _numbers(numbers, b",".join(numbers), 0)
    return None if written is None else _Apart(_few(texts, cut) or _text(texts, cut), written, each)


def _words(values: Sequence[bytes]) -> _Words | None:
    """Number words; None if most are there too rarely."""
    together = (b" " + _ROW_END + b" ").join(values)
    words = together.split(b" ")
    if len(words) < len(values) * 4 or words.count(_ROW_END) != len(values) - 1:
        return None
    counts = Counter(words)
    del counts[_ROW_END]
    often = [word for word, count in counts.most_common(_MAX_WORDS) if count >= _AGAIN]
    numbers = _NumberOf(zip(often, range(len(often)), strict=True))
    numbers[_ROW_END] = _MAX_WORDS
    numbered = bytes(map(numbers.__getitem__, words))
    if numbered.count(_ANOTHER_WORD) * 2 > len(words):
        return None
    others = [word for word in words if word not in numbers] if _ANOTHER_WORD in numbered else []
    return _Words(b" ".join(often), numbered, b" ".join(others))


class _NumberOf(dict[bytes, int]):
    """The numbers of words."""

    def __missing__(self, word: bytes) -> int:
        return _ANOTHER_WORD
