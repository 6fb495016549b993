"""From a datagram to an answer: the API over a real listener's store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.conftest import Start
from tests.e2e.listener import ANSWER_SECONDS, Listener
from tests.e2e.test_api_live import seen, watching
from tests.e2e.wire import gelf, send_udp


def storing(start: Start, directory: Path) -> Listener:
    return start("gelf+udp://127.0.0.1:0", outputs=[f"store:{directory}/store"])


def ask(listener: Listener, path: str, status: int = 200, **parameters: Any) -> Any:
    answer = httpx.get(listener.api_url + "/api/gelf" + path, params=parameters, timeout=ANSWER_SECONDS)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_a_message_is_found_a_moment_later(start: Start, tmp_path: Path) -> None:
    """Wait, search, one message with everything, figures, and gone again."""
    listener = storing(start, tmp_path)
    raw = gelf("order 4711 paid", host="web", level=5, _user_id=42, _ok=True)
    send_udp(listener.endpoint("gelf+udp").address, raw, gelf("order 4712 refused", host="db", level=3))
    found = ask(listener, "/wait", query="order", count=2)
    assert [message["short_message"] for message in found["messages"]] == ["order 4711 paid", "order 4712 refused"]
    page = ask(listener, "/search", query="user_id:42 AND level:<=5")
    (message,) = page["messages"]
    assert (message["fields"], page["total"]) == ({"user_id": 42, "ok": True}, 1)
    detail = ask(listener, f"/messages/{message['id']}")
    assert json.loads(detail["raw_text"]) == json.loads(raw)
    assert detail["peer"].startswith("127.0.0.1:")
    assert detail["graylog"]["graylog_messages"][0]["short_message"] == "order 4711 paid"
    assert ask(listener, "/fields/source/top")["messages"] == 2
    assert ask(listener, "/histogram", split="level")["messages"] == 2
    assert ask(listener, "/stats")["store"]["messages"] == 2
    answer = httpx.delete(
        listener.api_url + "/api/gelf/messages", params={"query": "source:db"}, timeout=ANSWER_SECONDS
    )
    assert answer.json() == {"deleted": 1}
    assert ask(listener, "/search")["total"] == 1


def test_a_watcher_that_comes_back(start: Start, tmp_path: Path) -> None:
    """Gets what it missed, once, and then goes on."""
    listener = storing(start, tmp_path)
    address = listener.endpoint("gelf+udp").address
    with watching(listener, "?query=kept") as stream:
        send_udp(address, gelf("kept 1"), gelf("kept 2"))
        last = seen(stream, 2)[0]["id"]
    send_udp(address, gelf("other"), gelf("kept 3"))
    with watching(listener, "?query=kept", {"Last-Event-ID": last}) as stream:
        assert [message["short_message"] for message in seen(stream, 2)] == ["kept 2", "kept 3"]
        send_udp(address, gelf("kept 4"))
        assert seen(stream, 1)[0]["short_message"] == "kept 4"
    with watching(listener, "?query=kept&tail=2") as stream:
        assert [message["short_message"] for message in seen(stream, 2)] == ["kept 3", "kept 4"]


def test_export_and_import(start: Start, tmp_path: Path) -> None:
    """What one listener wrote, another takes: same messages, same fields."""
    listener = storing(start, tmp_path)
    other = storing(start, tmp_path / "other")
    texts = [f"message {number} \u00fc" for number in range(50)]
    send_udp(
        listener.endpoint("gelf+udp").address,
        *(gelf(text, timestamp=1_700_000_000.25 + at, _n=at) for at, text in enumerate(texts)),
    )
    ask(listener, "/wait", query="message", count=50)
    exported = httpx.get(
        listener.api_url + "/api/gelf/export", params={"format": "gelf"}, timeout=ANSWER_SECONDS
    ).content
    answer = httpx.post(
        other.api_url + "/api/gelf/import", content=exported, headers={"X-Requested-By": "me"}, timeout=ANSWER_SECONDS
    )
    assert answer.json()["messages"] == 50
    found = ask(other, "/wait", query="message", count=50)["messages"]
    assert [(message["short_message"], message["fields"]["n"]) for message in found] == [
        (text, number) for number, text in enumerate(texts)
    ]
    assert found[3]["timestamp"] == 1_700_000_003.25
