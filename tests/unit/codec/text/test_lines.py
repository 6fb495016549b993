"""Lines of services: structured ones, plain ones, traces joined; whole and byte by byte."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.text.lines import LineDecoder
from gelf_listener.codec.text.plain import read_header
from gelf_listener.message import Message

NOW = 1_795_000_000.0
STAMP = "2026-11-23T18:00:00.5Z"
STAMPED = dt.datetime.fromisoformat(STAMP).timestamp()

PYTHON = """Traceback (most recent call last):
  File "x.py", line 1, in <module>
    1/0
ZeroDivisionError: division by zero

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "x.py", line 3, in <module>
ValueError: b"""
LOGGED = PYTHON.replace("<module>", "pay")
GROUP = """  + Exception Group Traceback (most recent call last):
  |   File "x.py", line 1, in <module>
  | ExceptionGroup: several (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | ValueError: a
    +------------------------------------"""
JAVA = """java.lang.IllegalStateException: bad
\tat com.example.App.main(App.java:12)
\tat java.base/java.lang.Thread.run(Thread.java:840)
Caused by: java.lang.RuntimeException: inner
\tat com.example.App.x(App.java:13)
\t... 1 more"""
SQL = """Traceback (most recent call last):
  File "/app/orders.py", line 7, in load
sqlalchemy.exc.ProgrammingError: (psycopg.errors.UndefinedColumn) column "x" does not exist
LINE 1: select x
               ^
HINT:  Perhaps you meant "y".
[SQL: select x]
(Background on this error at: https://sqlalche.me/e/20/f405)"""
PYDANTIC = """Traceback (most recent call last):
  File "/app/orders.py", line 7, in load
pydantic_core._pydantic_core.ValidationError: 2 validation errors for Order
items.0.amount
  Input should be a valid number [type=float_parsing, input_value='x', input_type=str]
    For further information visit https://errors.pydantic.dev/2/v/float_parsing
city
  Field required [type=missing, input_value={}, input_type=dict]"""
INDENTED = """Traceback (most recent call last):
  File "/app/orders.py", line 7, in load
ValueError: these are wrong:
  one
  two"""
SYNTAX = """  File "/app/orders.py", line 1
    x = = 1
        ^
SyntaxError: invalid syntax"""
GO = """panic: runtime error: index out of range [5] with length 3

goroutine 1 [running]:
main.main()
\t/tmp/x.go:4 +0x1d
exit status 2"""


def decode(text: str, step: int = 0, **options: Any) -> list[Message]:
    decoder = LineDecoder("here", **options)
    batch = Batch()
    data = text.encode()
    step = step or len(data) or 1
    for at in range(0, len(data), step):
        decoder.feed(data[at : at + step], NOW, batch)
    decoder.feed_eof(NOW, batch)
    assert decoder.deadline is None
    assert batch.rejected == []
    assert batch.size == sum(len(message.raw) for message in batch.messages)
    return batch.messages


TRACES = [
    ("Python", PYTHON, ("ValueError: b", PYTHON, 3)),
    ("Python behind a line", f"ERROR:root:it failed\n{PYTHON}", ("ERROR:root:it failed", PYTHON, 3)),
    ("Python behind a line without level", f"it failed\n{PYTHON}", ("it failed", PYTHON, 3)),
    ("Python behind a line of little weight", f"INFO it failed\n{LOGGED}", ("INFO it failed", LOGGED, 4)),
    ("SQLAlchemy and PostgreSQL", SQL, (SQL.splitlines()[2], SQL, 3)),
    ("a message with indented lines", INDENTED, ("ValueError: these are wrong:", INDENTED, 3)),
    ("a group alone", GROUP, ("ExceptionGroup: several (2 sub-exceptions)", GROUP, 3)),
    ("a syntax error", SYNTAX, ("SyntaxError: invalid syntax", SYNTAX, 3)),
    ("a group", f"CRITICAL it failed\n{GROUP}", ("CRITICAL it failed", GROUP, 2)),
    ("Java behind a line", f"2026-11-23 18:00:00.1 ERROR 1 --- [main] App : boom\n{JAVA}", ("2026-11-23 18:00:00.1 ERROR 1 --- [main] App : boom", JAVA, 3)),
    ("Java", f'Exception in thread "main" {JAVA}', ('Exception in thread "main" java.lang.IllegalStateException: bad', f'Exception in thread "main" {JAVA}', 3)),
    ("Go", GO, ("panic: runtime error: index out of range [5] with length 3", GO, 2)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), [pytest.param(*case[1:], id=case[0]) for case in TRACES])
@pytest.mark.parametrize("step", [0, 1, 7])
def test_traces(text: str, expected: tuple[str, str, int], step: int) -> None:
    """A trace and the line before it are one message; what comes before and behind are others."""
    (made,) = decode(text, step)
    assert (made.short_message, made.full_message, made.level) == expected
    made = decode(f"before\n{text}\nbehind\n", step)[-2]
    before, behind = decode(f"before\n\n{text}\nbehind\n", step)[0], decode(f"{text}\nbehind\n", step)[-1]
    assert made.full_message == expected[1]
    assert (before.short_message.partition("\n")[0], behind.short_message) == ("before", "behind")


def test_fields_of_pydantic() -> None:
    """Each stands alone, what is wrong with it indented below; what follows is another message."""
    made, behind = decode(PYDANTIC + "\nanother message\n")
    assert (made.short_message, made.full_message) == (PYDANTIC.splitlines()[2], PYDANTIC)
    assert behind.short_message == "another message"


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("ERROR it", 3), ("[ERROR] it", 3), ("ERROR:root:it", 3), ("error: it", 3), ("[warn] it", 4), ("Warning: it", 4),
        ("2026-11-23 18:00:00,123 WARNING app: it", 4), ("[2026-11-23T18:00:00Z] [debug] it", 7), ("18:00:00 | FATAL | it", 2),
        ("2026-11-23 18:00:00 app.orders ERROR it", 3), ("DEBUG", 7), ("INFO:     127.0.0.1 - GET /", 6),
        ("[2026-11-23 18:00:00,123: WARNING/MainProcess] it", 4),
        ("no ERRORS here", 6), ("an error happened", 6), ("information", 6), ("\x1b[31mERROR\x1b[0m it", 3),
    ],
)  # fmt: skip
def test_guesses(line: str, level: int) -> None:
    """A word in a usual place says the level; standard error is one by itself."""
    assert decode(line)[0].level == level
    guessed = decode(line, level=3)[0].level
    assert guessed == (level if level != 6 or "INFO" in line else 3)


STRUCTURED: list[tuple[str, str, tuple[Any, ...], dict[str, Any]]] = [
    ("structlog", '{"event":"hi","level":"warning","timestamp":"%s","a":1}', ("here", "hi", 4, STAMPED, None), {"a": 1, "x": 1}),
    ("bunyan", '{"name":"app","hostname":"h","pid":1,"level":50,"msg":"hi","time":"%s","v":0,"err":{"message":"m","stack":"E: m\\n at x"}}', ("h", "hi", 3, STAMPED, "E: m\n at x"), {"name": "app", "pid": 1, "v": 0, "err.message": "m", "x": 1}),
    ("pino", '{"level":30,"time":1700000000500,"pid":1,"hostname":"h","msg":"hi"}', ("h", "hi", 6, 1700000000.5, None), {"pid": 1, "x": 1}),
    ("pino without base", '{"level":50,"time":1700000000500,"msg":"hi"}', ("here", "hi", 3, 1700000000.5, None), {"x": 1}),
    ("ECS", '{"@timestamp":"%s","log.level":"ERROR","message":"hi","error.stack_trace":"E\\n\\tat x"}', ("here", "hi", 3, STAMPED, "E\n\tat x"), {"x": 1}),
    ("python-json-logger", '{"message":"hi","levelname":"ERROR","asctime":"%s","exc_info":"Traceback\\nE"}', ("here", "hi", 3, STAMPED, "Traceback\nE"), {"x": 1}),
    ("logback", '{"@timestamp":"%s","message":"hi","level":"WARN","stack_trace":"E\\n\\tat x"}', ("here", "hi", 4, STAMPED, "E\n\tat x"), {"x": 1}),
    ("logfmt", 'time=%s level=error msg="say \\"hi\\"" order=A-17', ("here", 'say "hi"', 3, STAMPED, None), {"order": "A-17", "x": 1}),
    ("GELF", '{"version":"1.1","host":"h","short_message":"hi","timestamp":1700000000.5,"_a":1}', ("h", "hi", None, 1700000000.5, None), {"a": 1}),
    ("GELF without a host", '{"version":"1.1","short_message":"hi","_a":1}', ("here", "hi", None, NOW, None), {"a": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("line", "known", "fields"), [pytest.param(*case[1:], id=case[0]) for case in STRUCTURED])
def test_structured(line: str, known: tuple[Any, ...], fields: dict[str, Any]) -> None:
    """Loggers' own words in GELF's places."""
    line = line.replace("%s", STAMP)
    for end in ("", "\n", "\r\n"):
        (made,) = decode(line + end, 5, fields={"x": 1})
        assert (made.host, made.short_message, made.level, made.timestamp, made.full_message) == known
        assert made.fields == fields


def test_gelf_is_passed_on_as_it_came() -> None:
    """Outputs need not write it again."""
    line = '{"version":"1.1","host":"h","short_message":"hi","timestamp":1700000000.5}'
    (made,) = decode(line + "\n")
    assert made.exact
    assert made.raw == line.encode()


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "{}",
        "[1]",
        '{"a":1}',
        "null",
        "a=b c=d",
        "msg=only",
        '{"message":{"a":1}}',
        '{"short_message":1',
        "\ufffd",
        "{" * 5000,
    ],
)
def test_what_only_looks_structured(line: str) -> None:
    """It is text, whole."""
    (made,) = decode(line)
    assert (made.short_message, made.level) == (line, 6)


def test_blank_lines_are_no_messages() -> None:
    """Nor is nothing."""
    assert decode("") == []
    assert decode("\n \n\r\n\t\n") == []
    assert [made.short_message for made in decode("a\n\n b \r\n")] == ["a", " b "]


def test_waiting() -> None:
    """A line waits for the next, but no longer than it may."""
    decoder = LineDecoder("here", join_seconds=0.1)
    batch = Batch()
    decoder.feed(b"ERROR it failed\n", NOW, batch)
    assert batch.messages == []
    assert decoder.deadline == NOW + 0.1
    decoder.expire(NOW + 0.05, batch)
    assert batch.messages == []
    decoder.feed(b"Traceback (most recent call last):\n", NOW + 0.05, batch)
    decoder.expire(NOW + 0.16, batch)
    assert [made.full_message for made in batch.messages] == ["Traceback (most recent call last):"]
    assert decoder.deadline is None


def test_long_lines_are_cut() -> None:
    """At the limit one message, beyond it several, and nothing is lost."""
    for step in (0, 50):
        assert [len(made.short_message) for made in decode("x" * 100 + "\n", step, max_line_bytes=100)] == [100]
        pieces = decode("x" * 250 + "\nhonest\n", step, max_line_bytes=100)
        assert [made.short_message for made in pieces] == ["x" * 100, "x" * 100, "x" * 50, "honest"]


def test_no_character_is_cut() -> None:
    """Not even where the limit falls within one."""
    for text in ("\u20ac" * 100, "x" + "\U0001f600" * 60):
        made = decode(text, max_line_bytes=100)
        assert len(made) > 1
        assert "".join(message.short_message for message in made) == text


def test_a_long_document_stays_one() -> None:
    """A traceback of a hundred kilobytes in a line of GELF."""
    document = {"version": "1.1", "host": "h", "short_message": "hi", "full_message": "x" * 200_000}
    (made,) = decode(json.dumps(document), 65536)
    assert (made.short_message, len(made.full_message or "")) == ("hi", 200_000)


def test_endless_traces_are_cut() -> None:
    """Joining is bounded; every line is in a message all the same, and the pieces are as long as may be."""
    text = "Traceback (most recent call last):\n" + "  File x\n" * 1000
    made = decode(text, max_join_bytes=1024)
    assert len(made) > 1
    assert all(len(message.raw) < 1300 for message in made)
    assert len(made) < 12
    assert all(message.level == 3 for message in made)
    assert sum((message.full_message or message.short_message).count("File x") for message in made) == 1000


def test_bytes_that_are_no_text() -> None:
    """Invalid UTF-8 is replaced."""
    decoder = LineDecoder("here")
    batch = Batch()
    decoder.feed(b"caf\xe9\n\x00\xff\n", NOW, batch)
    decoder.feed_eof(NOW, batch)
    assert [made.short_message for made in batch.messages] == ["caf\ufffd", "\x00\ufffd"]
    assert all(json.loads(made.to_gelf()) for made in batch.messages)


def test_charset() -> None:
    """Each line by itself: UTF-8 where it is, the character set that was set otherwise, however it is cut."""
    data = "grün\n".encode() + "größe\nübrig".encode("latin-1")
    for step in (1, 3, len(data)):
        decoder, batch = LineDecoder("here", charset="latin-1"), Batch()
        for at in range(0, len(data), step):
            decoder.feed(data[at : at + step], 1.0, batch)
        decoder.feed_eof(1.0, batch)
        assert [made.short_message for made in batch.messages] == ["grün", "größe", "übrig"]


HALVES = (
    b'{"short_message":"cut \\ud83d","version":"1.1"}',
    b'{"short_message":"a cut \\ud83d"} {"short_message":"b"}',
    b'{"message":"cut \\ud83d","level":"error","order":{"note":"\\udc00"}}',
    b'{"level":50,"order":{"note":"\\udc00"}}',
    b'{"short_message":"large","number":1000000000000000000000000000000}',
)


@pytest.mark.parametrize("line", HALVES)
def test_half_an_emoji_costs_nobody_a_line(line: bytes) -> None:
    """An ASCII JSON writer cuts texts in the middle of an escape; the lines before and after it are there too."""
    batch = Batch()
    decoder = LineDecoder("web", input="in")
    decoder.feed(b"before\n" + line + b"\nafter\n", NOW, batch)
    decoder.release(NOW, batch)
    texts = [message.short_message for message in batch.messages]
    assert (texts[0], texts[-1]) == ("before", "after")
    assert len(texts) >= 3
    assert batch.rejected == []
    for message in batch.messages:
        message.to_gelf()


def test_a_bug_costs_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be read for whatever reason is rejected with its bytes, and no other line is lost."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("gelf_listener.codec.text.reader.read_record", fail)
    batch = Batch()
    decoder = LineDecoder("web", input="in")
    decoder.feed(b'before\n{"a":1}\nafter\n', NOW, batch)
    decoder.release(NOW, batch)
    assert [message.short_message for message in batch.messages] == ["before", "after"]
    (rejected,) = batch.rejected
    assert bytes(rejected.payload) == b'{"a":1}'
    assert "bug" in rejected.detail


@pytest.mark.parametrize("digits", range(95, 106))
def test_a_time_at_the_end_of_what_is_read_as_one_word(digits: int) -> None:
    """Found by fuzzing: nothing stands before it, which was taken for a mark, so the line failed."""
    decoder, batch = LineDecoder("h"), Batch()
    decoder.feed(f"8 {'1' * digits}0:00:00\n".encode(), 1.7e9, batch)
    decoder.feed_eof(1.7e9, batch)
    assert [message.short_message for message in batch.messages] == [f"8 {'1' * digits}0:00:00"]
    assert read_header(f"8 {'1' * digits}0:00:00", 1.7e9).level is None


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_what_was_thrown_without_a_level_does_not_depend_on_reads(step: int) -> None:
    """Found by fuzzing: nothing waits behind a line without a level, so it may not go on in the same read either."""
    text = b'"main" Exception: \nd e\n\tat n('
    decoder, batch = LineDecoder("h"), Batch()
    for at in range(0, len(text), step):
        decoder.feed(text[at : at + step], 1.7e9, batch)
    decoder.feed_eof(1.7e9, batch)
    assert [(each.short_message, each.full_message) for each in batch.messages] == [
        ('"main" Exception: ', None),
        ("d e", "\tat n("),
    ]
