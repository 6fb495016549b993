"""
Record to GELF message: what graypy's ``BaseGELFHandler`` does, as clean GELF 1.1, for handlers and formatters alike.

graypy's override points keep their names and meanings: ``_make_gelf_dict``, ``_pack_gelf_dict``, ``_object_to_json``,
``_resolve_host``, ``_set_custom_facility`` and the ``_add_*`` family.
"""

from __future__ import annotations

import logging
import math
import socket
import time
from collections.abc import Mapping
from typing import Any, Final

from gelf_handlers import gelf

__all__ = ["MessageBuilder"]

_BUILDERS: Final = (
    "_make_gelf_dict",
    "_set_custom_facility",
    "_add_full_message",
    "_add_level_names",
    "_add_debugging_fields",
    "_add_extra_fields",
)
CONTEXT_ATTRIBUTE: Final = "_gelf_context"
"""Attribute of a worker's private record that carries the fields bound when it was logged."""


class MessageBuilder:
    """Builds GELF messages; mixed into handlers and formatters."""

    debugging_fields: bool
    extra_fields: bool
    fqdn: bool
    localname: str | None
    facility: str | None
    level_names: bool
    fields: Mapping[str, Any]
    _resolved_host: str | None = None

    def _message_text(self, record: logging.LogRecord) -> tuple[str, str | None]:
        """Return the message's text, and a traceback that was found merged into it."""
        raise NotImplementedError

    def _make_gelf_dict(self, record: logging.LogRecord) -> dict[str, Any]:
        text, merged_traceback = self._message_text(record)
        host = self._resolved_host
        if host is None:
            host = self._resolved_host = self._resolve_host(self.fqdn, self.localname) or "localhost"
        message: dict[str, Any] = {
            "version": "1.1",
            "host": host,
            "short_message": text.rstrip("\r\n"),
            "timestamp": _seconds(record.created),
            "level": gelf.severity(record.levelno),
        }
        if self.facility is None:
            if record.name is not None:
                message["_facility"] = record.name
        else:
            self._set_custom_facility(message, self.facility, record)
        self._add_full_message(message, record)
        if merged_traceback and "full_message" not in message:
            message["full_message"] = merged_traceback
        if self.level_names:
            self._add_level_names(message, record)
        if self.debugging_fields:
            self._add_debugging_fields(message, record)
        additional = dict(self.fields)
        context = record.__dict__.pop(CONTEXT_ATTRIBUTE, None)
        if context:
            additional.update(context)
        if self.extra_fields:
            if type(self)._add_extra_fields is not MessageBuilder._add_extra_fields:
                self._add_extra_fields(message, record)
            else:
                additional.update(gelf.record_extras(record, self._object_to_json))
        if additional:
            gelf.add_fields(message, additional.items())
        if not message["short_message"].strip():
            message["short_message"] = _last_line(message.get("full_message")) or "(empty)"
        return message

    @staticmethod
    def _resolve_host(fqdn: bool, localname: str | None) -> str:
        """Return the ``host`` field; called once, not per record."""
        if fqdn:
            return socket.getfqdn()
        return localname if localname is not None else socket.gethostname()

    @classmethod
    def _pack_gelf_dict(cls, gelf_dict: Mapping[str, Any]) -> bytes:
        if any(getattr(cls, name) is not getattr(MessageBuilder, name) for name in _BUILDERS):
            gelf_dict = gelf.clean_message(gelf_dict)  # a subclass had a hand in it
        return gelf.dump(gelf_dict)

    @staticmethod
    def _object_to_json(obj: Any) -> Any:
        return gelf.object_text(obj)

    @staticmethod
    def _set_custom_facility(gelf_dict: dict[str, Any], facility_value: str, record: logging.LogRecord) -> None:
        gelf_dict["_facility"] = facility_value
        if record.name is not None:
            gelf_dict["_logger"] = record.name

    @staticmethod
    def _add_level_names(gelf_dict: dict[str, Any], record: logging.LogRecord) -> None:
        gelf_dict["_level_name"] = logging.getLevelName(record.levelno)

    @staticmethod
    def _add_full_message(gelf_dict: dict[str, Any], record: logging.LogRecord) -> None:
        parts = []
        if record.exc_text:
            parts.append(record.exc_text)
        elif record.exc_info and record.exc_info[1] is not None:
            parts.append(logging.Formatter().formatException(record.exc_info))
        rendered = record.__dict__.get("gelf_full_message")
        if rendered:
            parts.append(rendered)
        if record.stack_info:
            parts.append(record.stack_info)
        if parts:
            gelf_dict["full_message"] = "\n".join(str(part) for part in parts)

    @staticmethod
    def _add_debugging_fields(gelf_dict: dict[str, Any], record: logging.LogRecord) -> None:
        if record.pathname is not None:
            gelf_dict["_file"] = record.pathname
        if record.lineno is not None:
            gelf_dict["_line"] = record.lineno
        if record.funcName is not None:
            gelf_dict["_function"] = record.funcName
        if record.process is not None:
            gelf_dict["_pid"] = record.process
        if record.threadName is not None:
            gelf_dict["_thread_name"] = record.threadName
        if record.processName is not None:
            gelf_dict["_process_name"] = record.processName
        task_name = record.__dict__.get("taskName")
        if task_name is not None:
            gelf_dict["_task_name"] = task_name

    @staticmethod
    def _add_extra_fields(gelf_dict: dict[str, Any], record: logging.LogRecord) -> None:
        gelf.add_fields(gelf_dict, gelf.record_extras(record).items())


def _seconds(created: object) -> float:
    """Return a record's time; now, where one that was made by hand has none that JSON can say."""
    if isinstance(created, int | float) and math.isfinite(created):
        return round(created, 6)
    return round(time.time(), 6)


def _last_line(text: str | None) -> str:
    return text.rstrip().rpartition("\n")[2].strip() if text else ""
