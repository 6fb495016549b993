"""What a failed question says: what is missing, what came instead, why it does not match, what else may be wrong."""

from __future__ import annotations

from typing import Any

from gelf_listener.errors import Reason, Rejected
from gelf_listener.message import Message, Peer
from gelf_listener.query import parse
from gelf_listener.testing.failure import Situation, circumstances, closest, missing_text, unwanted_text

QUERY = parse("order AND user_id:42")


def logged(text: str, **fields: Any) -> Message:
    return Message(1_700_000_000.0, "web", text, None, 6, b"{}", 1_700_000_000.0, _fields=fields)


def situation(*messages: Message, **more: Any) -> Situation:
    usual: dict[str, Any] = {
        "messages": messages,
        "rejected": [],
        "forgotten": 0,
        "kernel_drops": 0,
        "addresses": ["gelf+udp://127.0.0.1:1"],
    }
    return Situation(**usual | more)


def text(*messages: Message, wanted: int = 1, **more: Any) -> str:
    found = [each for each in messages if "user_id" in each.fields and each.fields["user_id"] == 42]
    return missing_text(
        QUERY.text, wanted, found, closest(QUERY, messages), 2.0, circumstances(situation(*messages, **more))
    )


def test_nothing_arrived() -> None:
    """Where it listens, and what is usually wrong."""
    lines = text().splitlines()
    assert lines[0] == "0 of 1 message matches within 2 s: order AND user_id:42"
    assert lines[1] == "nothing arrived at gelf+udp://127.0.0.1:1"
    assert len(lines) == 3


def test_the_closest_first() -> None:
    """Each with the clauses it fails, and the values it has instead."""
    lines = text(logged("unlike"), logged("order 1", user_id=43)).splitlines()
    assert lines[1] == "not matching, the closest first:"
    assert "order 1" in lines[2]
    assert lines[3] == "    - user_id:42: user_id is 43"
    assert "unlike" in lines[4]
    assert lines[5:] == ["    - order: no field has it", "    - user_id:42: there is no field 'user_id'"]


def test_among_equals_the_latest_first() -> None:
    """That is the one the test just caused."""
    misses = closest(QUERY, [logged("order 1", user_id=1), logged("order 2", user_id=2)])
    assert [each.message.short_message for each in misses] == ["order 2", "order 1"]


def test_too_few_match() -> None:
    """Those that do are shown, and are not among those that do not."""
    lines = text(logged("order 1", user_id=42), wanted=2).splitlines()
    assert lines[0] == "1 of 2 messages match within 2 s: order AND user_id:42"
    assert lines[1] == "matching:"
    assert "order 1" in lines[2]
    assert len(lines) == 3


def test_everything_is_bounded() -> None:
    """Five messages, and how many more; long values are cut."""
    shown = text(*(logged("x" * 100_000, **{f"f{i}": "y" * 10_000 for i in range(2)}) for _ in range(1000)))
    assert len(shown) < 20_000
    assert shown.splitlines()[-1] == "  and 195 more"
    unwanted = unwanted_text(QUERY.text, [logged(f"order {number}") for number in range(7)])
    assert unwanted.splitlines()[0] == "a message matches that should not be there: order AND user_id:42"
    assert unwanted.splitlines()[-1] == "  and 2 more"


def test_what_else_may_be_wrong() -> None:
    """Rejections with sender and payload, what had no room, what the kernel dropped."""
    rejected = Rejected(Reason.INVALID_JSON, "no JSON", b"\x1b[31m<xml>", peer=Peer("192.0.2.1", 7))
    shown = text(rejected=[rejected], forgotten=12, kernel_drops=3)
    assert "nothing arrived" not in shown
    assert "invalid_json from 192.0.2.1:7: no JSON: b'\\x1b[31m<xml>'" in shown
    assert "oldest 12 messages were forgotten" in shown
    assert "kernel dropped 3 datagrams" in shown


def test_nothing_drives_the_terminal() -> None:
    """Escapes, bidirectional controls and lone surrogates, in text, names, values and the query."""
    evil = "\x1b[2J\u202e\ud800\x00\r"
    message = Message(1_700_000_000.0, evil, evil, evil, 6, b"{}", 0.0, _fields={"user_id": evil, evil: evil})
    query = parse(f'"{evil}x" AND user_id:1')
    shown = missing_text(query.text, 1, [], closest(query, [message]), 1) + unwanted_text(query.text, [message])
    assert not set(shown) & set("\x1b\u202e\ud800\x00\r")
    shown.encode()
