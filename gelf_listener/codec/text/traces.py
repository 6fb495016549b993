"""
Traces: which lines of an output belong to one stack trace.

Python's tracebacks (chained ones and groups too), Java's stack traces and Go's panics. The line before a trace is the
message it belongs to, unless the trace comes first.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence

__all__ = ["Trace", "begins", "continues", "headline", "raises"]


class Trace(enum.Enum):
    """Whose trace it is."""

    PYTHON = "python"
    JAVA = "java"
    GO = "go"


_PYTHON_HEAD = re.compile(
    r"\s*(?:\+ )?(?:Exception Group )?Traceback \(most recent call last\):|  File \".+\", line \d+\Z"
)
"""The second is a syntax error's in the file that was to be run: it has no frames, and says where all the same."""

_GROUP = re.compile(r"\s+\| ([\w.]*ExceptionGroup: .*)")
_MESSAGE_GOES_ON = re.compile(
    r"\[SQL: |\[parameters: |\(Background on this error at: "  # SQLAlchemy
    r"|LINE \d+: |(?:DETAIL|HINT|CONTEXT|QUERY): "  # PostgreSQL
)
"""Later lines of a message, without indentation. In general they cannot be told from what is printed next."""

_PYDANTIC = re.compile(r"[\w.]+: \d+ validation errors? for ")
_FIELD = re.compile(r"\S+\Z")
"""pydantic: the path of a field stands alone, and what is wrong with it indented below."""

_PYTHON_CHAIN = ("During handling of the above exception", "The above exception was the direct cause")
_JAVA_HEAD = re.compile(
    r"(?:Exception in thread \".*\" )?(?:[a-z_$][\w$]*\.)+[A-Z][\w$]*(?:Exception|Error|Throwable)(?:: .*|\Z)"
)
_JAVA_FRAME = re.compile(
    r"\s+at [\w$.<>/@~\- ]+\(|\s+\.\.\. \d+ (?:more|common frames omitted)|\s*(?:Caused by|Suppressed): "
)
_GO_HEAD = re.compile(r"panic: |fatal error: ")
_GO_PART = re.compile(
    r"goroutine \d+ |\[signal |created by |exit status \d+\Z|\t|[\w./*()\[\]{}-]+\(.*\)\Z|panic: |\s+panic: "
)


def begins(line: str) -> Trace | None:
    """Return whose trace a line is the first of; None when it is none."""
    if _PYTHON_HEAD.match(line):
        return Trace.PYTHON
    if _JAVA_HEAD.match(line) or _JAVA_FRAME.match(line):
        return Trace.JAVA
    return Trace.GO if _GO_HEAD.match(line) else None


def raises(line: str) -> bool:
    """Whether a line of a Python traceback is neither head nor frame: the exception."""
    return line[:1] not in ("", " ", "\t") and not line.startswith(_PYTHON_CHAIN) and not _PYTHON_HEAD.match(line)


def headline(lines: Sequence[str], raised: int) -> str:
    """
    Return the line of a Python traceback that says what happened.

    Args:
        lines: The traceback.
        raised: Which of them is the exception; 0: none is.
    """
    if raised:
        return lines[raised].strip()
    groups = (match[1] for match in map(_GROUP.match, lines) if match is not None)
    return next(groups, lines[-1].strip())


def continues(trace: Trace, line: str, before: str, raised: str = "") -> bool:
    """
    Whether a line goes on with a trace.

    Args:
        trace: Whose.
        line: The next line.
        before: The line before it.
        raised: The line of the exception, once it was there (Python; see `raises`).
    """
    if trace is Trace.PYTHON:
        if not before.strip():
            return line.startswith(_PYTHON_CHAIN) or _PYTHON_HEAD.match(line) is not None
        if line[:1] in (" ", "\t") or not line.strip():
            return True
        if before.lstrip()[:1] in ("|", "+"):
            return False  # of a group, whose exceptions stand within its lines
        if raised and not before.startswith(_PYTHON_CHAIN):
            goes_on = _FIELD if _PYDANTIC.match(raised) else _MESSAGE_GOES_ON
            return goes_on.match(line) is not None
        # The exception itself stands behind the frames, without indentation.
        return before[:1] in (" ", "\t") or _PYTHON_HEAD.match(line) is not None or before.startswith("Traceback (")
    if trace is Trace.JAVA:
        return _JAVA_FRAME.match(line) is not None or (line[:1] in (" ", "\t") and bool(line.strip()))
    return not line.strip() or _GO_PART.match(line) is not None
