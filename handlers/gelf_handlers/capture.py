"""
The caller's share of a log call: copy what may change, defer the rest.

A record is captured as its attribute dict, copied, because other handlers and filters may change the record
after us (colouring ``levelname``, redacting ``msg``, ``QueueHandler.prepare``). Arguments are kept by reference
only if nobody can change them; as soon as one could, the message is formatted here, in the caller's thread.
Tracebacks become a `traceback.TracebackException`: the exception's text is taken now, no frame, and so no local
variable of the service, is kept alive, and reading source lines is left to the worker.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from logging import Formatter, LogRecord
from typing import Any, Final

from gelf_handlers.context import CONTEXT
from gelf_handlers.gelf import IMMUTABLE, STANDARD_ATTRIBUTES, snapshot

__all__ = ["Captured", "capture", "restore", "unformatted_text"]

_PLAIN_FORMAT_EXCEPTION: Final = Formatter.formatException
_is_standard = STANDARD_ATTRIBUTES.issuperset
_current_fields = CONTEXT.get
_TASK_NAME_IN_RECORD: Final = sys.version_info >= (3, 12)


Captured = tuple[type[LogRecord], dict[str, Any], Mapping[str, Any], traceback.TracebackException | None]
"""What one log call leaves in the queue: record class, its attributes, bound fields, exception. A plain tuple: a
NamedTuple would cost the caller 0.2 us more."""


def restore(captured: Captured) -> LogRecord:
    """Return a record of the original class, private to the worker."""
    kind, state, _, _ = captured
    record = kind.__new__(kind)
    record.__dict__.update(state)
    return record


def capture(
    record: LogRecord,
    formatter: Formatter | None,
    default: Callable[[Any], Any],
    context_vars: Mapping[str, ContextVar[Any]] | None,
) -> Captured:
    """
    Capture a record so that it can be encoded later, in another thread.

    Args:
        record: The record as logged; not changed.
        formatter: The handler's formatter. The standard class is applied later; a class of the service's own may
            look at the thread or context it runs in, so it is applied here.
        default: Gives the text of objects JSON has no type for.
        context_vars: Field names and the context variables to read for them.
    """
    state = record.__dict__.copy()
    exception = None
    if formatter is not None and type(formatter) is not Formatter:
        state["gelf_text"] = _formatted(record, formatter)
    elif type(state["msg"]) is not str:
        _format_message(record, state)
    else:
        args = state["args"]
        if args:
            if type(args) is tuple:
                for arg in args:
                    if type(arg) not in IMMUTABLE:
                        _format_message(record, state)
                        break
            else:
                _format_message(record, state)
    if state["exc_info"]:
        exception = _capture_exception(state, formatter)
    if not _is_standard(state) or "gelf_fields" in state:
        for key, value in state.items():
            if type(value) not in IMMUTABLE and (key == "gelf_fields" or key not in STANDARD_ATTRIBUTES):
                state[key] = snapshot(value, default)
    context = _current_fields()
    if context_vars:
        context = {**context, **_read(context_vars, default)}
    if not _TASK_NAME_IN_RECORD and "asyncio" in sys.modules:
        state["taskName"] = _task_name()
    return type(record), state, context, exception


def _format_message(record: LogRecord, state: dict[str, Any]) -> None:
    """Format now; a template its arguments do not fit is sent with them beside it, never lost."""
    try:
        text = record.getMessage()
    except Exception as error:
        text = unformatted_text(record, error)
    state["msg"] = text
    state["args"] = None


def unformatted_text(record: LogRecord, error: Exception) -> str:
    """Return the text of a record whose arguments do not fit its template."""
    values = snapshot(record.args if isinstance(record.args, Mapping) else list(record.args or ()))
    return f"{snapshot(record.msg)} {values!r} [{type(error).__name__}: {error}]"


def _formatted(record: LogRecord, formatter: Formatter) -> str:
    """Apply a formatter to a copy without traceback: that goes to full_message."""
    plain = type(record).__new__(type(record))
    plain.__dict__.update(record.__dict__)
    plain.exc_info = plain.exc_text = plain.stack_info = None
    try:
        return formatter.format(plain)
    except Exception as error:
        return unformatted_text(record, error)


def _capture_exception(state: dict[str, Any], formatter: Formatter | None) -> traceback.TracebackException | None:
    info = state["exc_info"]
    state["exc_info"] = None
    if state.get("exc_text"):  # a handler before us has done the work
        return None
    if info is True or isinstance(info, BaseException):  # records made by hand
        info = sys.exc_info() if info is True else (type(info), info, info.__traceback__)
    if not isinstance(info, tuple) or len(info) != 3 or info[1] is None:
        return None  # logger.exception() outside an except block
    try:
        if formatter is not None and type(formatter).formatException is not _PLAIN_FORMAT_EXCEPTION:
            state["exc_text"] = formatter.formatException(info)
            return None
        return traceback.TracebackException(*info, lookup_lines=False, compact=True)
    except Exception as error:
        state["exc_text"] = f"{getattr(info[0], '__name__', info[0])} (traceback unprintable: {type(error).__name__})"
        return None


def _read(context_vars: Mapping[str, ContextVar[Any]], default: Callable[[Any], Any]) -> dict[str, Any]:
    values = ((name, variable.get(None)) for name, variable in context_vars.items())
    return {name: snapshot(value, default) for name, value in values if value is not None}


def _task_name() -> str | None:
    """Return the running task's name on Python 3.11, whose records do not carry it."""
    asyncio = sys.modules["asyncio"]
    if asyncio._get_running_loop() is None:  # 20 ns, where current_task() raises
        return None
    task = asyncio.current_task()
    return None if task is None else str(task.get_name())
