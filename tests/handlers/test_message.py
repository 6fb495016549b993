"""Clean GELF 1.1 out of anything a service logs."""

import asyncio
import datetime as dt
import decimal
import enum
import logging
import math
import pathlib
import queue
import sys
import time
import uuid
from typing import Any, NamedTuple

import pytest
from gelf_handlers import GELFFormatter, GELFTCPHandler, bind, gelf
from gelf_handlers.capture import capture, thaw
from gelf_rules import assert_valid
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from receivers import TCPReceiver


class Colour(enum.Enum):
    RED = "red"


class BadRepr:
    def __repr__(self):
        raise RuntimeError("no repr")


class Proxy:
    """As werkzeug's `LocalProxy` outside a request: it does not tell its class either."""

    def __getattribute__(self, name):
        raise RuntimeError("Working outside of request context.")


class Point(NamedTuple):
    x: object
    y: object


def encode(record, **options):
    """Take a record the whole way a handler does, without the network."""
    handler = GELFTCPHandler("127.0.0.1", 1, **options)
    try:
        return assert_valid(handler._encode(thaw(capture(record, handler.formatter, handler._object_to_json, {})))[:-1])
    finally:
        handler.close()


def record(msg="hello", *args, level=logging.INFO, exc_info=None, extra=None, sinfo=None):
    made = logging.LogRecord("orders.db", level, "f.py", 7, msg, args, exc_info, "func", sinfo)
    made.__dict__.update(extra or {})
    return made


def test_every_part_of_a_plain_message():
    message = encode(record("hello %s", "w", extra={"amount": 9.5, "count": 3, "user": "u"}))
    assert message["version"] == "1.1"
    assert message["short_message"] == "hello w"
    assert message["level"] == 6
    assert message["_facility"] == "orders.db"
    assert (message["_file"], message["_line"], message["_function"]) == ("f.py", 7, "func")
    assert (message["_amount"], message["_count"], message["_user"]) == (9.5, 3, "u")
    assert message["_pid"] > 0
    assert message["_thread_name"] == "MainThread"
    assert message["_process_name"] == "MainProcess"
    assert not {key for key in message if not key.startswith("_")} - {
        "version",
        "host",
        "short_message",
        "timestamp",
        "level",
    }


def test_no_stack_info_or_task_name_when_there_is_none():
    assert not {"_stack_info", "_taskName", "_task_name", "full_message"} & set(encode(record()))


def test_facility_and_level_names_have_underscores():
    message = encode(record(), facility="shop", level_names=True)
    assert (message["_facility"], message["_logger"], message["_level_name"]) == ("shop", "orders.db", "INFO")


def test_traceback_is_full_message_and_not_in_short_message():
    try:
        raise ValueError("boom")
    except ValueError:
        message = encode(record("failed", level=logging.ERROR, exc_info=sys.exc_info()))
    assert message["short_message"] == "failed"
    assert message["full_message"].startswith("Traceback (most recent call last):\n  File ")
    assert message["full_message"].endswith("ValueError: boom")
    assert "\n\n" not in message["full_message"]


def test_traceback_text_is_what_logging_writes():
    try:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ValueError("outer") from error
    except ValueError:
        info = sys.exc_info()
    assert encode(record(exc_info=info))["full_message"] == logging.Formatter().formatException(info)


def test_traceback_goes_to_full_message_with_a_formatter_too():
    handler = GELFTCPHandler("127.0.0.1", 1)
    handler.setFormatter(logging.Formatter("[%(levelname)s] %(message)s"))
    try:
        raise ValueError("boom")
    except ValueError:
        captured = capture(record("failed", exc_info=sys.exc_info()), handler.formatter, handler._object_to_json, {})
    message = assert_valid(handler._encode(thaw(captured))[:-1])
    assert message["short_message"] == "[INFO] failed"
    assert message["full_message"].endswith("ValueError: boom")
    handler.close()


def test_stack_info_is_full_message():
    message = encode(record(sinfo="Stack (most recent call last):\n  here"))
    assert message["full_message"] == "Stack (most recent call last):\n  here"
    assert "_stack_info" not in message


def test_exc_text_of_another_handler_is_used():
    assert encode(record(extra={"exc_text": "Traceback: cached"}))["full_message"] == "Traceback: cached"


def test_a_traceback_merged_by_a_queue_handler_is_parted_again():
    from logging.handlers import QueueHandler

    try:
        raise ValueError("boom")
    except ValueError:
        prepared = QueueHandler(queue.Queue()).prepare(record("failed", exc_info=sys.exc_info()))
    message = encode(prepared)
    assert message["short_message"] == "failed"
    assert message["full_message"].endswith("ValueError: boom")


def test_exception_outside_an_except_block_has_no_full_message():
    assert "full_message" not in encode(record("x", exc_info=(None, None, None)))


@pytest.mark.parametrize(
    ("number", "severity"),
    [(0, 7), (5, 7), (10, 7), (15, 7), (20, 6), (25, 5), (30, 4), (35, 4), (40, 3), (45, 3), (50, 2), (60, 2), (-3, 7)],
)
def test_any_level_number_becomes_a_severity(number, severity):
    assert encode(record(level=number))["level"] == severity


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_a_blank_message_is_not_sent_blank(text):
    assert encode(record(text))["short_message"] == "(empty)"


def test_a_blank_message_with_a_traceback_says_the_exception():
    try:
        raise ValueError("boom")
    except ValueError:
        assert encode(record("", exc_info=sys.exc_info()))["short_message"] == "ValueError: boom"


def test_values_keep_their_type_or_become_text():
    message = encode(
        record(
            extra={
                "i": 3,
                "f": 1.5,
                "s": "x",
                "t": True,
                "n": None,
                "big": 2**70,
                "nan": float("nan"),
                "inf": float("-inf"),
                "l": [1, "two"],
                "d": {"x": {"y": 1}, "z": None},
                "set": {1},
                "p": Point(1, 2),
                "e": Colour.RED,
                "when": dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
                "dec": decimal.Decimal("1.10"),
                "u": uuid.UUID(int=1),
                "path": pathlib.PurePosixPath("/a"),
                "b": b"\xff\x00a",
                "ex": ValueError("v"),
                "huge": 10**5000,
            }
        )
    )
    expected = {
        "_i": 3,
        "_f": 1.5,
        "_s": "x",
        "_t": "true",
        "_big": str(2**70),
        "_nan": "NaN",
        "_inf": "-Infinity",
        "_l": '[1,"two"]',
        "_d.x.y": 1,
        "_set": "[1]",
        "_p": "[1,2]",
        "_e": "red",
        "_when": "2026-01-02T00:00:00+00:00",
        "_dec": "1.10",
        "_u": str(uuid.UUID(int=1)),
        "_path": "/a",
        "_b": "\ufffd\0a",
        "_ex": "ValueError: v",
    }
    assert {key: message[key] for key in expected} == expected
    assert "_n" not in message
    assert "_d.z" not in message
    assert message["_huge"].startswith("0x")


def test_names_are_cleaned_and_nothing_is_overwritten():
    extra = {"_private": 1, "sp ace": 2, "id": 3, "pid": 4, "host": 5, "ü/x": 6, "sp_ace": 7, "": 8}
    message = encode(record(extra=extra))
    assert message["_private"] == 1
    assert message["_sp_ace"] == 2
    assert message["_extra_sp_ace"] == 7
    assert message["_extra_id"] == 3
    assert message["_extra_pid"] == 4
    assert message["_pid"] > 100
    assert message["_extra_host"] == 5
    assert message["___x"] == 6
    assert message["_extra_"] == 8


def test_static_fields_then_context_then_extra():
    with bind(b="context", c="context"):
        message = encode(record(extra={"c": "extra"}), fields={"a": "static", "b": "static", "c": "static"})
    assert (message["_a"], message["_b"], message["_c"]) == ("static", "context", "extra")


def test_static_and_bound_fields_are_sent_without_extra_fields():
    with bind(b=1):
        message = encode(record(extra={"c": 1}), fields={"a": 1}, extra_fields=False)
    assert (message["_a"], message["_b"], "_c" in message) == (1, 1, False)


def test_lone_surrogates_are_replaced():
    message = encode(record("bad \ud83d and good \U0001f600", extra={"s": "\udcff"}))
    assert message["short_message"] == "bad \ufffd and good \U0001f600"
    assert message["_s"] == "\ufffd"


def test_an_asyncio_task_name_is_a_field():
    async def main():
        task = asyncio.current_task()
        assert task is not None
        task.set_name("payer")
        made = record()
        if sys.version_info >= (3, 12):
            made.taskName = "payer"
        return encode(made)

    message = asyncio.run(main())
    assert message["_task_name"] == "payer"
    assert "_taskName" not in message


def cyclic():
    value: list[Any] = []
    value.append(value)
    return value


def deep():
    value: list[Any] = []
    for _ in range(5000):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        BadRepr(),
        Point(1, BadRepr()),
        {("a", 1): 2},
        cyclic(),
        {"x": cyclic()},
        deep(),
        {BadRepr(): 1},
        object,
        lambda: 0,
    ],
    ids=[
        "bad_repr",
        "namedtuple",
        "tuple_key",
        "cyclic",
        "cyclic_inside",
        "deep",
        "bad_key",
        "class",
        "function",
    ],
)
def test_a_difficult_extra_costs_at_most_itself(value):
    message = encode(record("kept", extra={"difficult": value, "other": 1}))
    assert message["short_message"] == "kept"
    assert message["_other"] == 1


def test_a_proxy_that_does_not_tell_its_class_costs_at_most_itself():
    message = encode(record("kept", extra={"user": Proxy(), "users": [Proxy()], "other": 1}))
    assert message["_user"] == "<unprintable Proxy: RuntimeError>"
    assert "<unprintable Proxy: RuntimeError>" in message["_users"]
    assert message["_other"] == 1


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"name": None, "pathname": None, "lineno": None, "process": None},
        {"created": math.nan},
        {"created": "2026-11-30"},
        {"levelno": "INFO"},
    ],
)
def test_a_record_made_by_hand_is_sent(attributes):
    """`logging.makeLogRecord` fills in no name, no level and whatever was given."""
    message = encode(logging.makeLogRecord({"msg": "kept"} | attributes))
    assert message["short_message"] == "kept"
    assert message["level"] == 6
    assert abs(message["timestamp"] - time.time()) < 3600
    assert None not in message.values()


@pytest.mark.parametrize("args", [("x",), (1, 2), (BadRepr(),), ({"a": 1},)])
def test_arguments_that_do_not_fit_are_sent_beside_the_template(args):
    assert encode(record("n=%d", *args))["short_message"].startswith(("n=%d", "n=%(", "n=1"))


_texts = st.text(st.characters(), max_size=30)
_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | _texts
    | st.binary(max_size=20)
    | st.decimals()
    | st.datetimes(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(_texts | st.integers(), inner, max_size=4)
        | st.tuples(inner, inner)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=_texts, extra=st.dictionaries(_texts, _values, max_size=6), level=st.integers(-5, 100))
def test_whatever_is_logged_the_output_is_valid_gelf(text, extra, level):
    formatter = GELFFormatter()
    made = record("%s", text, level=level, extra={k: v for k, v in extra.items() if k not in gelf.STANDARD_ATTRIBUTES})
    assert_valid(formatter.format(made).encode())
    encode(made)


def test_what_is_captured_and_thawed_is_the_record():
    import operator

    from gelf_handlers.capture import restore

    made = record("hello %s %d", "w", 3)
    thawed = restore(thaw(capture(made, None, gelf.object_text, {})))
    assert set(vars(thawed)) >= set(vars(made))
    names = [name for name in vars(made) if name not in ("msecs", "relativeCreated", "taskName")]
    assert operator.attrgetter(*names)(thawed) == operator.attrgetter(*names)(made)
    assert abs(thawed.msecs - made.msecs) <= 1
    assert abs(thawed.relativeCreated - made.relativeCreated) <= 50
    text = "%(asctime)s %(filename)s %(module)s %(levelname)s %(process)d %(thread)d %(message)s"
    assert logging.Formatter(text).format(thawed)[:19] == logging.Formatter(text).format(made)[:19]


HUGE = 10**5000


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (("huge", HUGE), {}),
        (("%d", HUGE), {}),
        (("%s", [HUGE]), {}),
        ((HUGE,), {}),
        (("x",), {"value": HUGE}),
        (("x",), {"value": [HUGE, {"deep": -HUGE}]}),
        (("x",), {"value": {HUGE: 1}}),
        (("x",), {"value": type("Own", (int,), {})(HUGE)}),
        (("x",), {"value": decimal.Decimal(HUGE)}),
    ],
)
def test_an_integer_that_has_no_text_is_replaced_and_the_message_sent(arguments, extra, attach):
    """Python refuses to print integers of more than 4300 digits."""
    with TCPReceiver() as receiver:
        handler = GELFTCPHandler("127.0.0.1", receiver.port)
        attach(handler).warning(*arguments, extra=extra)
        receiver.wait(1)
        assert handler.stats.dropped == {}
    assert_valid(receiver.payloads[0])
    GELFFormatter().format(logging.makeLogRecord({"msg": arguments[0], "args": arguments[1:], "levelno": 20, **extra}))


def test_the_newline_at_the_end_of_a_message_is_left_out(attach):
    with TCPReceiver() as receiver:
        attach(GELFTCPHandler("127.0.0.1", receiver.port)).error("Exception in ASGI application\n")
        assert receiver.wait(1)[0]["short_message"] == "Exception in ASGI application"


def test_uvicorns_access_line_becomes_fields_and_its_colours_are_left_out(attach):
    from logging import getLogger

    with TCPReceiver() as receiver:
        handler = GELFTCPHandler("127.0.0.1", receiver.port)
        attach(handler)
        for name in ("uvicorn.access", "uvicorn.error"):
            getLogger(name).addHandler(handler)
            getLogger(name).setLevel(20)
        getLogger("uvicorn.access").info('%s - "%s %s HTTP/%s" %d', "10.0.0.1:5", "GET", "/a?b=c", "1.1", 200)
        getLogger("uvicorn.error").info("Started %d", 7, extra={"color_message": "Started \x1b[36m%d\x1b[0m"})
        access, started = receiver.wait(2)
        for name in ("uvicorn.access", "uvicorn.error"):
            getLogger(name).removeHandler(handler)
    assert access["short_message"] == '10.0.0.1:5 - "GET /a?b=c HTTP/1.1" 200'
    assert [access[f"_{key}"] for key in ("client_addr", "method", "full_path", "http_version", "status_code")] == [
        "10.0.0.1:5", "GET", "/a?b=c", "1.1", 200,
    ]  # fmt: skip
    assert "_color_message" not in started
