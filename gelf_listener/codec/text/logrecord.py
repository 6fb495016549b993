"""
Log records -> Message: what the standard library's `HTTPHandler` and posters of ``LogRecord.__dict__`` send.

`HTTPHandler` sends the record as a form, in which everything is text: ``msg`` without its arguments, ``args`` as Python
writes them, a traceback as the address of an object. JSON keeps types and, where the sender formatted it, the
traceback. Nothing of either is evaluated: arguments are read as literals within bounds, and formatted by `percent`.

A form with a single field ``gelf`` holds a GELF document: what a `mapLogRecord` of one line makes of a record, with
everything in it.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.gelf.lenient import MAX_STRUCTURE, VALUES_A_STEP, LenientGelf, too_complex
from gelf_listener.codec.gelf.normaliser import Normaliser
from gelf_listener.codec.levels import severity_of_number, severity_of_text
from gelf_listener.codec.pickles import PICKLE_ADVICE, is_pickle
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.scrub import encode_json
from gelf_listener.codec.text.bodies import foreign_record
from gelf_listener.codec.text.literals import read_literal
from gelf_listener.codec.text.percent import percent
from gelf_listener.errors import Reason, Rejected
from gelf_listener.message import Peer

MAX_RECORDS = 100_000
"""Most records of one JSON array."""

_MAX_PAIRS = 10_000
_MAX_ARGUMENTS = 100
"""Most arguments that are read one by one, because one of them is not a literal."""

_RENAMED = {
    "name": "logger",
    "pathname": "file",
    "lineno": "line",
    "funcName": "function",
    "process": "pid",
    "threadName": "thread_name",
    "processName": "process_name",
    "taskName": "task_name",
}
"""Attributes of a record that become fields, under the names that gelf-handlers uses."""

_ATTRIBUTES = frozenset(("levelno", "args", "msecs", "funcName", "lineno", "exc_info", "created", "short_message"))
"""One of these makes a record Python's (or GELF), and not another logger's."""

_NUMBERS = frozenset(("lineno", "process"))
_LEFT_OUT = frozenset(("msg", "args", "message", "levelno", "levelname", "created", "msecs", "relativeCreated")) | {
    *("asctime", "thread", "exc_info", "exc_text", "stack_info", "filename", "module", "host", "hostname"),
}
"""Attributes that are dealt with, or say again what others say."""

_CLOSED_BY = {"(": ")", "[": "]", "{": "}", "<": ">"}
_MARK = re.compile(r"""'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+"|['"()\[\]{}<>,]""", re.DOTALL)
"""What matters in arguments as Python writes them: texts as a whole, brackets, commas; a quote alone ends nothing."""

_CLASS = re.compile(r"<class '(?:builtins\.)?([\w.]+)'>")


class _Repr(str):
    """What an object wrote of itself: ``%r`` and ``%s`` of it are the same."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class LogRecords:
    """
    Decodes records.

    Guarantee: every record becomes one message or one rejection.

    Args:
        gelf: Decodes a GELF document in a form.
    """

    def __init__(self, gelf: LenientGelf) -> None:
        self._gelf = gelf
        self._input = gelf.input

    def decode(self, body: bytes, now: float, peer: Peer | None, batch: Batch) -> None:
        """
        Decode a form or JSON: a record, or an array of records.

        Args:
            body: A request's body, or its query.
            now: UTC Unix seconds.
            peer: Who sent it.
            batch: Takes the results.
        """
        for _ in self.decode_in_steps(body, now, peer, batch):
            pass

    def decode_in_steps(self, body: bytes, now: float, peer: Peer | None, batch: Batch) -> Iterator[None]:
        """Decode a form or JSON, some records at a time; see `decode`."""
        receipt = Receipt(self._input, peer, now, batch)
        try:
            records = _json_records(body) if body.lstrip()[:1] in (b"{", b"[") else [_form_record(body)]
        except Rejected as rejected:
            receipt.add_rejection(rejected)
            return
        for number, record in enumerate(records):
            if number and number % VALUES_A_STEP == 0:
                yield
            if isinstance(record, dict) and record.keys() == {"gelf"} and isinstance(record["gelf"], str):
                self._gelf.decode(record["gelf"].encode("utf-8", "replace"), now, peer, batch)
                continue
            raw = body if len(records) == 1 else encode_json(record)
            if (
                isinstance(record, dict)
                and not record.keys() & _ATTRIBUTES
                and foreign_record(record, raw, receipt, False)
            ):
                continue  # of another logger: pino, CLEF, Fluent Bit
            try:
                document = _document(record, raw)
            except Rejected as rejected:
                receipt.add_rejection(rejected)
                continue
            message = Normaliser(document, (), receipt, strict=False).message(raw)
            assert message is not None  # noqa: S101  (a document has a short_message)
            receipt.add(message)


def _json_records(body: bytes) -> list[Any]:
    if too_complex(body):
        raise Rejected(Reason.TOO_COMPLEX, f"more than {MAX_STRUCTURE} brackets and commas", body)
    try:
        value = msgspec.json.decode(body)
    except (ValueError, RecursionError) as error:
        raise Rejected(Reason.INVALID_JSON, f"no JSON: {error}", body) from None
    records = value if isinstance(value, list) else [value]
    if not records:
        raise Rejected(Reason.EMPTY_PAYLOAD, "no records", body)
    if len(records) > MAX_RECORDS:
        raise Rejected(Reason.TOO_COMPLEX, f"{len(records)} records, more than {MAX_RECORDS}", body)
    return records


def _form_record(body: bytes) -> dict[str, Any]:
    """Read a form; what Python writes for None was none."""
    if is_pickle(body):
        raise Rejected(Reason.UNEXPECTED_PROTOCOL, PICKLE_ADVICE, body)
    if not body.strip():
        raise Rejected(Reason.EMPTY_PAYLOAD, "neither a form nor JSON", body)
    try:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MAX_PAIRS)
    except ValueError:
        raise Rejected(Reason.TOO_COMPLEX, f"a form of more than {_MAX_PAIRS} fields", body) from None
    record: dict[str, Any] = {name: value for name, value in pairs if value != "None"}
    if not record.keys() & {"msg", "message", "gelf"}:
        raise Rejected(Reason.NO_MESSAGE, "no form of a log record: neither msg nor message is in it", body)
    if "args" in record:
        record["args"] = _arguments(record["args"])
    for name in _NUMBERS & record.keys():
        if record[name].isdecimal() and len(record[name]) < 20:
            record[name] = int(record[name])
    return record


def _arguments(text: str) -> object:
    """
    Read arguments as Python wrote them; one that is not a literal stays as written, for example ``ValueError('x')``.

    Nothing is evaluated: what an object wrote of itself takes its place in the message.
    """
    whole = read_literal(text)
    if not isinstance(whole, str) or not (text[:1] == "(" and text[-1:] == ")"):
        return whole
    parts = _split(text[1:-1])
    if parts is None:
        return text
    return tuple(_Repr(part) if (read := read_literal(part)) is part else read for part in parts)


def _split(text: str) -> list[str] | None:
    """Split at the commas that are in no quotes and brackets; None when these do not match."""
    parts: list[str] = []
    opened: list[str] = []
    start = 0
    for match in _MARK.finditer(text):
        mark = match[0]
        if mark in _CLOSED_BY:
            opened.append(_CLOSED_BY[mark])
        elif mark == ",":
            if not opened:
                parts.append(text[start : match.start()].strip())
                start = match.end()
                if len(parts) >= _MAX_ARGUMENTS:
                    return None
        elif len(mark) == 1 and (not opened or opened.pop() != mark):
            return None
    last = text[start:].strip()
    if last:
        parts.append(last)
    return None if opened else parts


def _document(record: object, raw: bytes) -> dict[str, Any]:
    """Make a GELF document of a record, for the normaliser."""
    if not isinstance(record, dict):
        raise Rejected(Reason.NOT_AN_OBJECT, f"JSON, but no record: {type(record).__name__}", raw)
    text = _text(record)
    if text is None:
        raise Rejected(Reason.NO_MESSAGE, "no log record: neither msg nor message is in it", raw)
    document: dict[str, Any] = {"version": "1.1", "short_message": text}
    for name in ("host", "hostname"):
        if isinstance(record.get(name), str) and record[name].strip():
            document["host"] = record[name]
            break
    if "created" in record:
        document["timestamp"] = _number(record["created"])
    level = _severity(record)
    if level is not None:
        document["level"] = level
    full_message = _full_message(record)
    if full_message:
        document["full_message"] = full_message
    if record.get("args") and _formatted(record) is None and not _is_text(record.get("message")):
        document["_args"] = _shown(record["args"])
    for name, value in record.items():
        if name not in _LEFT_OUT and value is not None:
            document[f"_{_RENAMED.get(name, name)}"] = value
    return document


def common_names(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """
    Give the attributes of a record the names that `records` knows.

    Returns:
        None when there is no text in it.
    """
    if _text(record) is None:
        return None
    document = _document(record, b"")
    names = {
        "short_message": "message",
        "full_message": "exc_text",
        "host": "hostname",
        "timestamp": "timestamp",
        "level": "level",
    }
    flat = {names[name]: value for name, value in document.items() if name in names}
    return flat | {name[1:]: value for name, value in document.items() if name[:1] == "_" and name[1:] not in flat}


def _number(value: object) -> object:
    """Return the number a form's text means; anything else as it is, for the normaliser to note."""
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            return float(value)
    return value


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _text(record: Mapping[str, Any]) -> str | None:
    """Return the text of a record: formatted by the sender, by us, or not at all."""
    if _is_text(record.get("message")):
        return str(record["message"])
    formatted = _formatted(record)
    if formatted is not None:
        return formatted
    msg = record.get("msg")
    return None if msg is None else _shown(msg)


def _formatted(record: Mapping[str, Any]) -> str | None:
    """Format msg with its arguments; None when there are none, or they do not belong together."""
    msg, args = record.get("msg"), record.get("args")
    if not isinstance(msg, str) or not args:
        return None
    if isinstance(args, Mapping):
        return percent(msg, args)
    if isinstance(args, Sequence) and not isinstance(args, (str, bytes)):
        if len(args) == 1 and isinstance(args[0], Mapping) and args[0] and "%(" in msg:
            return percent(msg, args[0])
        return percent(msg, args)
    return None


def _shown(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, RecursionError, OverflowError):
        return str(type(value).__name__)


def _severity(record: Mapping[str, Any]) -> int | None:
    """Return the severity of a record's level; below DEBUG there is nothing but DEBUG."""
    levelno = record.get("levelno", "none")
    try:
        number = levelno if isinstance(levelno, int) else float(levelno)
    except (TypeError, ValueError):
        name = record.get("levelname")
        return severity_of_text(name) if isinstance(name, str) else None
    return 7 if number < 10 else severity_of_number(min(number, 100))


def _full_message(record: Mapping[str, Any]) -> str:
    """Join what there is of a traceback and a stack."""
    parts: list[str] = [record["exc_text"] if _is_text(record.get("exc_text")) else _exception(record.get("exc_info"))]
    if _is_text(record.get("stack_info")):
        parts.append(record["stack_info"])
    return "\n".join(part for part in parts if part)


def _exception(exc_info: object) -> str:
    """Say what can be said of an exception whose traceback was not sent as text."""
    if isinstance(exc_info, str):
        return exc_info if exc_info not in ("True", "False", "1", "0", "(None, None, None)") else ""
    if isinstance(exc_info, list) and len(exc_info) == 3 and exc_info[0] is not None:
        name = _CLASS.sub(r"\1", str(exc_info[0]))
        return f"{name}: {exc_info[1]}"
    return ""
