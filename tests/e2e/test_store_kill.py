"""The store of a listener that is killed at a random moment, again and again, while messages come in."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from pathlib import Path
from typing import Any, Self

import pytest

from tests.e2e.conftest import Start
from tests.e2e.listener import Listener


class Sender:
    """Sends numbered messages by TCP until it is told to stop; what a dead listener does not take is lost."""

    def __init__(self, port: int, first: int) -> None:
        self.number = first
        self._port = port
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=5) as sock:
                while not self._stop.is_set():
                    lines = []
                    for _ in range(10):
                        document = {"host": "h", "short_message": f"m{self.number}", "_number": self.number}
                        lines.append(json.dumps(document).encode() + b"\0")
                        self.number += 1
                    sock.sendall(b"".join(lines))
                    time.sleep(0.005)
        except OSError:
            return


def exported(listener: Listener) -> list[dict[str, Any]]:
    status, text = listener.get("/api/gelf/export?format=jsonl", seconds=60)
    assert status == 200, text
    return [json.loads(line) for line in text.splitlines()]


def check_rounds(start: Start, rounds: int, directory: Path) -> None:
    """Everything that was found once is found from then on, once, and whole."""
    store = directory / "store"
    seen: dict[str, int] = {}
    number = 0
    for round_ in range(rounds + 1):
        # Plain, for its own outputs are in place of the file that tests read otherwise.
        listener = start(
            plain=True,
            arguments=[
                *("--input", "gelf+tcp://127.0.0.1:0", "--output", f"store://{store}?commit_seconds=0.1"),
                *("--api", "127.0.0.1:0"),
            ],
        )
        found = exported(listener)
        ids = [message["id"] for message in found]
        assert len(ids) == len(set(ids)), "a message is there twice"
        now = {message["id"]: message["fields"]["number"] for message in found}
        missing = {id: number for id, number in seen.items() if now.get(id) != number}
        assert not missing, f"{len(missing)} messages that were found before are gone"
        assert all(message["short_message"] == f"m{message['fields']['number']}" for message in found)
        if round_ == rounds:
            listener.stop()
            break
        with Sender(listener.endpoint("gelf+tcp").port, number) as sender:
            time.sleep(random.uniform(0.1, 0.7))
            seen = {message["id"]: message["fields"]["number"] for message in exported(listener)}
            time.sleep(random.uniform(0.0, 0.3))
            listener.kill()
        number = sender.number
    assert len(seen) > rounds


def test_what_was_found_once_is_found_after_a_kill(start: Start, tmp_path: Path) -> None:
    """A few rounds."""
    check_rounds(start, 4, tmp_path)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_fifty_kills(start: Start, tmp_path: Path) -> None:
    """As many as the project promises."""
    check_rounds(start, 50, tmp_path)
