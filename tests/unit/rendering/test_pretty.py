"""Lines for a person."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelf_listener.rendering.pretty import PrettyRenderer
from gelf_listener.rendering.usual import noise
from tests.unit.outputs.messages import make_message

HEAD = "2026-09-21 14:13:20.000Z INFO   web1 "


def show(*messages, **keywords):
    return PrettyRenderer(**{"utc": True, **keywords}).render(messages).decode()


def test_one_line_a_message():
    """Time, level, host, text, fields."""
    message = make_message("took 3 ms", fields={"user": "alice", "status": 200, "cached": True, "load": 0.5})
    assert show(message) == f"{HEAD}took 3 ms  user=alice status=200 cached=true load=0.5\n"


@pytest.mark.parametrize(
    ("level", "shown"),
    [(0, "EMERG "), (1, "ALERT "), (2, "CRIT  "), (3, "ERROR "), (4, "WARN  "), (5, "NOTICE"), (6, "INFO  "), (7, "DEBUG "), (None, "-     "), (11, "11    "), (-1, "-1    ")],
)  # fmt: skip
def test_levels(level, shown):
    """Graylog's mode keeps levels outside 0..7."""
    assert show(make_message("m", level=level)) == HEAD.replace("INFO  ", shown) + "m\n"


def test_colours_follow_severity():
    """Error and worse are red, a warning is yellow."""
    assert "\x1b[31mERROR \x1b[0m" in show(make_message(level=3), color=True)
    assert "\x1b[33mWARN  \x1b[0m" in show(make_message(level=4), color=True)
    assert "\x1b" not in show(make_message(level=3))


@pytest.mark.parametrize(
    ("short", "full", "below"),
    [
        ("failed", "failed", ""),
        ("failed", "", ""),
        ("failed", None, ""),
        ("failed", "failed\nTraceback:\n  File x\n", "    Traceback:\n      File x\n"),
        ("failed", "Traceback:\r\n\tat com.example", "    Traceback:\n        at com.example\n"),
        ("failed", "failed again", "    failed again\n"),
        ("failed\nline 2", None, "    line 2\n"),
        ("failed\r\nline 2\n", "failed\r\nline 2\nline 3", "    line 2\n    line 3\n"),
        ("failed\nline 2", "more", "    line 2\n    more\n"),
        ("failed\n\nline 3", None, "    line 3\n"),
        ("failed", "a\n\nb", "    a\n    \n    b\n"),
    ],
)
def test_long_texts_stand_below(short, full, below):
    """Indented, and nothing twice."""
    assert show(make_message(short, full_message=full)) == f"{HEAD}failed\n{below}"


@pytest.mark.parametrize(
    "name", ["StackTrace", "error_stack", "stack", "err.stack", "exception.stacktrace", "odd_name"]
)
def test_a_trace_in_a_field_stands_below(name):
    """As lines, not as one with escapes (Quarkus, logstash-gelf, winston, pino); other fields stay where they are."""
    trace = "java.lang.IllegalStateException: bad\n\tat A.main(A.java:1)\n"
    message = make_message("failed", fields={"a": 1, name: trace, "b": 2})
    below = "    java.lang.IllegalStateException: bad\n        at A.main(A.java:1)\n"
    assert show(message) == f"{HEAD}failed  a=1 b=2\n{below}"
    assert show(message, fields=("a",)) == f"{HEAD}failed  a=1\n"
    twice = make_message("failed", full_message=trace, fields={name: trace})
    assert show(twice) == f"{HEAD}failed\n{below}"
    assert show(make_message("failed", fields={name: "one line"})) == f'{HEAD}failed  {name}="one line"\n'
    assert "a\\nb" in show(make_message("failed", fields={"note": "a\nb"}))


def test_doubled_line_ends():
    """graypy doubles those of tracebacks; single empty lines stay."""
    doubled = 'Traceback (most recent call last):\n\n  File "a.py", line 1, in f\n\n    g()\n\nValueError\n'
    below = '    Traceback (most recent call last):\n      File "a.py", line 1, in f\n        g()\n    ValueError\n'
    assert show(make_message("failed", full_message=doubled)) == f"{HEAD}failed\n{below}"
    assert show(make_message("x", full_message="a\n\nb\n\nc")) == f"{HEAD}x\n    a\n    b\n    c\n"
    assert (
        show(make_message("x", full_message="a\n\nb\nc\n\nd")) == f"{HEAD}x\n    a\n    \n    b\n    c\n    \n    d\n"
    )
    assert show(make_message("x", full_message="a\n\nb")) == f"{HEAD}x\n    a\n    \n    b\n"


def test_a_traceback_cannot_fake_a_line():
    """Each line of it is indented."""
    fake = "2026-09-21 14:13:20.000Z INFO   web1 all is well"
    assert show(make_message("x", full_message=f"a\n{fake}")) == f"{HEAD}x\n    a\n    {fake}\n"


def test_values_that_need_quotes():
    """So that the next name can be told from a value."""
    fields = {"a": "two words", "b": "x=y", "c": 'say "hi"', "d": "", "e f": "g", "h=": "i"}
    assert show(make_message("m", fields=fields)) == (
        f'{HEAD}m  a="two words" b="x=y" c="say \\"hi\\"" d="" "e f"=g "h="=i\n'
    )


@pytest.mark.parametrize(
    ("fields", "shown"), [(None, "  a=1 b=2"), ((), ""), (("b",), "  b=2"), (("b", "a", "z"), "  b=2 a=1")]
)
def test_which_fields(fields, shown):
    """All, none, or those named, in that order."""
    assert show(make_message("m", fields={"a": 1, "b": 2}), fields=fields) == f"{HEAD}m{shown}\n"


@pytest.mark.parametrize("place", ["text", "field", "host"])
def test_the_longest_value_and_one_more(place):
    """At the limit it is whole, one over it is cut with a marker, and the next message is whole again."""

    def make(value):
        if place == "text":
            return make_message(value, host="h")
        if place == "host":
            return make_message("m", host=value)
        return make_message("m", host="h", fields={"a": value})

    renderer = PrettyRenderer(utc=True, max_value_characters=10)
    assert "0123456789" in renderer.render([make("0123456789")]).decode()
    assert "more characters" not in renderer.render([make("0123456789")]).decode()
    cut = renderer.render([make("0123456789a")]).decode()
    assert "0123456789…[1 more characters]" in cut.replace('"', "")
    assert "more characters" not in renderer.render([make("short")]).decode()


def test_the_longest_part_below_and_one_more():
    """A traceback is cut as well."""
    renderer = PrettyRenderer(utc=True, max_full_message_characters=10)
    at, over = ("x\n" + "y" * 8, "x\n" + "y" * 9)
    assert renderer.render([make_message("m", full_message=at)]).decode() == f"{HEAD}m\n    x\n    {'y' * 8}\n"
    assert renderer.render([make_message("m", full_message=over)]).decode() == (
        f"{HEAD}m\n    x\n    {'y' * 8}\n    …[1 more characters]\n"
    )
    assert renderer.render([make_message("m", full_message="short")]).decode() == f"{HEAD}m\n    short\n"


def test_a_megabyte_in_one_line():
    """Cut where there is a limit, whole where there is none."""
    message = make_message("x" * 1_000_000)
    assert len(show(message, max_value_characters=1000)) < 1100
    assert len(show(message)) == len(HEAD) + 1_000_001


def test_two_thousand_fields():
    """The largest real messages have that many (graylog issues)."""
    shown = show(make_message("m", fields={f"f{n}": n for n in range(2000)}), max_value_characters=1000)
    assert shown.count("\n") == 1
    assert shown.count("=") == 2000
    assert " f1999=1999\n" in shown


def test_numbers_longer_than_python_writes():
    """str() refuses more than 4300 digits; a renderer never raises."""
    assert 'n="0xfff' in show(
        make_message("m", fields={"n": (1 << 20_000) - 1}, exact=False, raw=b""), max_value_characters=50
    )


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z"), include_characters=" "), max_size=20).map(
        str.strip
    ),
    st.dictionaries(
        st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=5),
        st.one_of(st.booleans(), st.integers(), st.floats(), st.text(st.sampled_from('ab ="\\é'), max_size=5)),
        max_size=4,
    ),
    st.booleans(),
)
def test_the_quick_way_and_the_careful_way_agree(short, fields, color):
    """The quick one is an optimisation, not another format."""
    renderer = PrettyRenderer(color=color, utc=True, max_value_characters=1000)
    message = make_message(short, fields=fields, exact=False, raw=b"")
    assert renderer._quick(message) == renderer._careful(message)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"service": "shop", "tag": "other", "a": 1}, "web/shop hello  tag=other a=1"),
        ({"facility": "django", "service_name": "shop", "container_name": "c1"}, "web/shop hello  facility=django container_name=c1"),
        ({"service.name": "shop"}, "web/shop hello"),
        ({"container": "db-1", "facility": "daemon"}, "web/db-1 hello  facility=daemon"),
        ({"facility": "", "tag": "cron"}, 'web/cron hello  facility=""'),
        ({"tag": 7}, "web/7 hello"),
        ({"service": "web"}, "web hello"),
        ({"service": "a\x1b[31mb\n"}, "web/ab\\n hello"),
        ({}, "web hello"),
    ],
)  # fmt: skip
def test_the_service_stands_beside_the_host(fields, expected):
    """The first of what may name it, once; safe, whatever it is; nothing where it says no more than the host."""
    line = show(make_message("hello", host="web", fields=fields), service=True)
    assert line.rstrip("\n").split("INFO   ")[-1] == expected


def test_noise_is_left_out():
    """What Python's handlers say of the place in the code, but for what a query speaks of; of many lines, too."""
    noisy: dict[str, Any] = {"file": "a.py", "line": 3, "function": "f", "pid": 4, "user_id": 5}
    for text in ("hello", "hello\nthere"):
        line = show(make_message(text, fields=noisy), hidden=noise("function:f OR _exists_:pid")).split("\n")[0]
        assert line.endswith("function=f pid=4 user_id=5")
        assert "file=" not in line
        assert "file=a.py" in show(make_message(text, fields=noisy))
