"""Standard output, for services whose platform collects it: GELF JSON lines, or readable lines on a terminal."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import Any, TextIO

from gelf_handlers.formatters import GELFFormatter

__all__ = ["ReadableFormatter", "StdoutHandler"]


class StdoutHandler(logging.StreamHandler[TextIO]):
    """
    Writes each record as a line: GELF JSON, or readable text when standard output is a terminal.

    Args:
        readable: Force one or the other; None asks the stream.
        options: See `GELFFormatter`.
    """

    def __init__(self, *, readable: bool | None = None, **options: Any) -> None:
        super().__init__(sys.stdout)
        if readable is None:
            readable = bool(getattr(self.stream, "isatty", lambda: False)())
        self.setFormatter(ReadableFormatter(**options) if readable else GELFFormatter(**options))


class ReadableFormatter(GELFFormatter):
    """One line for a person: time, level, logger, message, fields; a traceback below."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as text."""
        message = self.message(record)
        shown = " ".join(f"{key[1:]}={value}" for key, value in _fields(message).items())
        head = f"{self.formatTime(record)} {record.levelname:8} {record.name}: {message['short_message']}"
        return "\n".join(part for part in (f"{head}  {shown}" if shown else head, message.get("full_message")) if part)


_HIDDEN = frozenset(
    {"_facility", "_logger", "_file", "_line", "_function", "_pid", "_thread_name", "_process_name", "_task_name"}
)


def _fields(message: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in message.items() if key.startswith("_") and key not in _HIDDEN}
