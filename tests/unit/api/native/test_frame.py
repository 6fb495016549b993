"""The frame of the API: errors in Graylog's form, a description for machines, no store."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import APIRouter

from gelf_listener.api.routes import make_api
from gelf_listener.errors import QueryError, Retry
from tests.unit.api.native.asking import Client, Service, asking


@pytest.mark.parametrize(
    ("method", "path", "status", "type", "words"),
    [
        ("GET", "/api/no/such", 404, "ApiError", "HTTP 404 Not Found"),
        ("POST", "/api/gelf/stats", 405, "ApiError", "HTTP 405 Method Not Allowed"),
        ("GET", "/api/gelf/wait", 400, "RequestError", "query: Field required"),
        ("GET", "/api/gelf/wait?query=a:(&timeout=0", 400, "ApiError", "empty parentheses"),
        ("GET", "/api/gelf/search?since=nope", 503, "ApiError", "no store configured"),
    ],
)
def test_errors(method: str, path: str, status: int, type: str, words: str) -> None:
    """What Graylog's clients read."""

    async def main(service: Service, client: Client) -> None:
        answer = await client.request(method, path)
        assert answer.status_code == status
        assert answer.json()["type"] == type
        assert words in answer.json()["message"]

    asking(main)


def test_bodies_that_are_no_json() -> None:
    """Where it breaks off, as Graylog tells it; a body of another type is told what to send."""

    async def main(service: Service, client: Client) -> None:
        async def post(body: str, content_type: str = "application/json") -> tuple[int, dict[str, Any]]:
            headers = {"Content-Type": content_type}
            answer = await client.post("/api/system/metrics/multiple", content=body, headers=headers)
            return answer.status_code, answer.json()

        status, error = await post('{"metrics":\n  [}')
        assert (status, error["type"], error["line"], error["column"]) == (400, "RequestError", 2, 4)
        assert "the body is not JSON" in error["message"]
        status, error = await post('{"metrics": [1]}')
        assert (status, error["type"], error["path"]) == (400, "RequestError", "metrics.[0]")
        assert (await post("[1]"))[0] == (await post(""))[0] == (await post("[" * 100_000))[0] == 400
        status, error = await post('{"metrics": []}', "application/x-www-form-urlencoded")
        assert (status, error["type"]) == (415, "ApiError")
        assert "application/json" in error["message"]
        assert (await post('{"metrics": []}', "application/vnd.graylog.search.v2+json"))[0] == 200

    asking(main)


def test_what_a_route_may_raise() -> None:
    """A query's error has its line; a busy store is asked again later; our own mistakes keep their secrets."""
    import httpx

    router = APIRouter()

    @router.get("/query")
    async def query() -> None:
        raise QueryError("wrong", "a\nb (", 5)

    @router.get("/busy")
    async def busy() -> None:
        raise Retry("full")

    @router.get("/bug")
    async def bug() -> None:
        raise ValueError("a secret")

    async def main(service: Service, client: Client) -> None:
        api = make_api(service)
        api.include_router(router)
        transport = httpx.ASGITransport(api, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as other:
            answer = await other.get("/query")
            assert (answer.status_code, answer.json()["line"], answer.json()["column"]) == (400, 2, 3)
            answer = await other.get("/busy")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            answer = await other.get("/bug")
            assert answer.status_code == 500
            assert answer.json() == {"type": "ApiError", "message": "internal error: ValueError"}

    asking(main)


def test_openapi() -> None:
    """Every native route is described, with what it answers."""

    async def main(service: Service, client: Client) -> None:
        document = (await client.get("/api/openapi.json")).json()
        native = {path: methods for path, methods in document["paths"].items() if path.startswith("/api/gelf/")}
        assert len(native) >= 17
        for path, methods in native.items():
            for method, operation in methods.items():
                assert operation["description"], (path, method)
                if "204" in operation["responses"]:
                    assert "content" not in operation["responses"]["204"], path
                    continue
                content = operation["responses"]["200"]["content"]
                assert all(kind != "application/json" or schema["schema"] for kind, schema in content.items()), path
        assert "text/event-stream" in native["/api/gelf/live"]["get"]["responses"]["200"]["content"]

    asking(main)


def test_errors_are_described() -> None:
    """Graylog's bodies and not FastAPI's 422, which is never answered."""

    async def main(service: Service, client: Client) -> None:
        document = (await client.get("/api/openapi.json")).json()
        for path, methods in document["paths"].items():
            for operation in methods.values() if path.startswith("/api/gelf/") else ():
                assert "422" not in operation["responses"]
                schema = operation["responses"]["4XX"]["content"]["application/json"]["schema"]
                assert schema["$ref"].endswith("/ErrorBody")

    asking(main)
