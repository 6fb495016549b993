"""
structlog: events with their keys as GELF fields. The extra ``[structlog]`` installs it.

Two ways. With ``structlog.stdlib.LoggerFactory()`` end the processor chain with `to_logging`: the event goes through
`logging` to whichever handler is configured. Without the standard library (``PrintLoggerFactory``,
``BytesLoggerFactory``) end it with a `GELFRenderer`: each event is a line of GELF JSON.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

from gelf_handlers.context import bound_fields
from gelf_handlers.formatters import GELFFormatter

__all__ = ["GELFRenderer", "to_logging"]

_LEVELS: Final = {
    "critical": logging.CRITICAL,
    "fatal": logging.CRITICAL,
    "exception": logging.ERROR,
    "error": logging.ERROR,
    "err": logging.ERROR,
    "warning": logging.WARNING,
    "warn": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "notset": logging.NOTSET,
}


def to_logging(_logger: Any, _method: str, event_dict: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """
    Turn an event into the arguments of a `logging` call, its keys into additional fields.

    Unlike ``extra=``, keys may be named as LogRecord's own attributes (``name``, ``module``, ``process``).
    ``exc_info``, ``stack_info`` and ``stacklevel`` are passed on; ``exception`` and ``stack`` as rendered by
    structlog's processors become ``full_message``.
    """
    event = dict(event_dict)
    arguments: dict[str, Any] = {
        key: event.pop(key) for key in ("exc_info", "stack_info", "stacklevel") if key in event
    }
    text = event.pop("event", "")
    rendered = [str(event.pop(key)) for key in ("exception", "stack") if key in event]
    extra: dict[str, Any] = {"gelf_fields": event}
    if rendered:
        extra["gelf_full_message"] = "\n".join(rendered)
    # logging formats only when there are arguments: a percent sign in the event is not a conversion.
    return {"msg": str(text), **arguments, "extra": extra}


class GELFRenderer:
    """
    Renders an event as a line of GELF JSON.

    Args:
        as_bytes: Return bytes, for ``BytesLoggerFactory``.
        options: See `GELFFormatter`; ``debugging_fields`` are off, there is no call site to tell.
    """

    def __init__(self, *, as_bytes: bool = False, **options: Any) -> None:
        self._formatter = GELFFormatter(**{"debugging_fields": False, **options})
        self._as_bytes = as_bytes

    def __call__(self, logger: Any, method: str, event_dict: MutableMapping[str, Any]) -> str | bytes:
        """Return the event as a line."""
        event = dict(event_dict)
        level = event.pop("level", method)
        record = logging.LogRecord(
            str(event.pop("logger", None) or getattr(logger, "name", None) or "structlog"),
            _LEVELS.get(str(level).lower(), logging.INFO),
            "",
            0,
            str(event.pop("event", "")),
            None,
            None,
        )
        exc_info = event.pop("exc_info", None)
        if exc_info:
            record.exc_text = _traceback_text(exc_info)
        rendered = [str(event.pop(key)) for key in ("exception", "stack") if key in event]
        if rendered:
            record.exc_text = "\n".join(([record.exc_text] if record.exc_text else []) + rendered)
        event.pop("timestamp", None)
        record.__dict__["gelf_fields"] = {**bound_fields(), **event}
        line = self._formatter.format(record)
        return line.encode() if self._as_bytes else line


def _traceback_text(exc_info: Any) -> str | None:
    if isinstance(exc_info, BaseException):
        exc_info = (type(exc_info), exc_info, exc_info.__traceback__)
    elif not isinstance(exc_info, tuple):
        exc_info = sys.exc_info()
    return None if exc_info[1] is None else "".join(traceback.format_exception(*exc_info)).rstrip("\n")
