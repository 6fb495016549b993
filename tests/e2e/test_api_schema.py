"""The API is asked what its description allows and what it forbids, and never fails of itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.e2e.conftest import Start
from tests.requirements import missing

_SECONDS = 240


def test_nothing_makes_it_fail(start: Start, tmp_path: Path) -> None:
    """Every operation with values at and beyond their bounds: no answer is a 5xx, and it answers afterwards."""
    tool = Path(sys.executable).parent / "schemathesis"
    if not tool.exists():
        missing("schemathesis is not installed")
    listener = start("gelf+udp://127.0.0.1:0", outputs=[f"store://{tmp_path}/store"])
    command = [
        str(tool), "run", f"{listener.api_url}/api/openapi.json", "-H", "X-Requested-By: test",
        "-c", "not_a_server_error", "--phases", "examples,coverage", "-n", "3", "--generation-database", "none",
        "--request-timeout", "60", "--exclude-path-regex", "gelf/(live|wait|import)", "--no-color", "--workers", "2",
    ]  # fmt: skip
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    found = done.stdout[done.stdout.find("= FAILURES") :] if "= FAILURES" in done.stdout else done.stdout
    # On a busy machine its generator runs out of the time it gives itself; those operations had the other phase.
    own = done.stdout.count("Inconsistent results")
    errors = sum(map(int, re.findall(r"(\d+) errors?$", done.stdout, re.MULTILINE)))
    assert done.returncode == 0 or ("= FAILURES" not in done.stdout and 0 < errors == own < 10), (
        found[:4000] + done.stderr[-1000:]
    )
    assert "passed" in done.stdout
    status, body = listener.get("/api/system")
    assert (status, json.loads(body)["is_processing"]) == (200, True)
