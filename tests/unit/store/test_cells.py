"""Cells: values of a column come back byte by byte, whatever kind of column they are laid out as."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gelf_listener.store.cells import Column, lay_out

CUT, WIDE_CUT = b',"', b', "'
_again = msgspec.msgpack.Decoder(Column).decode


def written(*values: object) -> st.SearchStrategy[list[bytes]]:
    """Give columns of some values."""
    return st.lists(st.sampled_from([str(value).encode() for value in values]), min_size=1, max_size=40)


VALUES = st.one_of(
    st.lists(st.integers(-(1 << 66), 1 << 66).map(lambda number: b"%d" % number), min_size=1, max_size=30),
    st.lists(st.integers(0, 1 << 40).map(lambda number: b"%012d" % number), min_size=1, max_size=30),
    st.lists(st.floats().map(lambda number: str(number).encode()), min_size=1, max_size=30),
    st.lists(st.decimals(-1000, 1000, places=2).map(lambda number: str(number).encode()), min_size=1, max_size=30),
    st.lists(st.binary(min_size=8, max_size=8).map(lambda data: data.hex().encode()), min_size=1, max_size=30),
    st.lists(st.uuids().map(lambda made: str(made).encode()), min_size=1, max_size=30),
    st.lists(st.text("0189aF-+e. ,\x00\x01", max_size=9).map(str.encode), min_size=1, max_size=40),
    st.lists(st.lists(st.sampled_from(["a", "b", "", "\x00", "\x01", "17"]), max_size=9), min_size=1, max_size=40).map(
        lambda rows: [" ".join(row).encode() for row in rows]
    ),
    st.integers(0, 1 << 40).map(lambda first: [(first + at).to_bytes(6, "big").hex(":").encode() for at in range(300)]),
    st.binary(min_size=9, max_size=40).map(lambda steps: [bytes((at, 250 - at % 6 * 40)) for at in steps if at != 44]),
    written(0, 10, 7, "01", "-0", "1.0", "1.50", "1e5", "1E5", " 5", "5,5", "", "9" * 30, "-1"),
    st.lists(st.binary(max_size=6).filter(lambda value: b"," not in value), min_size=1, max_size=30),
)


def check(column: Column, values: Sequence[bytes], cut: bytes) -> None:
    """Ask a column in every way."""
    assert list(column.all(cut)) == list(values)
    assert [column.of(row, cut) for row in range(len(values))] == list(values)
    rows = range(0, len(values), 3)
    assert list(column.some(rows, cut)) == list(values)[::3]
    different = column.different(cut).split(cut)
    assert [text.encode("latin-1") for text in column.spread([each.decode("latin-1") for each in different])] == list(
        values
    )


@settings(max_examples=400, deadline=None)
@given(VALUES, st.sampled_from([CUT, WIDE_CUT]))
@example([b"5,5", *[b"1"] * 9, b"3", b"4", b"6", b"7", b"8"], CUT)  # looks like as many numbers as there are not
@example([b"a 1 \x01 b c", b"a b c d e"] * 9, CUT)
def test_values_come_back(values: list[bytes], cut: bytes) -> None:
    """One by one, some, and all; also when they were written and read again."""
    column = lay_out(values, cut)
    check(column, values, cut)
    check(_again(msgspec.msgpack.encode(column)), values, cut)


CHANCE = random.Random(1)
IDS = [uuid.UUID(int=CHANCE.getrandbits(128)) for _ in range(100)]
KINDS: list[tuple[str, Sequence[object], str, float]] = [
    ("few", [("GET", "POST")[CHANCE.randrange(2)] for _ in range(100)], "Few", 1.3),
    ("whole numbers", [CHANCE.randrange(1_000_000) for _ in range(100)], "_Numbers", 3.3),
    ("numbers below zero", [CHANCE.randrange(-100, 100) for _ in range(100)], "_Numbers", 1.3),
    ("serial numbers", [f"{number:010d}" for number in range(7, 107)], "_Numbers", 0.2),
    ("decimal numbers", [CHANCE.randrange(50_000) / 100 for _ in range(100)], "_Numbers", 2.3),
    ("rising times", [1_795_000_000.5 + number / 1000 for number in range(100)], "_Numbers", 1.3),
    ("numbers of half bytes more", [CHANCE.randrange(1 << 20) for _ in range(101)], "_Numbers", 2.55),
    ("numbers of a bit more", [CHANCE.randrange(1 << 17) for _ in range(101)], "_Numbers", 2.15),
    ("large numbers", [CHANCE.randrange(1 << 63) for _ in range(100)], "_Numbers", 8.3),
    ("ids", IDS, "_Hex", 16.3),
    ("ids of one version", [str(id)[:14] + "4" + str(id)[15:] for id in IDS[1:]], "_Hex", 15.5),
    ("ids after a word", [f"req-{id.hex}" for id in IDS], "_Hex", 16.3),
    ("ids without dashes", [id.hex for id in IDS], "_Hex", 16.3),
    ("ids that rise", [f"{0xABCDEF00 << 64 | number:024x}-{number % 7}x" for number in range(100)], "_Wide", 27.3),
    ("ids with much in common", [f"{0xABCDEF00 << 64 | number:024x}" for number in range(100)], "_Wide", 24.3),
    ("other ids", [id.hex.upper() for id in IDS], "_Wide", 32.3),
    ("paths", [f"/orders/{CHANCE.randrange(10, 100_000)}/items" for _ in range(100)], "_Apart", 4.5),
    ("two numbers", [f"{id.int % 900 + 10}:{id.int % 7000 + 10}" for id in IDS], "_Apart", 5.5),
    ("words", [" ".join(CHANCE.choices(["user", "queue", "taken"], k=9)) for _ in range(100)], "_Words", 10.5),
    ("words and names", [f"user {id.hex[: 5 + id.int % 7]} took too long" for id in IDS], "_Words", 15.5),
    ("anything", [f"{id}"[: 5 + id.int % 7] for id in IDS], "_Many", 12.5),
]


@pytest.mark.parametrize(("values", "kind", "most"), [row[1:] for row in KINDS], ids=[row[0] for row in KINDS])
def test_kinds_of_columns(values: Sequence[object], kind: str, most: float) -> None:
    """Each has its own, which takes so many bytes a value at most."""
    column = lay_out([str(value).encode() for value in values], CUT)
    assert type(column).__name__ == kind
    assert len(msgspec.msgpack.encode(column)) <= most * len(values) + 40
    check(column, [str(value).encode() for value in values], CUT)
