"""The directory of a buffer on disk is removed under a running listener: what it acknowledged is there all the same."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.e2e.conftest import Start
from tests.e2e.listener import Listener, free_port, until
from tests.e2e.wire import HttpClient, gelf, texts


def post(listener: Listener, text: str) -> int:
    with HttpClient(listener.endpoint("gelf+http").address) as client:
        return client.post(gelf(text)).status


def test_a_removed_directory(start: Start, tmp_path: Path) -> None:
    """It is made again, also while it cannot be written for a while; after a restart everything is delivered."""
    buffer, port = tmp_path / "parent" / "buffer", free_port()
    output = f"gelf+tcp://127.0.0.1:{port}?name=far&buffer=disk&buffer_path={buffer}"
    near = start("gelf+http://127.0.0.1:0", outputs=[output])
    assert post(near, "a") == 202
    shutil.rmtree(buffer)
    assert post(near, "b") == 202
    near.said("was removed; it was made again")

    shutil.rmtree(buffer.parent)
    buffer.parent.write_text("in the way")
    until(lambda: near.metric("gelf_buffer_failing", output="far") == 1, what="the metric tells")
    assert "cannot be opened" in str(near.health()[1]["outputs"]["far"])
    assert post(near, "not acknowledged") == 503
    buffer.parent.unlink()
    until(lambda: post(near, "c") == 202, what="acknowledging again")
    status, report = near.stop()
    assert (status, report.rpartition("; ")[2]) == (0, "kept in buffers on disk: 4")

    far = start(f"gelf+tcp://127.0.0.1:{port}")
    start("gelf+http://127.0.0.1:0", outputs=[output])
    until(lambda: len(far.lines()) >= 4, 30, "everything at the destination")
    assert texts(far.lines()) == ["a", "b", "not acknowledged", "c"]


def test_what_cannot_be_made_again(start: Start, tmp_path: Path) -> None:
    """Is said to be lost, and the exit status tells."""
    buffer = tmp_path / "buffer"
    near = start(
        "gelf+http://127.0.0.1:0", outputs=[f"gelf+tcp://127.0.0.1:{free_port()}?buffer=disk&buffer_path={buffer}"]
    )
    assert post(near, "a") == 202
    shutil.rmtree(buffer)
    buffer.write_text("in the way")
    near.said("trying again")
    status, report = near.stop()
    assert status == 1
    assert "unwritten at the end 1" in report
    assert "kept" not in report
