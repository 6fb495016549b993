"""Log records as the standard library and JSON posters send them, and as nobody should."""

from __future__ import annotations

import datetime as dt
import json
import logging
import pickle
import sys
from typing import Any
from urllib.parse import urlencode

import pytest

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.gelf.lenient import LenientGelf
from gelf_listener.codec.text.logrecord import LogRecords
from gelf_listener.codec.text.percent import MAX_TEXT, MAX_WIDTH, percent
from gelf_listener.message import Message, Peer

PEER = Peer("192.0.2.7", 40000)
NOW = 1_795_000_000.0


def record(
    msg: Any = "order %s of %d", args: Any = ("A-17", 3), *, fail: bool = False, **extra: Any
) -> logging.LogRecord:
    info = None
    if fail:
        try:
            raise ValueError("no stock")
        except ValueError:
            info = sys.exc_info()
    made = logging.LogRecord("app.x", logging.WARNING, "/app/x.py", 42, msg, args, info, "work")
    made.created = 1_794_999_999.25
    made.__dict__.update(extra)
    return made


def decode(body: bytes) -> Batch:
    batch = Batch()
    LogRecords(LenientGelf("in")).decode(body, NOW, PEER, batch)
    assert batch.size == sum(len(message.raw) for message in batch.messages)
    return batch


def message(body: bytes) -> Message:
    (made,) = decode(body).messages
    return made


def form(made: logging.LogRecord) -> bytes:
    """What `HTTPHandler.emit` makes of a record."""
    return urlencode(made.__dict__).encode()


def posted(made: logging.LogRecord) -> bytes:
    return json.dumps(made.__dict__, default=str).encode()


@pytest.mark.parametrize("send", [form, posted])
@pytest.mark.parametrize(
    ("msg", "args", "text"),
    [
        ("order %s of %d", ("A-17", 3), "order A-17 of 3"),
        ("order %(id)s of %(n)03d", ({"id": "A-17", "n": 3},), "order A-17 of 003"),
        ("100 %", (), "100 %"),
        ("100 %%", (), "100 %%"),
        ("100 %% of %s", ("x",), "100 % of x"),
        ("%5.1f|%-4s|%r", (2.25, "a", "b"), "  2.2|a   |'b'"),
        ("é %s", ("ü",), "é ü"),
        ("", (), ""),
    ],
)
def test_formatting(send: Any, msg: str, args: tuple[Any, ...], text: str) -> None:
    """Template and arguments become what `getMessage` would have made of them."""
    made = record(msg, args)
    if text:
        assert made.getMessage() == text
    assert message(send(made)).short_message == text


def test_form() -> None:
    """Everything but the text of the traceback; numbers of extras as text, because a form has nothing else."""
    made = message(form(record(fail=True, order="A-17", amount=12.5, nothing=None)))
    assert (made.host, made.level, made.timestamp) == ("192.0.2.7", 4, 1_794_999_999.25)
    assert made.full_message is not None
    assert "ValueError('no stock')" in made.full_message
    fields = made.fields
    assert (fields["logger"], fields["file"], fields["line"], fields["function"]) == ("app.x", "/app/x.py", 42, "work")
    assert (fields["order"], fields["amount"]) == ("A-17", "12.5")
    assert "nothing" not in fields
    assert not {"msg", "args", "levelno", "exc_info", "_logger"} & fields.keys()


def test_json() -> None:
    """Types stay; a traceback that was formatted is the full message, another is named."""
    made = message(posted(record(fail=True, order="A-17", amount=12.5, flag=True, host="web1", levelno=40)))
    assert (made.host, made.level, made.full_message) == ("web1", 3, "ValueError: no stock")
    assert {name: made.fields[name] for name in ("order", "amount", "flag", "line")} == {
        "order": "A-17",
        "amount": 12.5,
        "flag": True,
        "line": 42,
    }
    formatted = record(fail=True)
    logging.Formatter().format(formatted)
    text = formatted.exc_text
    assert text is not None
    assert text.startswith("Traceback")
    assert message(posted(formatted)).full_message == text
    assert message(posted(record(stack_info="Stack (most recent call last):"))).full_message is not None


@pytest.mark.parametrize(
    ("number", "level"),
    [(0, 7), (5, 7), (10, 7), (20, 6), (25, 5), (30, 4), (40, 3), (50, 2), (999, 2), ("x", 4), (None, 4)],
)
def test_levels(number: Any, level: int) -> None:
    """Python's numbers, custom ones between; the name when there is no number."""
    assert message(posted(record(levelno=number))).level == level


def test_arrays() -> None:
    """Each record of an array is a message or a rejection."""
    batch = decode(b"[" + posted(record()) + b", 7, {}, " + posted(record("second", ())) + b"]")
    assert [made.short_message for made in batch.messages] == ["order A-17 of 3", "second"]
    assert [made.reason for made in batch.rejected] == ["not_an_object", "no_message"]
    assert json.loads(batch.messages[1].raw)["msg"] == "second"


def test_gelf_in_a_form() -> None:
    """A form with a GELF document in it."""
    document = {"version": "1.1", "host": "h", "short_message": "hello", "timestamp": 1.5e9, "_n": 3}
    made = message(urlencode({"gelf": json.dumps(document)}).encode())
    assert (made.host, made.short_message, made.timestamp, made.fields) == ("h", "hello", 1.5e9, {"n": 3})
    assert decode(b"gelf=nonsense").rejected[0].reason == "invalid_json"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty_payload"),
        (b"  ", "empty_payload"),
        (b"[]", "empty_payload"),
        (b"hello", "no_message"),
        (b"a=1&b=2", "no_message"),
        (b"{", "invalid_json"),
        (b'{"a":1}', "no_message"),
        (b"[" * 100_000, "invalid_json"),
        (b"[" + b"[]," * 1_000_000 + b"[]]", "too_complex"),
        (b"&".join([b"a=1"] * 20_000), "too_complex"),
        (pickle.dumps({"msg": "x"}, 1), "unexpected_protocol"),
    ],
)
def test_no_records(body: bytes, reason: str) -> None:
    """What is none is rejected, with its reason, and nothing is loaded or evaluated."""
    (rejected,) = decode(body).rejected
    assert (rejected.reason.value, rejected.peer, rejected.input) == (reason, PEER, "in")


@pytest.mark.parametrize(
    "args",
    [
        "__import__('os').system('true')",
        "(<object object at 0x7f>,)",
        "(<object object at 0x7f>, <it>",
        "(<object ' at 0x7f>, 1)",
        "(<a -> b>, 1)",
        "(<x>, [1), 2]",
        "(" * 10_000,
        "(<x>" + ",y" * 30_000 + ")",
        "[" * 50_000 + "]" * 50_000,
        "9**9**9**9",
        "('x'" + ",'y'" * 40_000 + ")",
        "\0",
        "5",
        "",
    ],
)
def test_hostile_arguments(args: str) -> None:
    """Arguments that are not literals are kept as they are, and the template too."""
    made = message(urlencode({"msg": "order %s %s", "args": args}).encode())
    assert made.short_message == "order %s %s"
    assert ("args" in made.fields) is bool(args)


@pytest.mark.parametrize("levelno", ["9" * 3900, "-" + "9" * 3900, "0." + "9" * 3900])
def test_a_level_of_any_size(levelno: str) -> None:
    """Fuzzing with long numbers found that one ended the decoding of what it came with."""
    made = message(b'{"levelno": %s, "pathname": "x.py", "msg": "paid"}' % levelno.encode())
    assert (made.short_message, made.level in (2, 7)) == ("paid", True)


class Order:
    def __repr__(self) -> str:
        return "<Order 'A-17', (3 items)>"


@pytest.mark.parametrize(
    ("msg", "args", "text"),
    [
        ("failed: %s", (ValueError("no stock, sir"),), "failed: ValueError('no stock, sir')"),
        ("%s of %r: %d (%5.1f)", (Order(), Order(), 3, 2.25), "<Order 'A-17', (3 items)> of <Order 'A-17', (3 items)>: 3 (  2.2)"),
        ("%s at %s", ("it's \"a, b\"", dt.datetime(2026, 11, 23)), "it's \"a, b\" at datetime.datetime(2026, 11, 23, 0, 0)"),
        ("%s %s", ([Order(), 1], float("nan")), "[<Order 'A-17', (3 items)>, 1] nan"),
    ],
)  # fmt: skip
def test_objects_among_the_arguments_of_a_form(msg: str, args: tuple[Any, ...], text: str) -> None:
    """They are what they write of themselves, and the other arguments keep their types."""
    made = message(form(record(msg, args)))
    assert made.short_message == text
    assert "args" not in made.fields


@pytest.mark.parametrize(
    ("template", "values", "text"),
    [
        ("%s", ["a"], "a"),
        ("%d", ["text"], "text"),
        ("%d", [None], "None"),
        ("%x %c", [255, "é"], "ff é"),
        ("%", [], "%"),
        ("%s %s", ["a"], None),
        ("%s", ["a", "b"], None),
        ("%(a)s", {}, None),
        ("%(a)s %(a)s", {"a": 1}, "1 1"),
        (f"%{MAX_WIDTH}d", [1], "1".rjust(MAX_WIDTH)),
        (f"%{MAX_WIDTH + 1}d", [1], None),
        ("%999999999d", [1], None),
        ("%.999999999f", [1.0], None),
        ("%*d", [5, 1], None),
        ("%s" * 3, ["x" * (MAX_TEXT // 2)] * 3, None),
        ("%c", [-1], "-1"),
    ],
)
def test_percent(template: str, values: Any, text: str | None) -> None:
    """Within bounds like Python's own operator; beyond, or when values do not fit, None."""
    assert percent(template, values) == text
