"""Start-up time and memory at rest: measured and printed; the bound on memory is generous, for busy machines."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.e2e.conftest import Start
from tests.e2e.wire import gelf, send_udp

MOST_MIB = 120.0


def test_start_up_to_the_first_message(start: Start) -> None:
    """From starting the process to the first message in the file, with every input, and the API."""
    began = time.monotonic()
    listener = start("gelf+udp://127.0.0.1:0", "gelf+tcp://127.0.0.1:0", "gelf+http://127.0.0.1:0")
    send_udp(listener.endpoint("gelf+udp").address, gelf("first"))
    listener.messages(1)
    took = time.monotonic() - began
    time.sleep(0.5)
    resident, peak = listener.memory()
    cpu = listener.cpu_seconds()
    listener.get("/metrics")
    time.sleep(1.0)
    idle = listener.cpu_seconds() - cpu
    print(
        f"\nstart-up {listener.started_seconds * 1000:.0f} ms to listening, {took * 1000:.0f} ms to the first message "
        f"written; RSS {resident:.1f} MiB at rest ({peak:.1f} at most); {cpu:.2f} s of processor to start, "
        f"{idle * 100:.1f} % of one when idle"
    )

    assert resident < MOST_MIB, f"{resident:.1f} MiB at rest"
    assert idle < 0.5, f"{idle:.2f} s of processor in an idle second"


def test_a_reload_during_the_start_does_not_end_it(tmp_path: Path) -> None:
    """SIGHUP from the first moment that Python runs our code: the listener starts, and reads its configuration."""
    output = tmp_path / "messages.jsonl"
    command = [
        sys.executable,
        "-X",
        "importtime",
        "-m",
        "gelf_listener",
        "-i",
        "gelf+udp://127.0.0.1:0",
        "--api",
        "off",
    ]
    process = subprocess.Popen(
        [*command, "-o", f"file://{output}"], cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stderr is not None
        said: list[str] = []
        entered = False
        for line in process.stderr:
            said.append(line)
            entered = entered or "gelf_listener." in line  # a module that the command line imports
            if entered and "listening" not in line:
                process.send_signal(signal.SIGHUP)
                time.sleep(0.002)
            if "listening" in line:
                break
        assert "listening" in said[-1], said[-5:]
        process.terminate()
        process.stderr.read()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()
