"""
loguru: a sink that hands records to one of our handlers. The extra ``[loguru]`` installs it.

loguru can take a `logging.Handler` as sink itself, but puts all bound values into one ``extra`` dict and the
traceback into the message; here each becomes a field, and the traceback ``full_message``.
"""

from __future__ import annotations

import logging
from typing import Any

__all__ = ["GELFSink"]


class GELFSink:
    """
    A loguru sink: ``logger.add(GELFSink(handler), format="{message}", level="INFO")``.

    Args:
        handler: Any handler; those of this package do not block.
        fields: Whether ``bind`` and ``contextualize`` values become additional fields.
    """

    def __init__(self, handler: logging.Handler, *, fields: bool = True) -> None:
        self.handler = handler
        self._fields = fields

    def __call__(self, message: Any) -> None:
        """Hand a loguru message on."""
        source = message.record
        exception = source["exception"]
        record = logging.LogRecord(
            source["name"] or "loguru",
            source["level"].no,
            source["file"].path,
            source["line"],
            source["message"],
            None,
            None if exception is None else (exception.type, exception.value, exception.traceback),
            source["function"],
        )
        record.created = source["time"].timestamp()
        record.levelname = source["level"].name
        record.process, record.processName = source["process"].id, source["process"].name
        record.thread, record.threadName = source["thread"].id, source["thread"].name
        if self._fields:
            record.__dict__["gelf_fields"] = source["extra"]
        self.handler.handle(record)

    def stop(self) -> None:
        """Flush and close; loguru calls it when the sink is removed."""
        self.handler.close()
