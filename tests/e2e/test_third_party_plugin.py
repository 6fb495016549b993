"""Plug-ins of third parties: installed beside the listener, they are like its own."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.conftest import Start
from tests.e2e.listener import run_cli, until
from tests.e2e.wire import send_udp, texts


def test_it_is_listed(plugin_path: Path, tmp_path: Path) -> None:
    """By `gelf-listener plugins`, with its settings and where it comes from."""
    environment = {"PYTHONPATH": str(plugin_path), "COLUMNS": "200"}
    done = run_cli(tmp_path, "plugins", environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    for name in ("text+udp", "gate", "gelf+udp", "file"):
        assert name in done.stdout
    assert "gelf-listener-example" in done.stdout
    done = run_cli(tmp_path, "plugins", "gate", environment=environment)
    assert done.returncode == 0
    assert "File whose existence opens the gate" in done.stdout
    assert "when_full" in done.stdout  # what every output has
    without = run_cli(tmp_path, "plugins")
    assert "text+udp" not in without.stdout


def test_its_settings_are_validated(plugin_path: Path, tmp_path: Path) -> None:
    """With the same words as those of our own."""
    environment = {"PYTHONPATH": str(plugin_path)}
    for output, texts_ in {
        f"gate://{tmp_path}/x?gat=y": ["unknown setting 'gat'", "did you mean 'gate'?"],
        f"gate://{tmp_path}/x?delay=-1": ["'delay'", "-1", "greater than or equal to 0"],
        "gate:": ["'path' is missing"],
        f"gate://{tmp_path}/missing/x": ["'path'", "No such file"],
    }.items():
        done = run_cli(tmp_path, "run", "--api", "off", "-i", "text+udp://:0", "-o", output, environment=environment)
        assert done.returncode == 2, done.stderr
        for text in texts_:
            assert text in done.stderr
    done = run_cli(tmp_path, "check", "--input", "text+udp://127.0.0.1:0?level=8", environment=environment)
    assert done.returncode == 2
    assert "'level'" in done.stderr


def test_messages_flow_through_it(start: Start, plugin_path: Path, tmp_path: Path) -> None:
    """From its input to our output and to its own, with its rejections and counters among ours."""
    written = tmp_path / "written.jsonl"
    directory = tmp_path / "file.jsonl"
    listener = start(
        "text+udp://127.0.0.1:0?level=5&name=text",
        outputs=[f"file://{directory}", f"gate://{written}?name=example"],
        environment={"PYTHONPATH": str(plugin_path)},
    )
    listener.file = directory
    send_udp(listener.endpoint("text+udp").address, "Grüße\n".encode(), b"\xff\xfe", b"two")
    messages = listener.messages(2)
    assert texts(messages) == ["Grüße", "two"]
    assert [message["level"] for message in messages] == [5, 5]
    assert {message["host"] for message in messages} == {"127.0.0.1"}
    assert listener.metric("gelf_input_messages_total", input="text") == 2
    assert listener.metric("gelf_input_rejected_total", input="text", reason="no_message") == 1
    until(lambda: listener.metric("gelf_output_messages_total", output="example") == 2, what="both written")
    assert listener.metric("gelf_output_gate_waits_total", output="example") == 0
    status, report = listener.stop()
    assert status == 0
    assert "2 messages taken, 1 rejected" in report
    assert texts(json.loads(line) for line in written.read_text().splitlines()) == ["Grüße", "two"]
