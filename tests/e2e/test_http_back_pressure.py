"""HTTP: when the buffers are full, clients are told to come again, and nothing that was accepted is lost."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tests.e2e.conftest import Start
from tests.e2e.listener import until
from tests.e2e.wire import HttpClient, gelf


def test_503_with_retry_after_and_recovery(start: Start, plugin_path: Path, tmp_path: Path) -> None:
    """202 until the buffer is full, 503 then, 202 again after; exactly what was answered with 202 is written."""
    written, gate = tmp_path / "written.jsonl", tmp_path / "open"
    listener = start(
        "gelf+http://127.0.0.1:0",
        outputs=[f"gate://{written}?gate={gate}&max_buffer_messages=50&batch=10"],
        environment={"PYTHONPATH": str(plugin_path)},
    )
    address = listener.endpoint("gelf+http").address
    accepted = []
    refused = 0
    for number in range(200):
        with HttpClient(address) as client:
            answer = client.post(gelf(f"message {number}"))
        if answer.status == 202:
            accepted.append(f"message {number}")
        else:
            assert (answer.status, answer.headers["retry-after"]) == (503, "1"), answer
            refused += 1
    assert 50 <= len(accepted) <= 70, len(accepted)
    assert refused == 200 - len(accepted)
    status, health = listener.health()
    assert (status, health["reading"]) == (503, False)

    gate.touch()
    until(lambda: listener.health()[0] == 200, 5, "healthy again")
    with HttpClient(address) as client:
        for number in range(20):
            assert client.post(gelf(f"later {number}")).status == 202
    accepted += [f"later {number}" for number in range(20)]
    assert listener.stop()[0] == 0
    assert [json.loads(line)["short_message"] for line in written.read_text().splitlines()] == accepted


def test_a_connection_that_got_503_goes_on(start: Start, plugin_path: Path, tmp_path: Path) -> None:
    """It waits for its answers, but never for long, and is served again once there is room."""
    written, gate = tmp_path / "written.jsonl", tmp_path / "open"
    listener = start(
        "gelf+http://127.0.0.1:0",
        outputs=[f"gate://{written}?gate={gate}&max_buffer_messages=2&batch=1"],
        environment={"PYTHONPATH": str(plugin_path)},
    )
    with HttpClient(listener.endpoint("gelf+http").address) as client:
        statuses: list[int] = []
        while 503 not in statuses:
            began = time.monotonic()
            statuses.append(client.post(gelf(f"message {len(statuses)}")).status)
            assert time.monotonic() - began < 20
        client.send(HttpClient.request(gelf("sent while full")))
        gate.touch()
        assert client.read().status == 202
    assert listener.stop()[0] == 0
    found = [json.loads(line)["short_message"] for line in written.read_text().splitlines()]
    assert found == [*(f"message {number}" for number in range(len(statuses) - 1)), "sent while full"]
