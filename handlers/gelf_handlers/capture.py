"""
The caller's share of a log call: copy what may change, defer the rest.

A record is captured by value, because other handlers and filters may change it after us (colouring ``levelname``,
redacting ``msg``, ``QueueHandler.prepare``). Arguments stay apart from their template only if nobody can change them;
as soon as one could, the message is formatted here, in the caller's thread. Tracebacks become a
`traceback.TracebackException`: the exception's text is taken now, no frame, and so no local variable of the service, is
kept alive, and reading source lines is left to the worker.

What is captured waits as a flat tuple of atomic values: the garbage collector forgets such a tuple when it first sees
it, where dicts, which it keeps, put 0.4 % of calls above 100 us (collections over the queue) and made every full
collection of the service walk the whole queue. (A `marshal` string is never seen at all, but takes 1.2 us more.)
"""

from __future__ import annotations

import logging
import operator
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from logging import Formatter, LogRecord
from typing import Any, Final

from gelf_handlers.context import CONTEXT, fields_of
from gelf_handlers.gelf import IMMUTABLE, snapshot

__all__ = ["Captured", "Frozen", "capture", "restore", "thaw", "unformatted_text"]

_PLAIN_FORMAT_EXCEPTION: Final = Formatter.formatException
_current_fields = CONTEXT.get
_TASK_NAME_IN_RECORD: Final = sys.version_info >= (3, 12)


Captured = tuple[type[LogRecord], dict[str, Any], Mapping[str, Any], traceback.TracebackException | None]
"""What one log call leaves: record class, its attributes, bound fields, exception."""

Frozen = tuple[Any, ...]
"""
`Captured` as it waits in the queue, told apart by length: the values of `_NAMES` alone; these with what was added to
them; or `Captured` itself, where the record's class or an exception has to be kept.
"""

_RECORD: Final = logging.makeLogRecord({})
_DERIVED: Final = frozenset({"filename", "module", "msecs", "relativeCreated"})
_SELDOM: Final = frozenset({"exc_info", "exc_text", "stack_info"})
_STANDARD: Final = frozenset(vars(_RECORD))
_COUNT: Final = len(_STANDARD)
_NAMES: Final = tuple(sorted(_STANDARD - _DERIVED - _SELDOM))
_PLAIN: Final = _STANDARD | {"message", "asctime"}
_STARTED: Final = _RECORD.created - _RECORD.relativeCreated / 1000
_SCALARS: Final = frozenset({str, int, float, bool, type(None)})
_values_of = operator.itemgetter(*_NAMES)
_is_plain = _PLAIN.issuperset


def capture(
    record: LogRecord,
    formatter: Formatter | None,
    default: Callable[[Any], Any],
    context_vars: Mapping[str, ContextVar[Any]] | None,
) -> Frozen:
    """
    Capture a record so that it can be encoded later, in another thread.

    Args:
        record: The record as logged; not changed.
        formatter: The handler's formatter. The standard class is applied later; a class of the service's own may
            look at the thread or context it runs in, so it is applied here.
        default: Gives the text of objects JSON has no type for.
        context_vars: Field names and the context variables to read for them.
    """
    state = record.__dict__
    context: Mapping[str, Any] | None = _current_fields() or None
    if context_vars:
        context = {**(context or {}), **_read(context_vars, default)}
    task_name = None if _TASK_NAME_IN_RECORD or "asyncio" not in sys.modules else _task_name()
    if (
        type(record) is LogRecord
        and type(state["msg"]) is str
        and not (state["exc_info"] or state["exc_text"] or state["stack_info"])
        # As many attributes as a record has: nothing was added. Cheaper than looking at each.
        and (len(state) == _COUNT or _is_plain(state))
        and (formatter is None or type(formatter) is Formatter)
    ):
        args = state["args"]
        if not args or (type(args) is tuple and _SCALARS.issuperset(map(type, args))):
            try:
                values: Frozen = _values_of(state)
            except KeyError:  # a filter removed an attribute
                pass
            else:
                return values if context is None and task_name is None else (values, task_name, None, context, None)
    return _capture_slowly(record, formatter, default, context, task_name)


def thaw(frozen: Frozen) -> Captured:
    """Return a captured record in parts."""
    if len(frozen) == 4:
        return frozen
    values, task_name, extras, context, _ = frozen if len(frozen) == 5 else (frozen, None, None, None, None)
    state = dict(zip(_NAMES, values, strict=True))
    path, created = state["pathname"] or "", state["created"]
    state["filename"] = os.path.basename(path)  # noqa: PTH119 - as logging does it
    state["module"] = os.path.splitext(state["filename"])[0]  # noqa: PTH122
    try:
        state["msecs"] = int((created - int(created)) * 1000) + 0.0
        state["relativeCreated"] = (created - _STARTED) * 1000
    except (TypeError, ValueError, OverflowError):  # a record made by hand
        state["msecs"] = state["relativeCreated"] = 0.0
    state["exc_info"] = state["exc_text"] = state["stack_info"] = None
    if task_name is not None:
        state["taskName"] = task_name
    if extras:
        state.update(extras)
    return LogRecord, state, context or {}, None


def restore(captured: Captured) -> LogRecord:
    """Return a record of the original class, private to the worker."""
    kind, state, _, _ = captured
    record = kind.__new__(kind)
    record.__dict__.update(state)
    return record


def _capture_slowly(
    record: LogRecord,
    formatter: Formatter | None,
    default: Callable[[Any], Any],
    context: Mapping[str, Any] | None,
    task_name: str | None,
) -> Frozen:
    """Capture a record with extras, an exception, arguments that may change, a formatter or class of its own."""
    state = record.__dict__.copy()
    exception = None
    if formatter is not None and type(formatter) is not Formatter:
        state["gelf_text"] = _formatted(record, formatter)
        if type(state["args"]) is not tuple or not _SCALARS.issuperset(map(type, state["args"])):
            state["args"] = None
    else:
        args = state["args"]
        immutable = not args or (type(args) is tuple and IMMUTABLE.issuperset(map(type, args)))
        if type(state["msg"]) is not str or not immutable:
            _format_message(record, state)
    if state["exc_info"]:
        fields = fields_of(state["exc_info"])
        if fields:
            context = {**fields, **(context or {})}
        exception = _capture_exception(state, formatter)
    extras = {
        key: value if type(value) in _SCALARS else snapshot(value, default)
        for key, value in state.items()
        if key not in _PLAIN or (value and key in ("exc_text", "stack_info"))
    }
    if exception is None and type(record) is LogRecord and type(state["msg"]) is str:
        try:
            return (_values_of(state), task_name, extras, context, None)
        except KeyError:
            pass
    state.update(extras)
    if task_name is not None:
        state["taskName"] = task_name
    return type(record), state, context or {}, exception


def _format_message(record: LogRecord, state: dict[str, Any]) -> None:
    """Format now; a template its arguments do not fit is sent with them beside it, never lost."""
    try:
        text = record.getMessage()
    except Exception as error:
        text = unformatted_text(record, error)
    state["msg"] = text
    state["args"] = None


def unformatted_text(record: LogRecord, error: Exception) -> str:
    """Return the text of a record whose arguments do not fit its template, or whose message has no text."""
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
