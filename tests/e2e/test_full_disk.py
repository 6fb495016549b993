"""A full disk: the listener says so, keeps what it has, and writes it when there is room again."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Start
from tests.e2e.listener import Listener, free_port, until
from tests.e2e.wire import gelf, send_tcp, texts


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte; only root may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"may not mount here: {mounted.stderr.strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_full_at_run_time(start: Start, small_disk: Path) -> None:
    """Visible in the log, the metrics and /health; nothing that was accepted is lost or written twice."""
    ballast, output = small_disk / "ballast", small_disk / "messages.jsonl"
    listener = start("gelf+tcp://127.0.0.1:0", outputs=[f"file://{output}?name=disk&batch=100"])
    listener.file = output
    address = listener.endpoint("gelf+tcp").address
    send_tcp(address, gelf("before") + b"\0")
    listener.messages(1)
    ballast.write_bytes(b"x" * 900_000)
    sent = [f"{number}" for number in range(1000)]
    send_tcp(address, b"".join(gelf(name, _padding="y" * 300) + b"\0" for name in sent))
    until(lambda: listener.metric("gelf_output_failing", output="disk") == 1, what="the output fails")
    assert "No space left on device" in listener.said("No space")
    status, health = listener.health()
    assert status == 503
    assert health["outputs"]["disk"]["status"] == "failing"
    assert listener.metric("gelf_output_retries_total", output="disk") >= 1

    ballast.unlink()
    until(lambda: listener.health()[0] == 200, 15, "healthy again")
    assert texts(listener.messages(1001, 15)) == ["before", *sent]
    assert listener.stop()[0] == 0


def test_a_disk_that_the_buffer_filled_by_itself(tmp_path: Path, small_disk: Path) -> None:
    """
    Nobody makes room but the buffer: it is opened again, delivers what it has, and takes messages as before.

    SQLite needs space to delete, too.
    """
    port = free_port()
    arrived = tmp_path / "arrived.jsonl"

    def near(number: int) -> Listener:
        folder = tmp_path / f"near{number}"
        folder.mkdir()
        address = f"gelf+tcp://127.0.0.1:{port}?buffer=disk&buffer_path={small_disk}/buffer&batch=5"
        return Listener(folder, "gelf+http://127.0.0.1:0", outputs=[address])

    def post(listener: Listener, text: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", listener.endpoint("gelf+http").port, timeout=60)
        connection.request("POST", "/gelf", gelf(text, _padding="y" * 3000))
        status = connection.getresponse().status
        connection.close()
        return status

    acknowledged: list[str] = []
    with near(1) as first:
        while post(first, text := f"{len(acknowledged)}") == 202:
            acknowledged.append(text)
            assert len(acknowledged) < 1000, "the disk is larger than it should be"
        first.kill()
    (tmp_path / "far").mkdir()
    with near(2) as second:
        with Listener(tmp_path / "far", f"gelf+tcp://127.0.0.1:{port}", outputs=[f"file://{arrived}"]):
            until(
                lambda: arrived.exists() and len(arrived.read_bytes().splitlines()) >= len(acknowledged),
                60,
                "everything at the destination",
            )
            until(lambda: post(second, "after") == 202, 60, "room again")
            until(lambda: json.loads(second.get("/health")[1])["status"] == "ok", 60, "health")
        assert second.stop()[0] == 0
    texts_there = [json.loads(line)["short_message"] for line in arrived.read_bytes().splitlines()]
    assert [text for text in texts_there if text in set(acknowledged)] == acknowledged
