"""Traces that loggers write as JSON (lists of lines, objects with frames and causes) -> the text a runtime prints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_MAX_CAUSES = 20
_MAX_FRAMES = 500
_NAMES = (
    "exc_type",
    "exceptionType",
    "exception_class",
    "className",
    "class",
    "type",
    "name",
    "__class__",
    "Exception",
)
_MESSAGES = ("exc_value", "exception_message", "localizedMessage", "message", "value", "msg", "Message")
_TEXTS = ("extendedStackTrace", "stack_trace", "stacktrace", "stackTrace", "stack", "traceback", "trace", "backtrace")
_FRAMES = ("frames", "stepArray", "stack_trace", "stacktrace", "stackTrace", "trace", "backtrace", "Trace")
_CAUSES = ("causedBy", "cause", "previous", "inner", "InnerException", "Previous")


def trace_of(value: object) -> str:
    """
    Return the text of a trace.

    Args:
        value: A text, a list of lines or of frames, or the object of an exception; anything else has none.

    Returns:
        Lines; empty when there is no trace in it.
    """
    if isinstance(value, str):
        return value if "\n" in value.strip() else ""
    if isinstance(value, list):
        return _of_list(value)
    return _of_object(value, 0) if isinstance(value, dict) else ""


def _of_list(value: list[Any]) -> str:
    if not value:
        return ""
    if all(isinstance(each, str) for each in value):
        return "\n".join(each.rstrip("\n") for each in value)
    if not all(isinstance(each, dict) for each in value):
        return ""
    if "exc_type" in value[0]:  # structlog's dict_tracebacks: the exception first, then what caused it
        return "\n".join(_of_structlog(each) for each in reversed(value[:_MAX_CAUSES]))
    return "\n".join(_frames(value))


def _of_structlog(value: dict[str, Any]) -> str:
    """Write a traceback as Python does."""
    lines = ["Traceback (most recent call last):"]
    for frame in value.get("frames") or ():
        if isinstance(frame, dict) and len(lines) < 2 * _MAX_FRAMES:
            lines.append(f'  File "{frame.get("filename")}", line {frame.get("lineno")}, in {frame.get("name")}')
            if frame.get("line"):
                lines.append(f"    {frame['line']}")
    lines.append(f"{value.get('exc_type')}: {value.get('exc_value')}")
    return "\n".join(lines)


def _of_object(value: dict[str, Any], depth: int) -> str:
    """Write the object of an exception, and what caused it."""
    inner = value.get("exception")
    if isinstance(inner, dict):  # Quarkus wraps each of its exceptions
        value = inner
    for name in _TEXTS:
        text = trace_of(value[name]) if isinstance(value.get(name), str) else ""
        if text:
            return text
    lines = list(_frames(_first(value, _FRAMES, list) or []))
    if not lines:
        return ""
    name, message = _first(value, _NAMES, str), _first(value, _MESSAGES, str)
    lines.insert(0, ": ".join(part for part in (name, message) if part))
    cause = _first(value, _CAUSES, dict)
    if cause and depth < _MAX_CAUSES:
        caused = _of_object(cause, depth + 1)
        if caused:
            lines.append(f"Caused by: {caused}")
    return "\n".join(line for line in lines if line)


def _first(value: dict[str, Any], names: tuple[str, ...], kind: type) -> Any:
    return next((value[name] for name in names if isinstance(value.get(name), kind) and value[name]), None)


def _frames(frames: list[Any]) -> Iterator[str]:
    """Write frames as the language they look like does."""
    for frame in frames[:_MAX_FRAMES]:
        if isinstance(frame, str):
            yield frame.rstrip("\n") if frame[:1] in "\t #" else f"\tat {frame}"
        elif isinstance(frame, dict):
            yield _frame(frame)


def _frame(frame: dict[str, Any]) -> str:
    owner, function = _value(frame, "class", "className"), _value(frame, *_FUNCTIONS)
    file, line = _value(frame, *_FILES), _value(frame, *_LINES)
    where = f"{file}:{line}" if file and line else f"{file or line or 'Unknown Source'}"
    if not owner and not function:
        return f"\tat {where}"
    return f"\tat {owner}{'.' if owner and function else ''}{function}({where})"


_FUNCTIONS = ("method", "methodName", "func", "function", "name")
_FILES = ("file", "fileName", "filename", "filePath", "source")
_LINES = ("line", "lineNumber", "lineno", "fileLine")


def _value(frame: dict[str, Any], *names: str) -> Any:
    return next((frame[name] for name in names if frame.get(name)), "")
