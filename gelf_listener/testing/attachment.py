"""Attachments: the handlers a test listener made, and the loggers it put them on, until it is closed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

from gelf_listener.testing.loop_thread import LoopThread


class _Attached(NamedTuple):
    """A handler on a logger, how it was made, and the level the logger had."""

    handler: logging.Handler
    logger: logging.Logger
    level: int
    options: Mapping[str, Any]


def _below(logger: logging.Logger) -> list[logging.Logger]:
    """Return the loggers below one, by name; below the root are all."""
    prefix = "" if logger is logging.root else f"{logger.name}."
    known = sorted(logging.Logger.manager.loggerDict.items())
    return [each for name, each in known if name.startswith(prefix) and isinstance(each, logging.Logger)]


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

    def obstacles(self) -> list[str]:
        """Say what keeps records of the loggers from their handlers, a line each: somebody changed them since."""
        found = []
        if logging.root.manager.disable > logging.NOTSET:
            found.append(f"logging.disable({logging.root.manager.disable}) lets nothing of that level or below pass")
        for each in self._attached:
            name = f"logger {each.logger.name!r}"
            if each.handler not in each.logger.handlers:
                found.append(f"{name} has lost the handler that attach() gave it: something configured logging since")
            if each.logger.disabled:
                found.append(f"{name} is disabled: logging.config does so without disable_existing_loggers=False")
            for below in _below(each.logger):
                if below.disabled:
                    found.append(f"logger {below.name!r}, below it, is disabled")
                elif not below.propagate:
                    found.append(f"logger {below.name!r} has propagate=False, so its records do not reach {name}")
        return found

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
