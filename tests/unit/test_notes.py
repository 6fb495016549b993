"""Notes and reasons: a closed set, documented word by word."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gelf_listener.codec import Limits
from gelf_listener.codec.gelf.chunking import MAX_CHUNKS
from gelf_listener.codec.gelf.lenient import MAX_IN_VAIN, MAX_STRUCTURE
from gelf_listener.codec.gelf.normaliser import MAX_FIELDS, MAX_FLAT_DEPTH, MAX_FLAT_NAME, MAX_NOTES
from gelf_listener.codec.gelf.tolerant import MAX_DIGITS, MAX_FAILURES, MAX_REPAIR_CHARACTERS, MAX_VALUES
from gelf_listener.errors import Reason
from gelf_listener.notes import Deviation, Note

PAGE = (Path(__file__).parents[2] / "docs" / "decoding.md").read_text()


@pytest.mark.parametrize("deviation", Deviation, ids=lambda deviation: deviation.label)
def test_deviation_is_documented(deviation: Deviation) -> None:
    """The page says of every deviation what the code says of it."""
    row = f"| `{deviation.label}` | {deviation.wrong} | {deviation.graylog} | {deviation.advice} | {deviation.cause} |"
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


def test_limits_are_documented() -> None:
    """The page's figures are the code's."""
    rows = dict(re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|", PAGE, re.MULTILINE))
    limits = Limits()
    expected = {
        "bytes of a payload after inflating and reassembly": f"{limits.max_payload_bytes >> 20} MiB",
        "messages whose chunks are incomplete": f"{limits.max_pending_messages}",
        "bytes of their chunks": f"{limits.max_pending_bytes >> 20} MiB",
        "time for all chunks of a message": f"{limits.chunk_timeout_seconds:g} s",
        "chunks of a message": f"{MAX_CHUNKS}",
        "brackets and commas of a payload": f"{MAX_STRUCTURE:,}",
        "values of a payload": f"{MAX_VALUES:,}",
        "values in a row that are not messages": f"{MAX_IN_VAIN}",
        "stretches of a payload that are not JSON": f"{MAX_FAILURES}",
        "characters of a payload that are repaired": f"{MAX_REPAIR_CHARACTERS:,}",
        "digits of a number": f"{MAX_DIGITS}",
        "fields of a message": f"{MAX_FIELDS:,}",
        "characters of a flattened name, levels of flattening": f"{MAX_FLAT_NAME}, {MAX_FLAT_DEPTH}",
        "notes of a message": f"{MAX_NOTES}",
    }
    assert {name: rows.get(name) for name in expected} == expected
