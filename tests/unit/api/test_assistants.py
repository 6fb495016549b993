"""What answers at /mcp: loaded by the first request, bounded, and clear where its library is missing."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys

import pytest
from mcp import Client

from gelf_listener.api import assistants
from gelf_listener.assistant import tools
from gelf_listener.assistant.questions import Questions
from gelf_listener.assistant.tools import make_server
from gelf_listener.client.session import Session
from tests.unit.api.test_app import ask, fake  # noqa: F401  (a fixture that is used by itself)
from tests.unit.test_extras import Absent


def test_nothing_is_loaded_at_the_start() -> None:
    """Neither the SDK nor what the tools are made of: a listener that no assistant asks does not pay for it."""
    code = "import sys, gelf_listener.service, gelf_listener.api.server; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(done.stdout.split())
    assert "gelf_listener.api.app" in loaded
    assert {
        name for name in loaded if name.startswith(("mcp", "gelf_listener.assistant", "gelf_listener.client"))
    } == set()
    assert "httpx" not in loaded


def test_without_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """501, and what to install."""
    for module in list(sys.modules):
        if module == "mcp" or module.startswith("mcp."):
            monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(sys, "meta_path", [Absent("mcp"), *sys.meta_path])
    status, _, body = ask("/mcp", "POST")
    assert status == 501
    assert json.loads(body)["message"] == (
        "the Model Context Protocol needs 'mcp', which is not installed; "
        "in the directory of gelf-listener's source: pip install '.[mcp]'"
    )


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS"])
def test_only_post(method: str) -> None:
    """There are no streams to open and no sessions to end."""
    status, headers, _ = ask("/mcp", method)
    assert (status, headers["allow"]) == (405, "POST")


def test_an_answer_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """503, and the application goes on."""
    monkeypatch.setattr(assistants, "ANSWER_SECONDS", 0.0)
    status, _, body = ask("/mcp", "POST")
    assert (status, body) == (503, b"it takes too long; ask for less")


def test_too_many_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are not answered keep their threads; one more is told to come again."""
    monkeypatch.setattr(tools, "_MOST_AT_ONCE", 2)
    monkeypatch.setattr(tools, "_PATIENCE_SECONDS", 0.05)
    silent = socket.create_server(("127.0.0.1", 0))

    async def main() -> None:
        async with Client(make_server(Questions(Session(f"127.0.0.1:{silent.getsockname()[1]}")))) as client:
            calls = [asyncio.ensure_future(client.call_tool("count", {})) for _ in range(3)]
            done, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
            (refused,) = (call.result() for call in done)
            assert refused.is_error
            assert "2 questions are being answered already; ask again" in refused.content[0].text  # type: ignore[union-attr]
            silent.close()  # resets the connections that wait to be accepted
            for result in await asyncio.gather(*calls):
                assert result.is_error

    asyncio.run(main())
