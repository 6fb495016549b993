"""Alerts over the API: made, changed, silenced, removed; those of the configuration only shown."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.api.native.shapes.alerts import AlertShape, AlertsShape, AlertTrial
from tests.unit.api.native.asking import Client, Service, add, asking, logged

CONFIGURED = {"name": "configured", "none": True, "to": ["console:"]}
ERRORS = {"name": "errors", "query": "level:error", "more_than": 0, "window": "31d"}


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalog is in a directory of the test."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


async def ask(client: Client, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    answer = await client.request(method, f"/api/gelf/alerts{path}", json=body, headers={"X-Requested-By": "test"})
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


def test_made_changed_and_removed(storing: str) -> None:
    async def main(service: Service, client: Client) -> None:
        found = AlertsShape.model_validate(await ask(client, "GET", ""), strict=True)
        assert [(each.name, each.configured, each.state) for each in found.alerts] == [("configured", True, "ok")]
        assert found.destinations == sorted(["console:", "ops", storing])
        made = AlertShape.model_validate(await ask(client, "PUT", "/errors", ERRORS | {"to": ["ops"]}), strict=True)
        assert (made.condition, made.state, made.since, made.configured) == ("more than 0 in 31d", "ok", None, False)
        assert made.definition["to"] == ["ops"]
        changed = await ask(client, "PUT", "/errors", ERRORS | {"more_than": 5})
        assert changed["condition"] == "more than 5 in 31d"
        silenced = await ask(client, "POST", "/errors/silence", {"duration": "2h"})
        assert silenced["state"] == "silenced"
        assert (await ask(client, "POST", "/errors/silence", {}))["silenced_until"] is None
        assert await ask(client, "DELETE", "/errors", status=204) is None
        await ask(client, "GET", "/errors", status=404)
        await ask(client, "DELETE", "/errors", status=404)
        await ask(client, "POST", "/errors/silence", {}, status=404)

    asking(main, outputs=[storing], alerts=[CONFIGURED], destinations=["console:?name=ops"])


def test_what_cannot_be_made(storing: str) -> None:
    """Addresses through the API would let whoever may ask it write anywhere."""

    async def main(service: Service, client: Client) -> None:
        for name, body, status, text in (
            ("a", ERRORS, 400, "the path says 'a'"),
            ("errors", ERRORS | {"to": ["file:///tmp/x"]}, 400, "there is no destination or output"),
            ("errors", ERRORS | {"query": "("}, 400, "query"),
            ("errors", {"name": "errors"}, 400, "give one of"),
            ("configured", CONFIGURED | {"to": []}, 409, "made by the configuration"),
        ):
            assert text in (await ask(client, "PUT", f"/{name}", body, status))["message"]
        assert "configuration" in (await ask(client, "DELETE", "/configured", status=409))["message"]

    asking(main, outputs=[storing], alerts=[CONFIGURED])


def test_tried_out(storing: str) -> None:
    """What it would find; nothing is kept."""

    async def main(service: Service, client: Client) -> None:
        await add(service, logged("x", time.time() - 1_700_000_000.0, level=3, version="2"))
        found = AlertTrial.model_validate(await ask(client, "POST", "/try", ERRORS), strict=True)
        assert (found.holds, found.figure, found.condition) == (True, 1, "more than 0 in 31d")
        fresh = {"name": "v", "new_value_of": "version", "window": "1h"}
        assert (await ask(client, "POST", "/try", fresh))["values"] == ["2"]
        assert (await ask(client, "GET", ""))["alerts"] == []

    asking(main, outputs=[storing])
    asking(lambda _, client: ask(client, "POST", "/try", ERRORS, 503), outputs=["null:"])
