"""docs/inputs/lines.md lists every shape and every program that the vectors have."""

from __future__ import annotations

import pytest

from gelf_listener.codec.text.envelopes import ENVELOPES
from gelf_listener.codec.text.header_shapes import SHAPES
from gelf_listener.codec.text.record_shapes import RECORD_SHAPES
from gelf_listener.codec.text.tool_shapes import TOOL_SHAPES
from tests.lines_page import BEGIN, FOLDER, PAGE, table, vectors


def test_the_table_is_that_of_the_vectors() -> None:
    """Otherwise: `python -m tests.lines_page`."""
    assert PAGE.read_text().partition(BEGIN)[2] == table()


@pytest.mark.parametrize("name", sorted({shape.name for shape in (*SHAPES, *TOOL_SHAPES, *RECORD_SHAPES, *ENVELOPES)}))
def test_every_shape_is_listed(name: str) -> None:
    """By the name the code has for it."""
    assert name in PAGE.read_text().partition(BEGIN)[0]


def test_every_vector_says_whose_it_is() -> None:
    """A program, with its version where lines differ by version."""
    assert all(vector["program"] for path in FOLDER.glob("*.json") for vector in vectors(path))
