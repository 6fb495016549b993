"""Waiting for messages of a real listener, as a test suite does."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.e2e.conftest import Start
from tests.e2e.listener import ANSWER_SECONDS
from tests.e2e.wire import gelf, send_udp


def test_messages_that_arrive_while_waiting(start: Start) -> None:
    """200 as soon as enough are there; each waiter gets its own."""
    listener = start("gelf+udp://127.0.0.1:0", outputs=["null:"])
    address = listener.endpoint("gelf+udp").address
    with httpx.Client(base_url=listener.api_url, timeout=ANSWER_SECONDS) as client, ThreadPoolExecutor(2) as pool:
        client.get("/api/gelf/stats", timeout=ANSWER_SECONDS)
        began = time.monotonic()
        two = pool.submit(client.get, "/api/gelf/wait", params={"query": "order", "count": 2, "timeout": 15})
        one = pool.submit(client.get, "/api/gelf/wait", params={"query": "user_id:42", "timeout": 15})
        timer = threading.Timer(0.5, send_udp, (address, gelf("order 1"), gelf("other"), gelf("order 2", _user_id=42)))
        timer.start()
        found = two.result().json()
        assert [message["short_message"] for message in found["messages"]] == ["order 1", "order 2"]
        assert (found["matched"], found["near_misses"]) == (2, [])
        assert one.result().json()["messages"][0]["fields"] == {"user_id": 42}
        assert time.monotonic() - began < 10
        timer.join()


def test_what_came_instead(start: Start) -> None:
    """504 after the time, with the closest message first and why it does not match."""
    listener = start("gelf+udp://127.0.0.1:0", outputs=["null:"])
    address = listener.endpoint("gelf+udp").address
    with httpx.Client(base_url=listener.api_url, timeout=ANSWER_SECONDS) as client:
        client.get("/api/gelf/stats", timeout=ANSWER_SECONDS)
        threading.Timer(0.3, send_udp, (address, gelf("order 1", _user_id=43), gelf("unlike"))).start()
        query = "order AND user_id:42"
        answer = client.get("/api/gelf/wait", params={"query": query, "timeout": 1.5})
    assert answer.status_code == 504
    found = answer.json()
    assert (found["query"], found["wanted"], found["matched"], found["messages"]) == (query, 1, 0, [])
    first, second = found["near_misses"]
    assert (first["message"]["short_message"], first["why"]) == ("order 1", ["user_id:42: user_id is 43"])
    assert (second["message"]["short_message"], len(second["why"])) == ("unlike", 2)


def test_a_client_that_goes_away(start: Start) -> None:
    """Nobody waits for it any longer."""
    listener = start("gelf+udp://127.0.0.1:0", outputs=["null:"])
    with httpx.Client(base_url=listener.api_url, timeout=0.5) as client:
        httpx.get(listener.api_url + "/api/gelf/stats", timeout=ANSWER_SECONDS)
        try:
            client.get("/api/gelf/wait", params={"query": "x", "timeout": 60})
        except httpx.ReadTimeout:
            pass
        else:
            raise AssertionError("it answered early")
    deadline = time.monotonic() + ANSWER_SECONDS
    while httpx.get(listener.api_url + "/api/gelf/stats", timeout=ANSWER_SECONDS).json()["watchers"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
