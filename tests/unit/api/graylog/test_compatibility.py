"""docs/graylog-compatibility.md lists the routes there are, and what it says is absent is."""

from __future__ import annotations

import re
from pathlib import Path

from gelf_listener.api.routes import make_api
from gelf_listener.config import Config
from gelf_listener.service import Service
from tests.unit.api.native.asking import Client, asking

PAGE = (Path(__file__).parents[4] / "docs" / "graylog-compatibility.md").read_text(encoding="utf-8")


def test_every_route_is_in_the_table() -> None:
    """And every row of it is a route."""
    paths = make_api(Service(Config())).openapi()["paths"]
    routes = {
        f"{method.upper()} {path}"
        for path, operations in paths.items()
        for method in operations
        if not path.startswith("/api/gelf/")
    }
    documented = re.findall(r"^\| `((?:GET|POST|PUT|DELETE) /[^`]*)` \| yes \|", PAGE, re.MULTILINE)
    assert len(documented) == len(set(documented))
    assert set(documented) == routes


ABSENT = re.findall(r"`(/api/[^`*]+)`", PAGE.partition("On purpose there are no")[2].partition("## Inputs")[0])


def test_what_is_absent() -> None:
    """404 with Graylog's body."""

    async def main(service: Service, client: Client) -> None:
        assert len(ABSENT) > 10
        for path in [*ABSENT, "/api/nope"]:
            if path.startswith("/api/gelf"):
                continue
            answer = await client.get(path)
            assert answer.status_code == 404, path
            assert answer.json() == {"type": "ApiError", "message": "HTTP 404 Not Found"}

    asking(main)
