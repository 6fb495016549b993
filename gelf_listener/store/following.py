"""
Following: columns of a table that say nothing new, for another one says what they have.

A service has one logger, a status one level. Where each of the few different values of a column always has the same one
of another beside it, the latter's is written once for each value, and not for each row.
"""

from __future__ import annotations

from collections.abc import Sequence

from gelf_listener.store.cells import Column, Few, fews

Following = tuple[int, int, bytes]
"""Which column (of `fews`) follows which, and its numbers by the other's."""

_A_LOOK = 24
"""Rows that are looked at first: hardly two columns are alike by chance in so many, and it takes a microsecond."""


def leave_out(columns: Sequence[Column]) -> list[Following]:
    """Leave out of columns what follows from others; whatever leads has more different values, and is whole."""
    found: list[Following] = []
    leading: list[tuple[int, Few]] = []
    for number, column in sorted(enumerate(fews(columns)), key=lambda each: -max(each[1].numbers)):
        for leader, other in leading:
            numbers = _numbers_by(other.numbers[:_A_LOOK], column.numbers[:_A_LOOK])
            if numbers is not None:
                numbers = _numbers_by(other.numbers, column.numbers)
            if numbers is not None:
                column.numbers = b""
                found.append((number, leader, numbers))
                break
        else:
            leading.append((number, column))
    return found


def put_back(columns: Sequence[Column], following: Sequence[Following]) -> None:
    """Put back what was left out."""
    if following:
        found = fews(columns)
        for number, leader, numbers in following:
            found[number].numbers = found[leader].numbers.translate(numbers.ljust(256, b"\0"))


def _numbers_by(leading: bytes, numbers: bytes) -> bytes | None:
    """Return which number always stands beside each of some others, from 0 on; None if it is not always the same."""
    beside = dict(zip(leading, numbers, strict=True))
    found = bytes([beside.get(number, 0) for number in range(max(leading) + 1)])
    return found if leading.translate(found.ljust(256, b"\0")) == numbers else None
