"""Files that are followed while the listener is killed again and again: no line is lost, whatever rotates them."""

from __future__ import annotations

import json
import random
import threading
from pathlib import Path

import pytest

from tests.e2e.listener import Listener, until

LINES = 40_000
ARRIVAL_SECONDS = 60.0


class Writer(threading.Thread):
    """Appends numbered lines, and renames its file now and then, as logrotate does."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self._path = path
        self.done = threading.Event()

    def run(self) -> None:
        """Write all lines, in pieces that end anywhere."""
        number, rotated = 0, 0
        while number < LINES:
            if self._path.exists() and self._path.stat().st_size > 200_000:
                rotated += 1
                self._path.rename(self._path.with_name(f"{self._path.name}.{rotated}"))
            with self._path.open("ab", buffering=0) as file:
                for _ in range(100):
                    line = f"2026-11-28T10:00:00Z INFO line {number}\n".encode()
                    file.write(line[:10])
                    file.write(line[10:])
                    number += 1
            self.done.wait(0.02)
        self.done.set()


@pytest.mark.timeout(300)
def test_nothing_is_lost_when_the_listener_is_killed(tmp_path: Path) -> None:
    """Lines may come again, but each comes, with a buffer on disk that outlives the listener too."""
    logs = tmp_path / "logs"
    logs.mkdir()
    address = f"file://{logs}/app.log*?poll_seconds=0.05&join_seconds=0.05"
    writer = Writer(logs / "app.log")
    writer.start()
    arrived: set[int] = set()
    runs = 0
    while True:
        with Listener(tmp_path, address, output_options="buffer=disk") as listener:
            runs += 1
            if not writer.done.wait(random.uniform(0.3, 1.5)):
                listener.kill()
                continue

            def all_there(listener: Listener = listener) -> bool:
                lines = listener.file.read_text().splitlines() if listener.file.exists() else []
                for line in lines:
                    arrived.add(int(json.loads(line)["short_message"].rpartition(" ")[2]))
                return len(arrived) == LINES

            until(all_there, ARRIVAL_SECONDS, f"the arrival of all {LINES} lines after {runs} runs")
            break
    assert runs > 1
