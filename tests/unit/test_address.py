"""Addresses: every part, every form that people write, and errors that show no secret."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelf_listener.address import Address
from gelf_listener.errors import ConfigError

EMPTY: dict[str, Any] = {"user": "", "password": "", "host": "", "port": None, "path": "", "settings": {}}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("console:", {"scheme": "console"}),
        ("stdin:", {"scheme": "stdin"}),
        ("console:?format=json", {"scheme": "console", "settings": {"format": "json"}}),
        ("gelf+udp://", {"scheme": "gelf+udp"}),
        ("gelf+udp://:12201", {"scheme": "gelf+udp", "port": 12201}),
        ("gelf+udp://*:0", {"scheme": "gelf+udp", "host": "*", "port": 0}),
        ("GELF+UDP://localhost", {"scheme": "gelf+udp", "host": "localhost"}),
        ("  gelf+udp://localhost:65535 \n", {"scheme": "gelf+udp", "host": "localhost", "port": 65535}),
        ("gelf+udp://[::1]:12201", {"scheme": "gelf+udp", "host": "::1", "port": 12201}),
        ("gelf+udp://[fe80::1%25eth0]", {"scheme": "gelf+udp", "host": "fe80::1%eth0"}),
        ("gelf+http://h:1/a/b", {"scheme": "gelf+http", "host": "h", "port": 1, "path": "/a/b"}),
        ("gelf+http://ann:s%40c%3Aret@h", {"scheme": "gelf+http", "user": "ann", "password": "s@c:ret", "host": "h"}),
        ("gelf+http://ann@h", {"scheme": "gelf+http", "user": "ann", "host": "h"}),
        ("file:///var/log/{source}.jsonl", {"scheme": "file", "path": "/var/log/{source}.jsonl"}),
        ("file:logs/a.jsonl", {"scheme": "file", "path": "logs/a.jsonl"}),
        ("file:/a%20b", {"scheme": "file", "path": "/a b"}),
        ("file:///a?where=level:<=3 AND x:1", {"scheme": "file", "path": "/a", "settings": {"where": "level:<=3 AND x:1"}}),
        ("file:///a?where=a%26b", {"scheme": "file", "path": "/a", "settings": {"where": "a&b"}}),
        ("a:?x=1&x=2", {"scheme": "a", "settings": {"x": "1,2"}}),
        ("a:?x=", {"scheme": "a", "settings": {"x": ""}}),
        ("a:?x=1?2", {"scheme": "a", "settings": {"x": "1?2"}}),
    ],
)  # fmt: skip
def test_parse(text: str, parts: dict[str, Any]) -> None:
    """Every part is found, decoded; what is not there is empty."""
    assert Address.parse(text)._asdict() == EMPTY | parts


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no scheme"),
        ("localhost:", None),
        ("//localhost", "has no scheme"),
        ("12201", "has no scheme; expected for example gelf+udp://127.0.0.1:12201 or console:"),
        ("gelf+udp://h:65536", "port '65536' is not a number from 0 to 65535"),
        ("gelf+udp://h:-1", "port '-1'"),
        ("gelf+udp://h:12a", "port '12a'"),
        ("gelf+udp://h:²", "port '²'"),
        ("gelf+udp://h:" + "9" * 5000, "is not a number from 0 to 65535"),
        ("gelf+udp://::1:12201", "an IPv6 address stands in brackets"),
        ("gelf+udp://a gelf+udp://b", "give each address by itself"),
        ("gelf+udp://a,b", "host 'a,b' is not one name"),
    ],
)
def test_errors(text: str, words: str | None) -> None:
    """An error names the address and what is wrong with it."""
    if words is None:
        assert Address.parse(text).scheme == "localhost"
        return
    with pytest.raises(ConfigError) as caught:
        Address.parse(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "gelf+http://ann:hunter2@h:99999",
        "gelf+http://h:99999?token=hunter2",
        "//ann:hunter2@h",
        "gelf+http://ann:hunter2@a b:1",
    ],
)
def test_errors_show_no_secret(text: str) -> None:
    """Errors end up in logs."""
    with pytest.raises(ConfigError) as caught:
        Address.parse(text)
    assert "hunter2" not in str(caught.value)


def test_text_shows_no_secret() -> None:
    """Neither user, password, settings nor the path at a host are in what is printed."""
    shown = str(Address.parse("gelf+http://ann:hunter2@h:1/services/hunter2?token=hunter2"))
    assert re.fullmatch(r"gelf\+http://h:1/\*\*\*[0-9a-f]{4}", shown)
    assert str(Address.parse("file:/var/log/x.log")) == "file:///var/log/x.log"


@pytest.mark.parametrize(
    "text",
    [
        "gelf+http://ann:hun@hunter2@h:1/",
        "x://hunter2@h@h:1/",
        "x://ann:hunter2/more@h:1/",
        "x://ann:hunter2?more@h:1/",
        "x://ann:1/hunter2@h:1/",
        "x://ann:pass@h:port/hunter2",
        "x://h,i/hunter2",
        "//h/hunter2",
        "1x://ann:hunter2@h/",
    ],
)
def test_no_part_of_a_secret_is_shown(text: str) -> None:
    """A password with signs that divide an address is taken whole, or is left out of the error."""
    try:
        shown = repr(str(Address.parse(text)))
    except ConfigError as error:
        shown = str(error)
    assert "hun" not in shown.replace("http", "")


def test_texts_of_others_are_scrubbed() -> None:
    """A server that repeats the path or a part of it, as it is or escaped, does not give it away."""
    address = Address.parse("gelf+http://ann:p%40ssw0rd@h:1/services/T0/s%C3%A9cret?token=t0ken99")
    said = "404 Cannot POST /services/T0/s%C3%A9cret; unknown sécret, t0ken99, p@ssw0rd, p%40ssw0rd"
    assert address.scrubbed(said) == "404 Cannot POST ***; unknown ***, ***, ***, ***"


NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-.*_", min_size=1, max_size=20)
PATHS = st.text(
    st.characters(blacklist_characters="%?#", blacklist_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), max_size=30
)


@given(NAMES | st.sampled_from(["::1", "fe80::2"]), st.none() | st.integers(0, 65535), PATHS)
def test_text_parses_back(host: str, port: int | None, path: str) -> None:
    """What is printed names the same place."""
    address = Address("gelf+tcp", "", "", host, port, "/" + path, {})
    assert Address.parse(address.shown(path=True)) == address


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    """Any text is an address or a `ConfigError`."""
    try:
        address = Address.parse(text)
    except ConfigError:
        return
    assert address.scheme
