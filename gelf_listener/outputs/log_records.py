"""logging: hand messages to Python's logging, so that any handler can be an output."""

from __future__ import annotations

import json
import logging
import logging.config
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from gelf_listener.errors import ConfigError, Retry, describe
from gelf_listener.message import Message
from gelf_listener.outputs.progress import Progress
from gelf_listener.rendering.values import value_text
from gelf_listener.settings import ThreadSettings
from gelf_listener.writer_thread import WriterThread

_LEVELS = {
    0: logging.CRITICAL,
    1: logging.CRITICAL,
    2: logging.CRITICAL,
    3: logging.ERROR,
    4: logging.WARNING,
    5: logging.INFO,
    6: logging.INFO,
    7: logging.DEBUG,
}
_OURS = "gelf_listener"
_ATTRIBUTES = {
    "logger": ("name", str),
    "file": ("pathname", str),
    "line": ("lineno", int),
    "function": ("funcName", str),
    "pid": ("process", int),
    "thread_name": ("threadName", str),
    "process_name": ("processName", str),
    "task_name": ("taskName", str),
}
"""Fields that graypy and gelf-handlers send, and the attributes of a record they come from."""
_TAKEN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_CLOSE_SECONDS = 5.0


class LogRecordSettings(ThreadSettings):
    """Settings of `logging:`."""

    config: Path | None = Field(
        None, description="TOML or JSON file for `logging.config.dictConfig`, which says which handlers there are."
    )
    logger: str = Field("", description="Logger that gets all messages; by default the one each message names.")


class LogRecordOutput:
    """
    Makes a `logging.LogRecord` of each message and lets the logger it names handle it, in a thread of its own.

    Guarantee: that of the handlers. A message counts as written once they returned; handlers of the standard library
    do not raise what fails, they print it. Where one raises, its message is offered again if that was an `OSError`, and
    refused otherwise; those before it do not come again.
    """

    Settings: ClassVar[type[LogRecordSettings]] = LogRecordSettings

    def __init__(self, settings: LogRecordSettings) -> None:
        self.settings = settings
        self._config = _read_config(settings.config)
        self._thread = WriterThread("output logging")
        self._progress = Progress()
        self._closed = False

    async def start(self) -> None:
        """Set logging up; see `Output.start`."""
        self._closed = False
        if self._config is not None:
            try:
                logging.config.dictConfig({"disable_existing_loggers": False, **self._config})
            except (ValueError, TypeError, AttributeError, ImportError) as error:
                cause = f": {error.__cause__}" if error.__cause__ is not None else ""
                raise ConfigError(f"setting 'config': {self.settings.config}: {error}{cause}") from None
        self._thread.start()

    async def write(self, batch: Sequence[Message]) -> None:
        """Hand records over; see `Output.write`."""
        if self._closed:
            raise Retry("the output is closed")
        self._progress.finish(await self._thread.run(self._handle, self._progress.begin(batch)))

    async def close(self) -> None:
        """Flush the handlers; see `Output.close`."""
        if self._closed:
            return
        self._closed = True
        self._thread.post(_flush)
        await self._thread.close(_CLOSE_SECONDS)

    def counters(self) -> dict[str, float]:
        """Return what was handed over."""
        return {"written_messages_total": self._progress.written_messages}

    def _handle(self, messages: Sequence[Message]) -> str:
        """Hand messages to their loggers, in the thread; return why the rest has to be offered again."""
        for message in messages:
            record = record_of(message)
            if self.settings.logger:
                record.name = self.settings.logger
            logger = _logger(record.name)
            try:
                if logger.isEnabledFor(record.levelno):
                    logger.handle(record)
            except OSError as error:
                return f"a handler failed: {describe(error)}"
            except Exception as error:  # noqa: BLE001  (a third party's code; the message is counted and shown)
                self._progress.refused(message, f"a handler failed: {error!r}")
            else:
                self._progress.written((message,))
        return ""


def record_of(message: Message) -> logging.LogRecord:
    """
    Make a record of a message: what `logging.makeLogRecord` made of the dict that a service sent.

    Additional fields become attributes; those with a name that records have already keep their underscore. The logger
    of our own package is not named: what handlers do must not come back to us.
    """
    level = logging.INFO if message.level is None else _LEVELS.get(message.level, logging.INFO)
    values: dict[str, Any] = {
        "name": message.host,
        "msg": message.short_message,
        "args": (),
        "levelno": level,
        "levelname": logging.getLevelName(level),
        "created": message.timestamp,
        "msecs": int(message.timestamp % 1 * 1000),
        "host": message.host,
        "gelf_id": message.id,
        # Unknown, unless a field says: otherwise those of the listener, which logged nothing.
        "thread": 0,
        "threadName": "",
        "process": 0,
        "processName": "",
    }
    for name, value in message.fields.items():
        attribute, kind = _ATTRIBUTES.get(name, (name, None))
        if kind is not None:
            if isinstance(value, kind) or kind is str:
                values[attribute] = value if isinstance(value, kind) else value_text(value)
                continue
            attribute = name
        values[f"_{attribute}" if attribute in _TAKEN or attribute in values else attribute] = value
    if message.full_message is not None and message.full_message != message.short_message:
        values["exc_text"] = message.full_message.removeprefix(message.short_message).lstrip("\n")
    if str(values["name"]).split(".")[0] == _OURS:
        values["name"] = f"remote.{values['name']}"
    pathname = values.get("pathname")
    if isinstance(pathname, str):
        values["filename"] = pathname.rpartition("/")[2]
        values["module"] = values["filename"].rpartition(".")[0] or values["filename"]
    return logging.makeLogRecord(values)


def _logger(name: str) -> logging.Logger:
    """Return the nearest logger that exists: names come from strangers, and a logger, once made, stays."""
    known = logging.Logger.manager.loggerDict
    while name and not isinstance(known.get(name), logging.Logger):
        name = name.rpartition(".")[0]
    return logging.getLogger(name or None)


def _read_config(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    try:
        data = path.read_bytes()
        config = tomllib.loads(data.decode()) if path.suffix == ".toml" else json.loads(data)
    except OSError as error:
        raise ConfigError(f"setting 'config': {str(path)!r}: {describe(error)}") from None
    except ValueError as error:
        raise ConfigError(f"setting 'config': {str(path)!r}: {error}") from None
    if not isinstance(config, dict):
        raise ConfigError(f"setting 'config': {str(path)!r} holds no table")
    return config


def _flush() -> None:
    for reference in logging._handlerList:  # type: ignore[attr-defined]  # noqa: SLF001
        handler = reference()
        if handler is not None:
            handler.flush()
