"""What the page offers to copy works: its Python snippets send to the listener whose addresses are in them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import Start
from tests.e2e.listener import until
from tests.requirements import need

UI = Path(__file__).parents[2] / "gelf_listener" / "api" / "ui"
HANDLERS = Path(__file__).parents[2] / "handlers"


def snippets(**ports: int) -> dict[str, str]:
    """The page's own list, made by the page's own code."""
    node = need("node")
    at = json.dumps({"host": "127.0.0.1"} | ports)
    source = (UI / "snippets.js").read_text(encoding="utf-8")
    script = f"{source}\nconsole.log(JSON.stringify(snippets({at})))"
    done = subprocess.run(
        [node, "--input-type=module", "-e", script],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {each["name"]: each["code"] for each in json.loads(done.stdout)}


def test_every_usual_sender_has_one() -> None:
    """With the address, and nothing left to fill in."""
    others = {"forward": 4716, "elasticsearch": 4717, "splunk": 4718, "journal": 4719}
    found = snippets(udp=4711, tcp=4712, http=4713, otlp=4714, loki=4715, **others)
    for word in (
        "Shell",
        "gelf-handlers",
        "graypy",
        "standard library",
        "structlog",
        "Docker",
        "Java",
        "Node",
        "Go",
        "PHP",
        ".NET",
        "OpenTelemetry",
        "Loki",
        "Fluent",
        "Elasticsearch",
        "Splunk",
        "journal",
    ):
        assert any(word in name for name in found), word
    for name, code in found.items():
        assert re.search(r"\b471\d\b", code), name
        assert "undefined" not in code


@pytest.mark.parametrize("name", ["gelf-handlers", "graypy", "standard library", "structlog"])
def test_python_snippets_arrive(start: Start, name: str) -> None:
    """Run as they are copied."""
    listener = start("gelf+udp://127.0.0.1:0", "gelf+tcp://127.0.0.1:0", "gelf+http://127.0.0.1:0")
    ports = {kind: listener.endpoint(f"gelf+{kind}").port for kind in ("udp", "tcp", "http")}
    (code,) = [code for title, code in snippets(**ports).items() if name in title]
    path = os.pathsep.join([str(HANDLERS), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    messages = until(listener.lines, 10, "the message")
    assert "Stock is low" in json.dumps(messages[0])


@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        *(("OpenTelemetry", "otlp+http"), ("Loki", "loki+http"), ("Elasticsearch", "elasticsearch+http")),
        *(("Splunk HEC", "splunk+hec"), ("systemd's journal", "journal+http")),
    ],
)
def test_the_command_of_another_protocol_sends(start: Start, name: str, scheme: str) -> None:
    """As it stands there, in a shell."""
    need("bash", "curl")
    listener = start(f"{scheme}://127.0.0.1:0")
    code = snippets(**{scheme.partition("+")[0]: listener.port(scheme)})[name]
    command = code[code.index("curl ") :]
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    (message,) = listener.messages(1)
    assert (message["short_message"], message["level"]) == ("Hello", 6)
