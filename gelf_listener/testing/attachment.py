"""Attachments: the handlers a test listener made, and the loggers it put them on, until it is closed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

from gelf_listener.testing.loop_thread import LoopThread

__all__ = ["Attachments"]


class _Attached(NamedTuple):
    """A handler on a logger, how it was made, and the level the logger had."""

    handler: logging.Handler
    logger: logging.Logger
    level: int
    options: Mapping[str, Any]


class Attachments:
    """
    Keeps handlers, to flush them before a question and to close them at the end.

    Args:
        thread: The listener's; what is logged in it does not go to the listener again.
    """

    def __init__(self, thread: LoopThread) -> None:
        self._thread = thread
        self._handlers: list[logging.Handler] = []
        self._attached: list[_Attached] = []

    def keep(self, handler: logging.Handler) -> logging.Handler:
        """Take care of a handler."""
        handler.addFilter(self._from_elsewhere)
        self._handlers.append(handler)
        return handler

    def attached(self, logger: logging.Logger, options: Mapping[str, Any]) -> logging.Handler | None:
        """Return the handler that was put on a logger before and made in the same way, if it is still there."""
        for each in self._attached:
            if each.logger is logger and each.options == options and each.handler in logger.handlers:
                return each.handler
        return None

    def attach(self, handler: logging.Handler, logger: logging.Logger, options: Mapping[str, Any]) -> None:
        """Put a handler on a logger until the end, when the logger gets the level again that it has now."""
        logger.addHandler(handler)
        self._attached.append(_Attached(handler, logger, logger.level, options))

    def flush(self) -> None:
        """Have every handler send what it queued."""
        for handler in self._handlers:
            handler.flush()

    def close(self) -> None:
        """Take handlers off their loggers, those that the test put there itself included, and close them."""
        attached, self._attached = self._attached, []
        for each in reversed(attached):
            each.logger.setLevel(each.level)
        handlers, self._handlers = self._handlers, []
        for logger in [logging.getLogger(), *logging.Logger.manager.loggerDict.values()] if handlers else ():
            if isinstance(logger, logging.Logger):
                for handler in handlers:
                    logger.removeHandler(handler)
        for handler in handlers:
            handler.close()

    def _from_elsewhere(self, _: logging.LogRecord) -> bool:
        return threading.get_ident() != self._thread.ident
