r"""
CSV rows: tables that neither drive a terminal nor are taken for formulas by a spreadsheet.

A spreadsheet computes a cell that begins with ``=``, ``+``, ``-`` or ``@``, after white space and in full width too,
and what a log line makes it compute can read other cells and ask servers (CWE-1236; OWASP, "CSV Injection"). Such a
text gets a ``'`` before it, which spreadsheets take for "this is text". Numbers stay numbers. Control characters are
escaped as on a terminal; a cell may have many lines, and tabs in them.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

from gelf_listener.message import FieldValue
from gelf_listener.rendering.sanitise import clean, is_clean
from gelf_listener.rendering.values import value_text

_FORMULA = re.compile(r"[\t\r\n]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")


def csv_rows(
    rows: Iterable[Sequence[FieldValue | None]],
    *,
    formulas: bool = False,
    controls: bool = False,
    line_end: str = "\r\n",
) -> bytes:
    r"""
    Write rows.

    Args:
        rows: Of values; None is an empty cell.
        formulas: Whether texts stay as they are that a spreadsheet takes for formulas.
        controls: Whether control characters do.
        line_end: After each row: ``\r\n`` as RFC 4180 has it, or ``\n``.

    Returns:
        UTF-8.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=line_end)
    for row in rows:
        writer.writerow(["" if value is None else _cell(value, formulas, controls) for value in row])
    return text.getvalue().encode("utf-8", "replace")


def _cell(value: FieldValue, formulas: bool, controls: bool) -> str:
    cell = value_text(value)
    if not isinstance(value, str):
        return cell
    if not formulas and _FORMULA.match(cell):
        cell = "'" + cell
    if controls or is_clean(cell):
        return cell
    return "\n".join(["\t".join(map(clean, line.split("\t"))) for line in cell.split("\n")])
