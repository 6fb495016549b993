"""Values as parts of file names."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelf_listener.outputs.files.names import EMPTY, MIN_NAME, NONE, OVERFLOW, safe_name


@pytest.mark.parametrize("value", ["web1", "web-1.example.com", "192.0.2.1", "A_b", "_x", "x" * 80, "app.jsonl"])
def test_a_safe_value_stays_as_it_is(value):
    """People look for the file of a host by its name."""
    assert safe_name(value, 80) == value


@pytest.mark.parametrize(
    ("value", "start"),
    [
        ("../../etc/x", "etc_x-"), ("/", "x-"), ("..", "x-"), (".", "x-"), ("a..b", "a_b-"), ("a.", "a-"), (".a", "a-"), ("-a", "a-"),
        ("a b", "a_b-"), ("a\x00", "a_-"), ("x" * 81, "x" * 67 + "-"), ("é", "x-"), (NONE, "none-"), (EMPTY, "empty-"), (OVERFLOW, "overflow-"),
        ("fe80::1%eth0", "fe80__1_eth0-"), ("a@b", "a_b-"),
    ],
)  # fmt: skip
def test_any_other_is_reduced_and_gets_a_hash(value, start):
    """What is left can be read; the hash keeps it apart."""
    assert re.fullmatch(re.escape(start) + "[0-9a-f]{12}", safe_name(value, 80))


def test_values_that_are_not_there():
    """A name no value can have."""
    assert safe_name(None, 80) == NONE
    assert safe_name("", 80) == EMPTY


@given(st.text(st.characters(), max_size=100), st.integers(MIN_NAME, 90))
def test_any_text_gives_a_safe_name(value, limit):
    """Letters, digits, dot, underscore, dash; no way up; short enough; the same again when reduced again."""
    name = safe_name(value, limit)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name)
    assert ".." not in name
    assert len(name) <= limit
    if name not in (NONE, EMPTY):
        assert safe_name(name, limit) == name


@given(st.lists(st.text(st.sampled_from("aA./:_ é"), min_size=1, max_size=4), min_size=2, max_size=20, unique=True))
def test_different_values_have_different_names(values):
    """Two hosts never share a file."""
    assert len({safe_name(value, 20) for value in values}) == len(values)
