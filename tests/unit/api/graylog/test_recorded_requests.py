"""246 requests to the REST API, one after the other, as Graylog 7.0.1 answered them: status, type, names and types."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import socket
import time
from typing import Any

import httpx

from gelf_listener.config import Config
from gelf_listener.service import Service
from tests.unit.api.graylog.recorded import EXCEPTED, entries, messages

ENTRIES = entries("rest")
USED = re.compile(r"<(session|token2|search|job|stream|stream2|stream3|ixset|input|port|msgid|froms|tos|from|to|hex)>")


INPUTS = ("gelf+udp", "gelf+tcp", "gelf+http", "syslog+udp", "syslog+tcp")
BETWEEN = {
    "lb text": [("PUT", "/api/system/lbstatus/override/alive")],
    "token gone": [("DELETE", "/api/users/local:admin/tokens/<token2>")],
    "stream put": [("POST", "/api/streams/<stream>/pause")],
}
"""What was asked before, and was kept apart from the set."""


class Replay:
    """
    Asks what was recorded, and remembers what later requests name.

    Args:
        client: Of the API.
        port: A free one, for an input.
    """

    def __init__(self, client: httpx.AsyncClient, port: int) -> None:
        now = time.time()
        start, end = (time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(now + shift)) for shift in (-7200, 60))
        self._client = client
        self._known: dict[str, Any] = {
            "from": start, "to": end, "froms": start[:-5].replace("T", " "), "tos": end[:-5].replace("T", " "),
            "hex": "5f2a9c0d1e2b3a4c5d6e7f80", "search": "5f2a9c0d1e2b3a4c5d6e7f80", "port": port,
            "ixset": "5f2a9c0d1e2b3a4c5d6e7f81", "stream3": "<stream3>",
        }  # fmt: skip

    async def ask(self, entry: dict[str, Any]) -> httpx.Response:
        headers = {"X-Requested-By": "test", "Authorization": "@admin:admin", "Accept": "application/json"}
        basic = dict(headers)
        headers |= entry.get("headers") or {}
        sent = self._sendable(headers)
        body, content = entry.get("body"), None
        if isinstance(body, str):
            content = body.encode()
        elif body is not None:
            content = json.dumps(self._with_numbers(body)).encode()
            sent.setdefault("Content-Type", "application/json")
        for method, missing in BETWEEN.get(entry["name"], ()):
            await self._client.request(method, self._filled(missing), headers=self._sendable(basic))
        path = self._filled(entry["path"]).replace(" ", "%20")
        answer = await self._client.request(entry["method"], path, content=content, headers=sent)
        self._learn(entry, answer)
        return answer

    def _sendable(self, headers: dict[str, Any]) -> dict[str, str]:
        sent = {name: self._filled(value) for name, value in headers.items() if value is not None}
        if sent.get("Authorization", "").startswith("@"):
            sent["Authorization"] = "Basic " + base64.b64encode(sent["Authorization"][1:].encode()).decode()
        return sent

    def _filled(self, text: str) -> str:
        return USED.sub(lambda match: str(self._known.get(match[1], match[0])), text)

    def _with_numbers(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._with_numbers(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._with_numbers(inner) for inner in value]
        if isinstance(value, str):
            return self._known["port"] if value == "<port>" else self._filled(value)
        return value

    def _learn(self, entry: dict[str, Any], answer: httpx.Response) -> None:
        try:
            answered = answer.json()
        except ValueError:
            return
        name = {"login": "session_id", "token make body": "token", "stream make": "stream_id", "input make": "id",
                "views exec": "id", "stream make entity": "stream_id"}.get(entry["name"])  # fmt: skip
        kept = {"login": "session", "token make body": "token2", "stream make": "stream", "input make": "input",
                "views exec": "job", "stream make entity": "stream2"}.get(entry["name"])  # fmt: skip
        if name and kept and isinstance(answered, dict) and name in answered:
            self._known[kept] = answered[name]
        if entry["name"] == "rel .json" and answered.get("messages"):
            self._known["msgid"] = answered["messages"][0]["message"]["_id"]


KINDS: dict[str, Any] = {
    "unit": lambda field: field["name"],
    "static_fields": lambda made: made["type"],
    "message_input": lambda state: state["message_input"]["type"],
}
"""Lists whose elements differ from server to server, by what their elements have, and what says which is which."""


def difference(recorded: Any, answered: Any, at: str = "") -> str:
    """Say how two documents differ in their names or types; nothing when they do not."""
    if isinstance(recorded, str) and recorded in ("<number>", "<port>"):
        return "" if isinstance(answered, int | float | str) else f"{at}: {answered!r} is not a number"
    if isinstance(recorded, dict) and isinstance(answered, dict):
        if list(recorded) == ["<node>"] and len(answered) == 1:
            recorded = dict(zip(answered, recorded.values(), strict=True))
        lacks, has = sorted(recorded.keys() - answered.keys()), sorted(answered.keys() - recorded.keys())
        if lacks or has:
            return f"{at}: lacks {lacks}, has {has}"
        found = (difference(value, answered[key], f"{at}.{key}") for key, value in recorded.items())
        return next(filter(None, found), "")
    if isinstance(recorded, list) and isinstance(answered, list):
        if at.endswith("search_types"):  # a set there
            recorded, answered = (sorted(each, key=lambda one: one["id"]) for each in (recorded, answered))
        if at.endswith("fields_entries"):  # so is this
            recorded, answered = (sorted(each, key=str) for each in (recorded, answered))
        kind = next(
            (each for each in KINDS if recorded and isinstance(recorded[0], dict) and each in recorded[0]), None
        )
        if kind is not None:  # of each kind one is compared
            recorded_by, answered_by = ({KINDS[kind](each): each for each in found} for found in (recorded, answered))
            both = sorted(recorded_by.keys() & answered_by.keys())
            assert both
            recorded, answered = ([found[key] for key in both] for found in (recorded_by, answered_by))
        pairs = zip(recorded, answered, strict=len(recorded) == len(answered))
        return next(filter(None, (difference(one, other, f"{at}[]") for one, other in pairs)), "")
    kinds = [
        "number" if isinstance(each, int | float) and not isinstance(each, bool) else type(each).__name__
        for each in (recorded, answered)
    ]
    return "" if kinds[0] == kinds[1] else f"{at}: {kinds[1]} {str(answered)[:60]}, not {kinds[0]}"


def judge(entry: dict[str, Any], answer: httpx.Response) -> str:
    """Say how an answer differs from the recorded one; nothing when it does not."""
    if answer.status_code != entry["status"]:
        return f"status {answer.status_code}, not {entry['status']}: {answer.text[:200]}"
    content_type = answer.headers.get("content-type", "").partition(";")[0] or None
    if content_type != entry.get("content_type"):
        return f"type {content_type}, not {entry.get('content_type')}: {answer.text[:100]}"
    if entry.get("answer") is None or entry["method"] == "HEAD":
        return ""
    return difference(entry["answer"], answer.json())


async def replay() -> dict[str, str]:
    config = {
        "inputs": [f"{scheme}://127.0.0.1:0" for scheme in INPUTS], "outputs": ["memory:"],
        "api": "127.0.0.1:0", "api_auth": "on", "api_password": "admin",
    }  # fmt: skip
    service = Service(Config.from_values(config, "test"))
    await service.start()
    try:
        assert service.store is not None
        await service.store.add(messages(300, time.time() - 5.0))
        async with httpx.AsyncClient(base_url=service.api_url, timeout=30) as client:
            asked = Replay(client, free_port())
            return {entry["name"]: judge(entry, await asked.ask(entry)) for entry in ENTRIES}
    finally:
        await service.close()


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def test_recorded() -> None:
    """Alike, but for what the page says is answered otherwise, with the reason; and nothing that is alike is said so."""
    found = {name: why for name, why in asyncio.run(replay()).items() if why}
    assert {name: why for name, why in found.items() if name not in EXCEPTED} == {}
    assert EXCEPTED & {entry["name"] for entry in ENTRIES} == found.keys()


def test_excepted() -> None:
    """The page names nothing that was not recorded."""
    recorded = {entry["name"] for kind in ("rest", "aggregate") for entry in entries(kind)}
    assert set(EXCEPTED) <= recorded
    assert len(EXCEPTED) < 35
