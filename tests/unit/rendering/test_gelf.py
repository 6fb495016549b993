"""GELF and JSON lines."""

from __future__ import annotations

import json

from gelf_listener.message import Peer
from gelf_listener.notes import Deviation, Note
from gelf_listener.rendering.gelf import GelfRenderer, JsonRenderer
from tests.unit.outputs.messages import make_batch, make_message


def test_exact_messages_are_written_as_they_came():
    """Byte for byte: no number changes its spelling."""
    raw = b'{ "version": "1.1", "host":"h", "short_message":"m", "_n":1.50e0 }'
    assert GelfRenderer().render([make_message(raw=raw), make_message(raw=raw)]) == (raw + b"\n") * 2


def test_others_are_encoded():
    """With what was repaired."""
    message = make_message("m", exact=False, raw=b"{'message':'m'}", fields={"a": True})
    assert json.loads(GelfRenderer().render([message])) == {
        "version": "1.1", "host": "web1", "short_message": "m", "timestamp": 1_790_000_000.0, "level": 6, "_a": True
    }  # fmt: skip


def test_nothing_gives_nothing():
    """Not even a newline."""
    assert GelfRenderer().render([]) == b""
    assert JsonRenderer().render([]) == b""


def test_some_fields():
    """GELF's own are always there."""
    message = make_message(fields={"a": 1, "b": 2, "c": 3})
    document = json.loads(GelfRenderer(("c", "a")).render([message]))
    assert [name for name in document if name.startswith("_")] == ["_c", "_a"]
    assert document["host"] == "web1"


def test_json_adds_what_the_listener_knows():
    """Without underscore, so nothing a peer sends can take its place."""
    message = make_message(fields={"id": "mine", "input": "mine"})
    message._notes = (Note(Deviation.BOOLEAN, "_b", "x"),)
    document = json.loads(JsonRenderer().render([message]))
    assert document["id"] == message.id
    assert document["received_at"] == message.received_at
    assert document["input"] == "gelf+udp-12201"
    assert document["peer"] == "192.0.2.7:5140"
    assert document["notes"] == [{"deviation": "boolean", "field": "_b", "detail": "x"}]
    assert document["_id"] == "mine"
    assert document["_input"] == "mine"


def test_json_writes_an_ipv6_peer_in_brackets():
    """So that the port can be told from the address."""
    message = make_message()
    message.peer = Peer("2001:db8::1", 5140)
    assert json.loads(JsonRenderer().render([message]))["peer"] == "[2001:db8::1]:5140"


def test_values_json_does_not_have():
    """The batch is written all the same: no value may hold up the others."""
    odd = make_message(
        "\ud800", exact=False, raw=b"", fields={"nan": float("nan"), "inf": float("inf"), "big": 10**5000, "n": 2**70}
    )
    for renderer in (GelfRenderer(), JsonRenderer()):
        lines = renderer.render([make_message("before"), odd, make_message("after")]).splitlines()
        assert [json.loads(line)["short_message"] for line in lines] == ["before", "\ufffd", "after"]
        document = json.loads(lines[1])
        assert document["_nan"] is None
        assert document["_big"] == f"{10**5000:#x}"


def test_a_line_a_message():
    """However many there are."""
    batch = make_batch(50, fields={"text": "two\nlines"})
    for renderer in (GelfRenderer(), GelfRenderer(("text",)), JsonRenderer()):
        assert renderer.render(batch).count(b"\n") == 50
