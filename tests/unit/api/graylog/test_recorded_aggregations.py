"""Aggregations and messages of the scripting API, as Graylog 7.0.1 answered them over 320 messages."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.api.graylog.recorded import EXCEPTED, alike, entries, messages, sorted_rows
from tests.unit.api.native.asking import Client, Service, asking
from tests.unit.conftest import Install

ENTRIES = entries("aggregate")
OTHER_STREAMS = ("group by streams", "gl2 fields")
"""Show the 150 streams that were there; the default stream is compared."""


@pytest.fixture(autouse=True)
def outputs(install: Install) -> None:
    install("tantivy", "tests.unit.api.native.asking:TantivyOutput")


async def answers(service: Service, client: Client) -> list[tuple[int, Any]]:
    assert service.store is not None
    await service.store.add(messages())
    found = []
    for entry in ENTRIES:
        answer = await client.post(entry["path"], json=entry["body"])
        found.append((answer.status_code, answer.json()))
    return found


@pytest.mark.parametrize("output", ["memory:", "tantivy:"])
def test_recorded(output: str) -> None:
    """The same status and the same answer, but for the order of messages that are sorted alike."""
    differ = {}
    for entry, (status, answered) in zip(ENTRIES, asking(answers, outputs=[output]), strict=True):
        name, recorded = entry["name"], entry["answer"]
        if status != entry["status"]:
            differ[name] = f"status {status}: {answered}"
        elif status == 200:
            why = difference(entry, recorded, answered)
            differ |= {name: why} if why else {}
        elif not isinstance(recorded, list) and recorded.keys() != answered.keys():
            differ[name] = str(answered)
    assert {name: why for name, why in differ.items() if name not in EXCEPTED} == {}
    assert set(differ) == {entry["name"] for entry in ENTRIES if entry["name"] in EXCEPTED}, "not excepted any more"


def difference(entry: dict[str, Any], recorded: dict[str, Any], answered: dict[str, Any]) -> str:
    """Say how an answer differs; nothing when it does not."""
    if not alike(recorded["schema"], answered["schema"]):
        return f"schema {answered['schema']}"
    rows = answered["datarows"]
    if recorded.get("<too long>"):
        return "" if alike(recorded.get("first", rows[:3]), rows[:3]) else f"rows {rows[:3]}"
    if entry["name"] in OTHER_STREAMS:
        return (
            ""
            if alike(*([row for row in each if "Default Stream" in row] for each in (recorded["datarows"], rows)))
            else f"rows {rows}"
        )
    if not alike(recorded["metadata"], answered["metadata"]):
        return f"metadata {answered['metadata']}"
    if alike(recorded["datarows"], rows):
        return ""
    sort = entry["body"].get("sort")
    fields = entry["body"].get("fields", [])
    if sort in fields and sorted_rows(recorded["datarows"]) == sorted_rows(rows):
        at = fields.index(sort)
        if [row[at] for row in recorded["datarows"]] == [row[at] for row in rows]:
            return ""
    return f"rows {rows}"
