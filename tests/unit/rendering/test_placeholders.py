"""Placeholders: keys made from messages."""

from __future__ import annotations

import pytest

from gelf_listener.rendering.placeholders import compile_placeholders
from tests.unit.outputs.messages import make_message


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("", ""),
        ("logs", "logs"),
        ("{source}", "web1"),
        ("{source}.{level}", "web1.warning"),
        ("a-{_n}-b", "a-5-b"),
        ("{_flag}{_absent}", "true"),
        ("{input}", "gelf+udp-12201"),
    ],
)
def test_fill_in(template: str, expected: str) -> None:
    """Fields that are not there are empty; values are as JSON has them."""
    message = make_message(level=4, fields={"n": 5, "flag": True})
    assert compile_placeholders(template)(message) == expected


def test_id() -> None:
    """The id of the message, which does not change."""
    message = make_message()
    assert compile_placeholders("{id}")(message) == message.id


def test_a_value_is_no_template() -> None:
    """What a peer sends is not looked at again."""
    message = make_message(host="{_secret}", fields={"secret": "x"})
    assert compile_placeholders("{source}!")(message) == "{_secret}!"


def test_clean() -> None:
    """Values are made fit for their place, what the operator wrote stays as it is."""
    message = make_message(host="web.1")
    assert compile_placeholders("a.{source}", lambda value: value.replace(".", "_"))(message) == "a.web_1"


@pytest.mark.parametrize("template", ["{nope}", "{", "a}", "{_}", "{}", "{{source}}"])
def test_mistakes(template: str) -> None:
    """Are found when the output is made."""
    with pytest.raises(ValueError, match=r"placeholder|brace"):
        compile_placeholders(template)
