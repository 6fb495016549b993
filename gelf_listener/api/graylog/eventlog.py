"""Event log: the last things the listener said about itself."""

from __future__ import annotations

import logging
from collections import deque

MAX_EVENTS = 500
_MOST_CHARACTERS = 2000


class EventLog(logging.Handler):
    """Keeps log records of a logger and those below it."""

    def __init__(self, logger: str) -> None:
        super().__init__(logging.INFO)
        self.events: deque[tuple[float, str, str]] = deque(maxlen=MAX_EVENTS)
        """Time (UTC Unix seconds), logger and text, oldest first."""
        self._logger = logging.getLogger(logger)
        for old in [handler for handler in self._logger.handlers if isinstance(handler, EventLog)]:
            self.events = old.events  # one a process, however many applications are made
            self._logger.removeHandler(old)
        self._logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self.events.append((record.created, record.name, record.getMessage()[:_MOST_CHARACTERS]))
