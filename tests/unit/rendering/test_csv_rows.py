"""CSV rows: whatever a text begins with, a spreadsheet takes it for text; terminals see no control character."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelf_listener.rendering.csv_rows import csv_rows
from gelf_listener.rendering.sanitise import is_clean

RISKY = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def read(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


@pytest.mark.parametrize("sign", [*RISKY, " =", "\u00a0@", "  -", "\t="])
def test_formulas_become_texts(sign: str) -> None:
    """Also behind blanks, in headings, and in full width; as they came where that is asked for."""
    cell = f'{sign}cmd|" /C calc"!A0'
    ((safe, other),) = read(csv_rows([[cell, "a" + cell]]))
    assert safe.startswith("'")
    assert other.startswith("a")
    assert read(csv_rows([[cell]], formulas=True, controls=True)) == [[cell]]
    ((kept,),) = read(csv_rows([[cell]], formulas=True))
    assert not kept.startswith("'")


def test_numbers_stay_numbers() -> None:
    """They are none that a text only looks like; nothing is an empty cell, and booleans are JSON's."""
    assert read(csv_rows([[-5, -1.5, 10**5000, True, None, "-5"]])) == [
        ["-5", "-1.5", f"{10**5000:#x}", "true", "", "'-5"]
    ]


def test_control_characters_are_escaped() -> None:
    """As on the terminal; lines and tabs inside a cell stay."""
    cell = "a\x1b[2J\r\n\tb\u202ec\x00\x85"
    assert read(csv_rows([[cell]])) == [["a\\x1b[2J\\r\n\tb\\u202ec\\x00\\x85"]]
    assert read(csv_rows([["a\x1b\rb"]], controls=True)) == [["a\x1b\rb"]]


@given(st.text())
def test_any_text(text: str) -> None:
    """No text is a formula or drives a terminal, and none breaks out of its cell."""
    ((cell, last),) = read(csv_rows([[text, "end"]]))
    assert last == "end"
    assert not cell.lstrip().startswith(RISKY)
    assert all(map(is_clean, cell.replace("\t", "\n").split("\n")))
