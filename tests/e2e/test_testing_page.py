"""docs/testing.md, and the README on testing: what it shows runs, in every language it shows."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gelf_listener.testing import RemoteListener
from tests.e2e.listener import Listener, until
from tests.requirements import need

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
SECONDS = 180
"""Go compiles its HTTP library once."""


def blocks(language: str, page: str = PAGE) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    directory = tmp_path_factory.mktemp("waits")
    store = f"store://{directory}/store"
    with Listener(directory, "gelf+udp://127.0.0.1:0", outputs=[store]) as running:
        yield running


def log(listener: Listener, order_id: int) -> RemoteListener:
    """Have one message in the store, of an order."""
    remote = RemoteListener(listener.api_url)
    remote.clear()
    document = {"version": "1.1", "host": "web", "short_message": "order is late", "level": 4, "_order_id": order_id}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(json.dumps(document).encode(), listener.endpoint("gelf+udp").address)
    until(remote.messages, what="the message in the store")
    return remote


def command(language: str, directory: Path, text: str) -> list[str]:
    """How a snippet is run; Go is compiled before."""
    if language == "bash":
        need("curl")
        return [need("bash"), "-c", text]
    if language == "javascript":
        return [need("node"), "--input-type=module", "-e", text]
    if language == "java":
        java = need("java", "javac")
        (directory / "Waiting.java").write_text(text, encoding="utf-8")
        return [java, "-XX:TieredStopAtLevel=1", str(directory / "Waiting.java")]
    go = need("go")
    (directory / "main.go").write_text(text, encoding="utf-8")
    environment = os.environ | {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "GO111MODULE": "off"}
    build = [go, "build", "-trimpath", "-o", str(directory / "wait"), str(directory / "main.go")]
    done = subprocess.run(build, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return [str(directory / "wait")]


@pytest.mark.timeout(SECONDS + 60)
@pytest.mark.parametrize("language", ["bash", "javascript", "go", "java"])
def test_a_wait_in_another_language(listener: Listener, tmp_path: Path, language: str) -> None:
    """It ends well with the message when there is one, and badly with what came instead when there is another."""
    (text,) = blocks(language)
    assert text.count("http://localhost:9000") == 1
    text, waits = re.subn(r"(timeout ?= ?|1, )5\b", r"\g<1>0", text.replace("http://localhost:9000", listener.api_url))
    assert waits == 1  # no need to wait for what is there, or will never come
    run = command(language, tmp_path, text)

    log(listener, 4711)
    done = subprocess.run(run, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "order is late" in done.stdout

    log(listener, 4712)
    done = subprocess.run(run, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "order_id is 4712" in done.stdout + done.stderr


def test_python_with_pytest(tmp_path: Path) -> None:
    """The tests on the page pass, and the one of the README."""
    tests = [text for text in blocks("python") + blocks("python", README) if "def test_" in text]
    assert len(tests) == 5
    for number, text in enumerate(tests):
        (tmp_path / f"test_page{number}.py").write_text(text, encoding="utf-8")
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "gelf_listener.testing.plugin"]
    done = subprocess.run(
        [*run, "--rootdir", str(tmp_path), "--strict-markers", str(tmp_path)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout


def test_python_with_unittest(tmp_path: Path) -> None:
    """Without pytest."""
    (text,) = [text for text in blocks("python") if "import unittest" in text]
    (tmp_path / "test_case.py").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "unittest", "test_case"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Ran 2 tests" in done.stderr


def test_python_with_a_listener(listener: Listener) -> None:
    """What asks a listener elsewhere does not fail."""
    (text,) = [text for text in blocks("python") if "RemoteListener(" in text]
    text = text.replace("http://localhost:9000", listener.api_url)
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert listener.api_url in text


def test_every_block_is_run_or_says_why() -> None:
    """No snippet of a program stands there unproven."""
    languages = re.findall(r"^```(\w+)$", PAGE, re.MULTILINE)
    assert set(languages) == {"python", "text", "bash", "javascript", "go", "java"}
    assert [text for text in blocks("python") if "def test_" not in text and "RemoteListener(" not in text] == [
        text for text in blocks("python") if "GelfListenerContainer(" in text
    ]
