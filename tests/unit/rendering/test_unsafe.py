"""No text drives a terminal or passes for a line of its own: every format, every place a peer can put text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gelf_listener.rendering.gelf import GelfRenderer, JsonRenderer
from gelf_listener.rendering.logfmt import LogfmtRenderer
from gelf_listener.rendering.pretty import PrettyRenderer
from gelf_listener.rendering.sanitise import clean, clean_text, quote
from tests.unit.outputs.messages import make_message

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/rendering/unsafe.json").read_text())

# Said again, not imported: the test must not share a mistake with the code.
UNSAFE_CODES = [
    *range(0x20), *range(0x7F, 0xA0), 0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A), *range(0xD800, 0xE000)
]  # fmt: skip
UNSAFE = set(map(chr, UNSAFE_CODES)) - {"\n"}
OWN_COLOURS = re.compile(r"\x1b\[[0-9;]{1,7}m")

RENDERERS: dict[str, Callable[[], Any]] = {
    "pretty": lambda: PrettyRenderer(utc=True),
    "pretty_cut": lambda: PrettyRenderer(utc=True, max_value_characters=5, max_full_message_characters=9),
    "logfmt": LogfmtRenderer,
    "gelf": GelfRenderer,
    "gelf_some_fields": lambda: GelfRenderer(("a",)),
    "json": JsonRenderer,
}


def harmless(text: bytes, renderer: str) -> bool:
    """Whether a rendered batch of one message is one line (and indented ones below it) without unsafe characters."""
    decoded = text.decode()
    lines = decoded.split("\n")
    below = lines[1:-1]
    return (
        not UNSAFE & set(decoded)
        and lines[-1] == ""
        and bool(lines[0])
        and (all(line.startswith("    ") for line in below) if renderer.startswith("pretty") else not below)
    )


def everywhere(text: str, *, exact: bool):
    """Put a text wherever a peer can put one, each in a message of its own."""
    messages = [
        make_message(text, exact=exact),
        make_message(host=text, exact=exact),
        make_message(full_message=text, exact=exact),
        make_message(f"a\n{text}\nb", exact=exact),
        make_message(fields={"a": text}, exact=exact),
        make_message(fields={text: "a"}, exact=exact),
    ]
    if exact:
        for message in messages:  # as clients send it that do not escape what JSON does not demand
            message.raw = json.dumps(message.document(), ensure_ascii=False).encode("utf-8", "replace")
    return messages


@pytest.mark.parametrize("renderer", RENDERERS)
@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_every_place_of_every_vector(vector, exact, renderer):
    """Alone and among harmless messages: the check of a whole batch must find it too."""
    calm = make_message("calm")
    for message in everywhere(vector["text"], exact=exact):
        alone = RENDERERS[renderer]().render([message])
        assert harmless(alone, renderer)
        between = RENDERERS[renderer]().render([calm])
        assert RENDERERS[renderer]().render([calm, message, calm]) == between + alone + between


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_what_is_shown(vector):
    """Exactly this, so that what was sent stays readable."""
    message = make_message(vector["text"], exact=False)
    head = "2026-09-21 14:13:20.000Z INFO   web1 "
    assert PrettyRenderer(utc=True).render([message]).decode() == f"{head}{vector['pretty']}\n"
    logfmt = LogfmtRenderer().render([message]).decode()
    assert logfmt == f"timestamp=2026-09-21T14:13:20.000000Z host=web1 level=info short_message={vector['logfmt']}\n"
    assert f'"short_message":"{vector["json"]}"' in GelfRenderer().render([message]).decode()
    assert f'"short_message":"{vector["json"]}"' in JsonRenderer().render([message]).decode()


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
@pytest.mark.parametrize("exact", [True, False])
def test_json_means_what_it_meant(vector, exact):
    """Escaping changes the bytes, not the meaning; only a lone surrogate has none."""
    message = make_message(vector["text"], exact=exact, fields={"a": vector["text"]})
    if exact:
        message.raw = json.dumps(message.document(), ensure_ascii=False).encode("utf-8", "replace")
    expected = vector["text"]
    shown = json.loads(GelfRenderer().render([message]))
    if vector["name"] == "lone_surrogate":
        assert shown["short_message"] in ("a\ufffdb", "a?b")
    else:
        assert shown["short_message"] == expected
        assert shown["_a"] == expected


def test_every_unsafe_character_one_by_one():
    """The whole set, in both kinds of text."""
    for code in UNSAFE_CODES:
        character = chr(code)
        for text in (clean(f"a{character}b"), clean_text(f"a{character}b"), quote(f"a{character}b")):
            assert not UNSAFE & set(text), hex(code)
            assert "\n" not in text
            assert text.encode()


def test_a_colour_of_a_peer_is_not_counted_as_ours():
    """A line has a known number of sequences of ours; one more must be noticed, and one in place of another."""
    renderer = PrettyRenderer(color=True, utc=True)
    honest = renderer.render([make_message("x")]).decode()
    assert honest.count("\x1b") == len(OWN_COLOURS.findall(honest)) == 8
    for text in ("x\x1b[0m", "\x1b[8mx", "\x1b[2mx\x1b[0m", "x\x1b"):
        shown = renderer.render([make_message(text)]).decode()
        assert shown.count("\x1b") == len(OWN_COLOURS.findall(shown)) == 8


def test_carriage_returns_between_tokens_are_gone():
    """JSON allows them as white space; a terminal would go back to the start of the line."""
    message = make_message(raw=b'{"version":"1.1",\r"host":"h",\r"short_message":"m"}')
    text = GelfRenderer().render([message])
    assert b"\r" not in text
    assert json.loads(text) == json.loads(message.raw)


@given(
    st.lists(
        st.tuples(st.text(st.characters(), max_size=30), st.text(st.characters(), max_size=9), st.text(max_size=9)),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(sorted(RENDERERS)),
)
@settings(max_examples=150, deadline=None)
def test_any_text_at_all(texts, name):
    """Surrogates, separators, spaces of every kind: a batch renders as its messages do one by one."""
    messages = [
        make_message(short, host=host, fields={"a": value, host or "b": short}, exact=False)
        for short, host, value in texts
    ]
    renderer = RENDERERS[name]()
    alone = [renderer.render([message]) for message in messages]
    assert all(harmless(text, name) for text in alone)
    assert renderer.render(messages) == b"".join(alone)
