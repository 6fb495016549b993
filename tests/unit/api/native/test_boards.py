"""Boards and saved searches: made, changed, exported, imported, and configured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.api.boards import Collection
from gelf_listener.api.native.boards import BoardShape, BoardsShape
from gelf_listener.assembly import make_all
from gelf_listener.config import Config
from gelf_listener.errors import ConfigError
from tests.unit.api.native.asking import Client, Service, asking

CHECKOUT = {
    "name": "Checkout",
    "panels": [
        {"title": "p95", "by": ["time", "service"], "metric": ["p95:took_ms"]},
        {"title": "Failures", "show": "messages", "query": "level:<=3", "columns": ["service"]},
    ],
}


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalog of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


async def everything(client: Client) -> BoardsShape:
    answer = await client.get("/api/gelf/boards")
    assert answer.status_code == 200, answer.text
    return BoardsShape.model_validate(answer.json())


def test_make_change_delete() -> None:
    """A board keeps its id, by which it is linked."""

    async def main(service: Service, client: Client) -> None:
        made = BoardShape.model_validate((await client.post("/api/gelf/boards", json=CHECKOUT)).json())
        assert (made.name, made.configured, made.range.since) == ("Checkout", False, "1h")
        path = f"/api/gelf/boards/{made.id}"
        changed = await client.put(path, json=CHECKOUT | {"description": "of the shop", "range": {"since": "1d"}})
        assert changed.status_code == 200, changed.text
        assert (await client.get(path)).json() == changed.json()
        assert [each.description for each in (await everything(client)).boards] == ["of the shop"]
        assert (await client.delete(path)).json() == {"deleted": 1}
        for method in ("GET", "DELETE"):
            answer = await client.request(method, path)
            assert answer.status_code == 404
            assert made.id in answer.json()["message"]

    asking(main)


def test_searches() -> None:
    """One name is one search."""

    async def main(service: Service, client: Client) -> None:
        failures = {"name": " failures ", "query": "level:<=3", "columns": ["service"]}
        first = (await client.post("/api/gelf/searches", json=failures)).json()
        again = (await client.post("/api/gelf/searches", json=failures | {"range": {"from": "now/d"}})).json()
        assert again["id"] == first["id"]
        (found,) = (await everything(client)).searches
        assert (found.name, found.range.from_) == ("failures", "now/d")
        assert (await client.delete(f"/api/gelf/searches/{found.id}")).json() == {"deleted": 1}
        assert (await everything(client)).searches == []

    asking(main)


def test_as_a_file() -> None:
    """What was exported is the same when it is imported again, and replaces what has its name."""

    async def main(service: Service, client: Client) -> None:
        made = (await client.post("/api/gelf/boards", json=CHECKOUT)).json()
        await client.post("/api/gelf/boards", json={"name": "Other"})
        await client.post("/api/gelf/searches", json={"name": "failures", "query": "level:<=3"})
        file = await client.get("/api/gelf/boards/file")
        assert file.headers["content-disposition"] == 'attachment; filename="boards.json"'
        assert [each.name for each in Collection.model_validate(file.json()).boards] == ["Checkout", "Other"]
        one = (await client.get("/api/gelf/boards/file", params={"id": made["id"]})).json()
        assert ([each["name"] for each in one["boards"]], one["searches"]) == (["Checkout"], [])
        taken = await client.post("/api/gelf/boards/file", json=file.json())
        assert taken.json() == {"boards": 2, "searches": 1, "replaced": 3}
        assert (await client.get("/api/gelf/boards/file")).json() == file.json()
        assert len((await everything(client)).boards) == 2

    asking(main)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"name": ""}, "at least 1 character"),
        ({"name": "x", "panels": [{"query": "level:("}]}, "panels.[0].query: Value error, not a query"),
        ({"name": "x", "panels": [{"metric": ["p95"]}]}, "'p95' is not a figure"),
        ({"name": "x", "panels": [{"by": ["a", "b", "c"]}]}, "at most 2"),
        ({"name": "x", "panels": [{"show": "pie"}]}, "'heat'"),
        ({"name": "x", "panels": [{}] * 13}, "at most 12"),
        ({"name": "x", "panes": []}, "panes: Extra inputs"),
    ],
)
def test_what_is_refused(document: dict[str, Any], words: str) -> None:
    """With the place in the document; an imported file is taken whole or not at all."""

    async def main(service: Service, client: Client) -> None:
        answer = await client.post("/api/gelf/boards", json=document)
        assert answer.status_code == 400
        assert words in answer.json()["message"]
        answer = await client.post("/api/gelf/boards/file", json={"boards": [CHECKOUT, document]})
        assert answer.status_code == 400
        assert "boards.[1]" in answer.json()["message"]
        assert (await everything(client)).boards == []

    asking(main)


def test_as_many_as_there_may_be() -> None:
    """One more is refused, and one less makes room."""

    async def main(service: Service, client: Client) -> None:
        file = {"boards": [{"name": f"b{number}"} for number in range(100)]}
        assert (await client.post("/api/gelf/boards/file", json=file)).status_code == 200
        answer = await client.post("/api/gelf/boards", json={"name": "more"})
        assert answer.status_code == 400
        assert "delete some" in answer.json()["message"]
        found = (await everything(client)).boards
        await client.delete(f"/api/gelf/boards/{found[0].id}")
        assert (await client.post("/api/gelf/boards", json={"name": "more"})).status_code == 200

    asking(main)


def test_configured(tmp_path: Path) -> None:
    """They cannot be changed here; what is wrong later is told, and nothing else fails."""
    file = tmp_path / "boards" / "shop.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"boards": [CHECKOUT], "searches": [{"name": "failures"}]}), encoding="utf-8")

    async def main(service: Service, client: Client) -> None:
        found = await everything(client)
        assert [(each.id, each.configured) for each in found.boards] == [("configured-checkout", True)]
        assert [each.id for each in found.searches] == ["configured-failures"]
        one = await client.get("/api/gelf/boards/configured-checkout")
        assert one.json()["panels"][0]["title"] == "p95"
        for method, path in (("PUT", "boards/configured-checkout"), ("DELETE", "searches/configured-failures")):
            answer = await client.request(method, f"/api/gelf/{path}", json=CHECKOUT)
            assert answer.status_code == 403
            assert "from a file" in answer.json()["message"]
        file.write_text("{", encoding="utf-8")
        found = await everything(client)
        assert found.boards == []
        assert "shop.json' is not JSON" in str(found.problem)

    asking(main, boards=str(file.parent))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ('{"boards": [{"name": "x", "panels": [{"query": "("}]}]}', "boards.0.panels.0.query: not a query"),
        ('{"gelf_listener": 2}', "gelf_listener"),
        ('{"boards": [{"name": "A"}, {"name": "a"}]}', "'a' is there twice"),
        (None, "cannot be read"),
    ],
)
def test_what_is_wrong_in_a_file(tmp_path: Path, text: str | None, words: str) -> None:
    """The listener does not start with it, and `check` says so."""
    file = tmp_path / "boards.json"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=words.replace("(", r"\(")):
        make_all(Config.from_values({"inputs": [], "outputs": ["null:"], "boards": str(file)}, "test"))
