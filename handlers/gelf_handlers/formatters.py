"""
Formatters for other transports: GELF JSON lines for a `StreamHandler`, RFC 5424 for a `SysLogHandler`.

Both carry the fields the GELF handlers send, `bind` and ``extra`` included, so the listener's stdout collector or
syslog input receives the same.
"""

from __future__ import annotations

import logging
import logging.handlers
import socket
from collections.abc import Mapping
from typing import Any, Literal

from gelf_handlers import gelf
from gelf_handlers.builder import CONTEXT_ATTRIBUTE, MessageBuilder
from gelf_handlers.capture import unformatted_text
from gelf_handlers.context import bound_fields, fields_of
from gelf_handlers.rfc5424 import app_name, syslog_message

__all__ = ["GELFFormatter", "RFC5424Formatter", "SysLogHandler"]

Style = Literal["%", "{", "$"]


class GELFFormatter(MessageBuilder, logging.Formatter):
    """
    Formats a record as one line of GELF 1.1 JSON.

    Args:
        fmt: Format of ``short_message``; the bare message when None.
        datefmt: As `logging.Formatter`.
        style: As `logging.Formatter`.
        debugging_fields: Add file, line, function, process, thread and task names.
        extra_fields: Add what ``extra=`` put into the record.
        fqdn: Use the fully qualified name as ``host``.
        localname: Use this as ``host``.
        facility: ``_facility``; the logger's name is then in ``_logger``.
        level_names: Add ``_level_name``.
        fields: Additional fields of every message.
    """

    def __init__(
        self,
        fmt: str | None = None,
        datefmt: str | None = None,
        style: Style = "%",
        *,
        debugging_fields: bool = True,
        extra_fields: bool = True,
        fqdn: bool = False,
        localname: str | None = None,
        facility: str | None = None,
        level_names: bool = False,
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        logging.Formatter.__init__(
            self, fmt or {"%": "%(message)s", "{": "{message}", "$": "$message"}[style], datefmt, style
        )
        if fqdn and localname:
            raise ValueError("cannot specify 'fqdn' and 'localname' arguments together")
        self.debugging_fields = debugging_fields
        self.extra_fields = extra_fields
        self.fqdn = fqdn
        self.localname = localname
        self.facility = facility
        self.level_names = level_names
        self.fields = gelf.snapshot(dict(fields or {}))

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line of JSON."""
        return self._pack_gelf_dict(self.message(record)).decode()

    def message(self, record: logging.LogRecord) -> dict[str, Any]:
        """Return the record as a GELF message."""
        private = type(record).__new__(type(record))
        private.__dict__.update(record.__dict__)
        private.__dict__[CONTEXT_ATTRIBUTE] = {**fields_of(record.exc_info), **bound_fields()}
        return self._make_gelf_dict(private)

    def _message_text(self, record: logging.LogRecord) -> tuple[str, str | None]:
        kept = record.exc_info, record.exc_text, record.stack_info
        record.exc_info = record.exc_text = record.stack_info = None
        try:
            text = logging.Formatter.format(self, record)
        except Exception as error:
            text = unformatted_text(record, error)
        finally:
            record.exc_info, record.exc_text, record.stack_info = kept
        return (text, None) if record.exc_info or record.exc_text else gelf.split_traceback(text)


class RFC5424Formatter(GELFFormatter):
    """
    Formats a record as RFC 5424, without the ``<PRI>`` that `logging.handlers.SysLogHandler` puts before it.

    Time in UTC with microseconds, host name, additional fields as structured data, a byte order mark before a
    message that is not ASCII (section 6.4). Use `SysLogHandler` of this module, or set ``append_nul = False`` on the
    standard one: its trailing NUL breaks parsers.

    Args:
        appname: APP-NAME; `facility` or the logger's name when None.
        fmt: As `GELFFormatter`, like all that follow.
    """

    def __init__(
        self,
        fmt: str | None = None,
        datefmt: str | None = None,
        style: Style = "%",
        *,
        appname: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(fmt, datefmt, style, **options)
        self.appname = appname

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as an RFC 5424 message from its version on."""
        message = self.message(record)
        return syslog_message(message, app_name(self.appname or self.facility or record.name), record.process)


class SysLogHandler(logging.handlers.SysLogHandler):
    """
    The standard `SysLogHandler`, speaking RFC 5424 in a form every receiver can part.

    No trailing NUL, octet-counted frames on TCP (RFC 6587), reconnecting after a broken connection; formats with
    `RFC5424Formatter` unless told otherwise. It blocks, as the standard one does: `RFC5424Handler` does not.
    """

    append_nul = False

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.setFormatter(RFC5424Formatter())

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record; a connection found broken is made again, once."""
        if getattr(self, "socktype", None) != socket.SOCK_STREAM or isinstance(self.address, str):
            super().emit(record)
            return
        try:
            priority = self.encodePriority(self.facility, self.mapPriority(record.levelname))
            payload = f"<{priority}>{self.ident}{self.format(record)}".encode()
            frame = b"%d %b" % (len(payload), payload)
            connected: socket.socket = self.__dict__["socket"]
            try:
                connected.sendall(frame)
            except OSError:
                connected.close()
                self.__dict__["socket"] = connected = socket.create_connection(self.address, 5)
                connected.sendall(frame)
        except Exception:
            self.handleError(record)
