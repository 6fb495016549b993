"""Tables: rows as CSV with every value in quotes, and as a table drawn with lines, as Graylog writes them."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from starlette.responses import Response, StreamingResponse

from gelf_listener.api.graylog.message_encoding import flat
from gelf_listener.api.graylog.streams import Streams
from gelf_listener.message import Message

CSV = "text/csv"
AS_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {CSV: {"schema": {"type": "string"}}}}}
"""What a route may answer besides JSON, for OpenAPI."""
AS_TABLE: dict[int | str, dict[str, Any]] = {
    200: {"content": {CSV: {"schema": {"type": "string"}}, "text/plain": {"schema": {"type": "string"}}}}
}
_WIDTH = 25
"""Characters of a column of a drawn table, as in Graylog."""


def negotiated(accept: str, offered: Sequence[str]) -> str:
    """Return the first media type of an Accept header that is offered; the first offered one otherwise."""
    for part in accept.split(","):
        media_type = part.partition(";")[0].strip().lower()
        if media_type in offered:
            return media_type
    return offered[0]


def acceptable(accept: str, offered: Sequence[str]) -> str | None:
    """Return the first media type of an Accept header that is offered, the first offered one for ``*/*``; or None."""
    for part in accept.split(",") if accept else ["*/*"]:
        media_type = part.partition(";")[0].strip().lower()
        if media_type in offered:
            return media_type
        if media_type == "*/*":
            return offered[0]
        if media_type.endswith("/*"):
            found = next((each for each in offered if each.startswith(media_type[:-1])), None)
            if found is not None:
                return found
    return None


def csv_lines(rows: Iterable[Sequence[Any]]) -> str:
    """Write rows as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([list(map(_cell, row)) for row in rows])
    return text.getvalue()


def one_line(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    """Escape ends of lines in texts, as the CSV of universal searches does there."""
    return [[_escaped(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]


def _escaped(text: str) -> str:
    return text.replace("\n", "\\n").replace("\r", "\\r")


def csv_response(rows: Iterable[Sequence[Any]]) -> Response:
    """Answer with a table as CSV."""
    return Response(csv_lines(rows).encode("utf-8", "replace"), media_type=CSV)


def attachment(body: AsyncIterator[bytes], media_type: str, name: str) -> Response:
    """Answer with a file to be saved, piece by piece."""
    return StreamingResponse(
        body, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def rows_of(messages: Iterable[Message], fields: Sequence[str], streams: Streams, node: str) -> list[list[Any]]:
    """Return the fields of messages in the order that is asked for; None where there is none."""
    rows = []
    for message in messages:
        document: Mapping[str, Any] = flat(message, streams.of(message) if "streams" in fields else (), node)
        rows.append([document.get(name, document.get(name.replace(".", "_"))) for name in fields])
    return rows


def _cell(value: Any) -> Any:
    """Write truth values as JSON does and lists without brackets; None is an empty value."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else value


def text_table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Draw a table; what is wider than a column goes on in the next line."""
    columns = len(header)

    def border(left: str, middle: str, right: str) -> str:
        return left + middle.join(["─" * _WIDTH] * columns) + right

    lines = [border("┌", "┬", "┐"), *_drawn(header), border("├", "┼", "┤")]
    for row in rows:
        lines += _drawn(row)
    return "\n".join([*lines, border("└", "┴", "┘"), ""])


def _drawn(row: Sequence[Any]) -> list[str]:
    cells = [textwrap.wrap(str(_cell(value)), _WIDTH, replace_whitespace=True) or [""] for value in row]
    height = max(map(len, cells), default=0)
    padded = [cell + [""] * (height - len(cell)) for cell in cells]
    return ["│" + "│".join(part.ljust(_WIDTH) for part in line) + "│" for line in zip(*padded, strict=True)]
