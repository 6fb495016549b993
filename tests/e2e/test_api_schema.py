"""The API is asked what its description allows and what it forbids, and never fails of itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import Start
from tests.requirements import missing

_SECONDS = 600
"""Of a busy machine: a quiet one takes twenty."""
_CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"

_LEFT_OUT = "gelf/(live|wait|import)|lbstatus/override"
"""What does not end, and what makes another path answer 503."""


@pytest.mark.timeout(_SECONDS + 100)
def test_nothing_makes_it_fail(start: Start, tmp_path: Path) -> None:
    """Every operation with values at and beyond their bounds: no answer is a 5xx, all are as described, and it goes on."""
    tool = Path(sys.executable).parent / "schemathesis"
    if not tool.exists():
        missing("schemathesis is not installed")
    listener = start("gelf+udp://127.0.0.1:0", outputs=[f"store://{tmp_path}/store"])
    # Made once, which takes longer on a busy machine than the tool waits for it.
    assert listener.get("/api/openapi.json")[0] == 200
    # One worker: in Python 3.11 `ast.parse`, which the generator uses, fails when two threads parse at once
    # ("AST constructor recursion depth mismatch").
    command = [
        str(tool), "run", f"{listener.api_url}/api/openapi.json", "-H", "X-Requested-By: test",
        "-c", _CHECKS, "--phases", "examples,coverage", "--generation-deterministic",
        "--request-timeout", "60", "--exclude-path-regex", _LEFT_OUT, "--no-color", "--workers", "1",
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
    report = done.stdout.partition("\n====")[2] or done.stdout
    assert done.returncode == 0, report[:8000] + done.stderr[-1000:]
    assert "passed" in done.stdout
    status, body = listener.get("/api/system")
    assert (status, json.loads(body)["is_processing"]) == (200, True)
