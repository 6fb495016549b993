"""The tools: the server without a listener, what its answers are made of, and the recipes of its page."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer
from mcp import Client

from gelf_listener.assistant.excerpts import ASKED_CHARACTERS, counted, cut, lines_of, message_line, value_text
from gelf_listener.assistant.questions import Questions
from gelf_listener.assistant.tools import make_server
from gelf_listener.cli import app
from gelf_listener.client.session import Session
from gelf_listener.errors import ConfigError
from tests.e2e.listener import free_port
from tests.unit.test_extras import Absent

PAGE = Path(__file__).parents[3] / "docs" / "mcp.md"


def document(**values: Any) -> dict[str, Any]:
    """A message as the API gives it."""
    usual = {"id": "01", "timestamp": 1.5, "host": "web", "short_message": "hi", "full_message": None, "level": 3}
    return usual | {"fields": {}} | values


def test_a_cut_text_says_how_much_is_left_out() -> None:
    """At the limit, one over it, and with its end, where a traceback says what went wrong."""
    assert cut("x" * 30, 30) == "x" * 30
    assert cut("a" * 20 + "b" * 11, 30) == "a" * 20 + " […1 characters left out…] " + "b" * 10
    assert cut("a" * 5000 + "ValueError", 300).endswith("ValueError")
    assert " […4 710 characters left out…] " in cut("a" * 5000 + "ValueError", 300)
    assert "at least" in cut("a" * ASKED_CHARACTERS, 300)


def test_numbers() -> None:
    assert [counted(1), counted(0), counted(12034, "field")] == ["1 message", "0 messages", "12 034 fields"]
    assert [value_text(True), value_text(1.5), value_text("a\nb\x1b[31m")] == ["true", "1.5", "a\\nb"]


def test_a_message_is_one_line() -> None:
    """Whatever is in it; the service stands beside the host, and what Python's handlers add is left out."""
    fields = {"service": "shop", "file": "a.py", "status": 500, "text": "two\nlines"}
    line = message_line(document(short_message="a\r\nb\u2028", fields=fields, full_message="trace"))
    assert line == (
        "1970-01-01T00:00:01.500Z error web/shop: a\\r\\nb\\u2028 [full_message: 5 characters] "
        "{service=shop, status=500, text=two\\nlines, +1 field} id=01"
    )
    longest = document(full_message="x" * ASKED_CHARACTERS)  # the listener cut it there
    assert "[full_message: at least 50 000 characters]" in message_line(longest)
    assert message_line(document(fields=fields), ["status", "none"]).endswith("web/shop: hi {status=500} id=01")
    assert "file=a.py" in message_line(document(fields=fields), None, "file:a.py")
    assert message_line(document(fields=fields, level=None, host=""), []).endswith(
        "(no level) (no host)/shop: hi id=01"
    )


def test_an_answer_is_bounded() -> None:
    """A hundred long lines do not fit; how many are left out is said. One line always is."""
    found = lines_of(["x" * 1000] * 100, "value")
    assert len("\n".join(found)) < 21_000
    assert found[-1] == f"{100 - len(found) + 1} values left out, for the answer would be too long"
    assert lines_of(["x" * 1000] * 19) == ["x" * 1000] * 19
    assert lines_of(["x" * 50_000]) == ["x" * 50_000]
    many = message_line(document(short_message="x" * 10_000, fields={f"f{n}": "y" * 10_000 for n in range(100)}))
    assert len(many) < 2500
    assert "+88 fields" in many


def test_the_tools() -> None:
    """All read only, every argument described, and none that is not known."""

    async def main() -> None:
        async with Client(make_server(Questions(Session("localhost:1")))) as client:
            tools = (await client.list_tools()).tools
        names = [tool.name for tool in tools]
        assert names == [
            *("search", "count", "top", "aggregate", "fields", "message", "tail", "rejected", "wait"),
            *("patterns", "compare", "trace", "alerts", "lint"),
        ]
        for tool in tools:
            assert tool.annotations is not None
            assert tool.annotations.read_only_hint
            assert tool.description
            assert tool.input_schema["additionalProperties"] is False
            for name, schema in tool.input_schema["properties"].items():
                assert schema.get("description"), f"{tool.name} does not describe {name}"
        page = PAGE.read_text(encoding="utf-8")
        assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == names

    asyncio.run(main())


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("count", {}, "nothing answers at http://127.0.0.1:{port} (Connection refused); is the listener running?"),
        ("wait", {"query": "*", "seconds": 51}, "less than or equal to 50"),
        ("search", {"limit": 101}, "less than or equal to 100"),
        ("search", {"querry": "level:3"}, "querry\n  Extra inputs are not permitted"),
        ("aggregate", {"by": ["a", "b", "c"]}, "at most 2 items"),
    ],
)
def test_errors(tool: str, arguments: dict[str, Any], words: str) -> None:
    """An answer with the words, and the server goes on."""
    port = free_port()

    async def main() -> None:
        async with Client(make_server(Questions(Session(f"127.0.0.1:{port}")))) as client:
            for _ in range(2):
                result = await client.call_tool(tool, arguments)
                assert result.is_error
                assert words.format(port=port) in result.content[0].text  # type: ignore[union-attr]

    asyncio.run(main())


def test_without_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install."""
    for module in list(sys.modules):
        if module == "mcp" or module.startswith("mcp."):
            monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(sys, "meta_path", [Absent("mcp"), *sys.meta_path])
    with pytest.raises(ConfigError) as caught:
        make_server(Questions(Session("localhost:1")))
    assert str(caught.value) == (
        "the Model Context Protocol needs 'mcp', which is not installed; in the directory of gelf-listener's source: pip install '.[mcp]'"
    )


RECIPES = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)]
SERVERS = [next(iter(recipe.values()))["gelf-listener"] for recipe in RECIPES]


@pytest.mark.parametrize("server", [each for each in SERVERS if "command" in each])
def test_recipes_with_a_command(server: dict[str, Any]) -> None:
    """What the page has editors run is a command line of ours."""
    assert server["command"] == "gelf-listener"
    name, *arguments = server["args"]
    typer.main.get_command(app).commands[name].make_context(name, arguments)  # type: ignore[attr-defined]
    assert set(server.get("env", {})) <= {"GELF_API_TOKEN", "GELF_API_URL"}


@pytest.mark.parametrize("server", [each for each in SERVERS if "command" not in each])
def test_recipes_with_an_address(server: dict[str, Any]) -> None:
    """What the page has editors ask is our path, with a login that we take."""
    assert httpx.URL(server.get("url") or server["serverUrl"]).path == "/mcp"
    assert set(server) <= {"type", "url", "serverUrl", "headers"}
    assert server.get("headers", {"Authorization": "Bearer x"}).keys() == {"Authorization"}
