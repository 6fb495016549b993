"""Notes and reasons: a closed set, documented word by word."""

from __future__ import annotations

from pathlib import Path

import pytest

from gelf_listener.errors import Reason
from gelf_listener.notes import Deviation, Note

PAGE = (Path(__file__).parents[2] / "docs" / "decoding.md").read_text()


@pytest.mark.parametrize("deviation", Deviation, ids=lambda deviation: deviation.label)
def test_deviation_is_documented(deviation: Deviation) -> None:
    """The page says of every deviation what the code says of it."""
    row = f"| `{deviation.label}` | {deviation.wrong} | {deviation.graylog} | {deviation.advice} |"
    assert row in PAGE


@pytest.mark.parametrize("reason", Reason)
def test_reason_is_documented(reason: Reason) -> None:
    """The page explains every reason of a rejection."""
    assert f"| `{reason.value}` |" in PAGE


def test_labels_are_unique() -> None:
    """A label is a metric's and a linter's word for one deviation."""
    labels = [deviation.label for deviation in Deviation]
    assert len(set(labels)) == len(labels)


def test_note_reads_as_a_line() -> None:
    """A note says field, deviation and what was done."""
    assert str(Note(Deviation.TIMESTAMP_UNIT, "timestamp", "it was in milliseconds")) == (
        "timestamp: timestamp is not in seconds (milli-, micro- or nanoseconds) (it was in milliseconds)"
    )
    assert str(Note(Deviation.TRAILING_COMMA)) == "trailing comma"
