"""Paths with placeholders."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelf_listener.outputs.files.template import Destination, Found, PathTemplate
from tests.unit.outputs.messages import RECEIVED_AT, make_message


@pytest.mark.parametrize(
    ("text", "base", "components", "suffix", "depends_on"),
    [
        ("/logs/app.jsonl", "/logs", ("app.jsonl",), ".jsonl", ""),
        ("/logs/app", "/logs", ("app",), "", ""),
        ("/logs/.app", "/logs", (".app",), "", ""),
        ("/logs/{source}.jsonl", "/logs", ("{source}.jsonl",), ".jsonl", "message"),
        ("/logs/{source}", "/logs", ("{source}",), "", "message"),
        ("/logs/x-{date}/a/{hour}.log", "/logs", ("x-{date}", "a", "{hour}.log"), ".log", "time"),
        ("/logs/./{date}", "/logs", ("{date}",), "", "time"),
        ("/{source}.{_app}.v1.log", "/", ("{source}.{_app}.v1.log",), ".log", "message"),
    ],
)
def test_parts(text, base, components, suffix, depends_on):
    """The base ends before the first placeholder."""
    template = PathTemplate(text)
    assert (template.base, template.components, template.suffix) == (Path(base), components, suffix)
    assert (template.per_message, template.timed) == ("message" in depends_on, "time" in depends_on)


def test_a_relative_path_is_relative_to_the_working_directory(tmp_path, monkeypatch):
    """Of the start: the process may go elsewhere."""
    monkeypatch.chdir(tmp_path)
    assert PathTemplate("logs/{source}").base == tmp_path / "logs"
    assert PathTemplate("x.jsonl").base == tmp_path


def test_a_file_without_placeholders_takes_the_batch_as_it_is():
    """Nothing is done for each message."""
    batch = [make_message(), make_message()]
    ((destination, messages),) = PathTemplate("/logs/a.jsonl").group(batch)
    assert destination == Destination("a.jsonl", 0)
    assert messages is batch


def test_order_is_kept_within_a_file():
    """And a file comes once."""
    batch = [make_message(str(number), host=f"h{number % 2}") for number in range(6)]
    groups = PathTemplate("/logs/{source}").group(batch)
    assert [(to.relative, [m.short_message for m in messages]) for to, messages in groups] == [
        ("h0", ["0", "2", "4"]),
        ("h1", ["1", "3", "5"]),
    ]


def test_many_values_do_not_stay_in_memory():
    """A flood of hosts: what is remembered is bounded, in number and in size."""
    template = PathTemplate("/logs/{source}")
    for number in range(0, 10_000, 100):
        template.group([make_message(host=f"h{n}", raw=b"") for n in range(number, number + 100)])
    template.group([make_message(host="x" * 300, raw=b"")])
    assert len(template._known) <= 4096
    assert all(len(value or "") <= 255 for _, values in template._known for value in values)


@pytest.mark.parametrize(("zone", "expected"), [("UTC", "2026-09-21/14"), ("Asia/Kathmandu", "2026-09-21/19"), ("Asia/Tokyo", "2026-09-21/23")])  # fmt: skip
def test_local_time(zone, expected, monkeypatch):
    """Also where the offset is not a whole hour."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        ((destination, _),) = PathTemplate("/logs/{date}/{hour}", utc=False).group([make_message()])
        assert destination.relative == expected
    finally:
        monkeypatch.undo()
        time.tzset()


def test_date_and_hour_are_those_of_receiving():
    """A client's clock chooses no file."""
    ((destination, _),) = PathTemplate("/logs/{date}").group([make_message(timestamp=99_999_999_999.0)])
    assert destination.relative == "2026-09-21"


def test_rotated_names_and_back():
    """What is written down is recognised again."""
    template = PathTemplate("/logs/{source}/{date}-{_app}.jsonl")
    relative = template.group([make_message(fields={"app": "shop"})])[0][0].relative
    assert template.match(relative) == Found(("web1", "shop"), ("2026-09-21",), rotated=False, compressed=False)
    rotated = template.rotated(relative, RECEIVED_AT, 7)
    assert rotated == "web1/2026-09-21-shop@20260921T141320Z.7.jsonl"
    assert template.match(rotated) == Found(("web1", "shop"), ("2026-09-21",), rotated=True, compressed=False)
    assert template.match(rotated + ".gz") == Found(("web1", "shop"), ("2026-09-21",), rotated=True, compressed=True)


@pytest.mark.parametrize(
    "relative",
    ["other.jsonl", "web1/x.jsonl", "web1/2026-09-21.log", "a/web1/2026-09-21.jsonl", "web1/2026-09-21.jsonl.gz.1", "web1/2026-09-21@1.jsonl", "../2026-09-21.jsonl", "web 1/2026-09-21.jsonl"],
)  # fmt: skip
def test_other_files_are_not_ours(relative):
    """What is not recognised is never compressed or deleted."""
    assert PathTemplate("/logs/{source}/{date}.jsonl").match(relative) is None


@given(st.text(st.characters(), max_size=40))
def test_no_host_makes_a_name_that_looks_rotated(host):
    """Or it could have another host's files deleted in place of its own."""
    template = PathTemplate("/logs/{source}")
    ((destination, _),) = template.group([make_message(host=host, exact=False, raw=b"")])
    found = template.match(destination.relative)
    assert found is not None
    assert not found.rotated


@pytest.mark.parametrize(
    ("text", "relative", "past"),
    [
        ("/logs/{date}.jsonl", "2026-09-20.jsonl", True),
        ("/logs/{date}.jsonl", "2026-09-21.jsonl", False),
        ("/logs/{date}.jsonl", "2026-09-22.jsonl", False),
        ("/logs/{date}/{hour}", "2026-09-21/13", True),
        ("/logs/{date}/{hour}", "2026-09-21/14", False),
        ("/logs/{hour}/{date}", "23/2026-09-20", True),
        ("/logs/{hour}", "13", False),
        ("/logs/{source}", "web1", False),
    ],
)
def test_what_is_over(text, relative, past):
    """An hour without a date comes again tomorrow."""
    template = PathTemplate(text)
    found = template.match(relative)
    assert found is not None
    assert template.is_past(found, RECEIVED_AT) is past


@pytest.mark.parametrize(
    ("component", "fits"),
    [("x" * 200, True), ("x" * 201, False), ("x" * 186 + "{source}", True), ("x" * 187 + "{source}", False)],
)
def test_the_longest_component_and_one_more(component, fits):
    """A rotated name must fit the file system's 255 bytes."""
    if fits:
        template = PathTemplate(f"/logs/{component}")
        ((destination, _),) = template.group([make_message(host="y" * 5000, raw=b"")])
        assert len(template.rotated(destination.relative, RECEIVED_AT, 999_999).encode()) + len(".gz@part") <= 255
    else:
        with pytest.raises(ValueError, match="too long"):
            PathTemplate(f"/logs/{component}")
