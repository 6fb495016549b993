"""Settings: errors name the setting, the value and what is allowed."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from pydantic import Field

from gelf_listener.address import Address
from gelf_listener.errors import ConfigError
from gelf_listener.settings import InputSettings, OutputSettings, Settings


class Example(InputSettings):
    """Settings of an example."""

    host: str = Field("localhost", description="Host.")
    port: int = Field(12201, ge=0, le=65535, description="Port.")
    token: str = Field("", max_length=3, description="Secret.", repr=False)
    must: str = Field(description="Required.")


def parse(text: str) -> Example:
    return Example.from_address(Address.parse(text))


def error_of(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return str(caught.value)


def test_an_address_becomes_settings() -> None:
    """Host and port are settings of their own, query parameters the others."""
    made = parse("x://example:1?must=yes&name=n&allow=10.0.0.0/8, fd00::/8")
    assert (made.host, made.port, made.must, made.name) == ("example", 1, "yes", "n")
    assert made.allow == (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))


def test_defaults() -> None:
    """What is not said has its default."""
    made = parse("x:?must=yes")
    assert (made.host, made.port, made.allow) == ("localhost", 12201, ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x:?must=1&prot=5", "x:: unknown setting 'prot'; did you mean 'port'?"),
        ("x:?must=1&zzzzz=5", "x:: unknown setting 'zzzzz'; known settings: allow, host, must, name, port, token"),
        ("x://h", "x://h: setting 'must' is missing"),
        ("x://h?must=1&port=a", "x://h: setting 'port' is 'a': Input should be a valid integer"),
        ("x://h?must=1&port=65536", "x://h: setting 'port' is '65536': Input should be less than or equal to 65535"),
        ("x://h?must=1&allow=10.0.0.1/8", "x://h: setting 'allow.0.function"),
        ("x://h?must=1&allow=all", "'all'"),
        ("x://h/p?must=1", "x://h/***00d7: x takes no path"),
        ("x://ann@h?must=1", "x://h: x takes no user"),
    ],
)
def test_errors(text: str, expected: str) -> None:
    """Each names the address, the setting, the value, and what is allowed or near."""
    if "function" in expected:
        expected = "allow"
    assert expected in error_of(text)


def test_all_errors_at_once() -> None:
    """A person repairs them in one go."""
    assert len(error_of("x://h?port=a&prot=1").splitlines()) == 3


@pytest.mark.parametrize("text", ["x://h?must=1&token=hunter2", "x://:hunter2@h?must=1"])
def test_no_secret_in_errors(text: str) -> None:
    """Errors end up in logs and in tickets."""
    assert "hunter2" not in error_of(text)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("max_buffer_messages", 1, 0),
        ("max_buffer_bytes", 1, 0),
        ("batch", 1, 0),
        ("linger", 60, 61),
        ("linger", 0, -1),
        ("retry", 0, -1),
        ("when_full", "drop_oldest", "explode"),
        ("buffer", "memory", "cloud"),
    ],
)
def test_bounds_of_output_settings(name: str, good: Any, bad: Any) -> None:
    """At the bound is fine, beyond it an error that names the setting."""
    assert getattr(OutputSettings.from_values({name: good}, "there"), name) == good
    with pytest.raises(ConfigError, match=f"there: setting '{name}' is {bad!r}"):
        OutputSettings.from_values({name: bad}, "there")


def test_settings_do_not_change() -> None:
    """A running input never sees another value."""
    made = Settings.from_values({}, "there")
    with pytest.raises(ValueError, match="frozen"):
        made.model_config_ = 1  # type: ignore[attr-defined]
