"""Judging queries and payloads, and taking a file in: what needs no store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gelf_listener.api.native.shapes.messages import Imported, LintShape, Validity
from gelf_listener.message import Message
from tests.unit.api.native.asking import Client, Service, add, asking, logged


@pytest.mark.parametrize(
    ("query", "error", "line", "column"),
    [
        ("level:(3", True, 1, 7),
        ("a\nb:(", True, 2, 4),
        ("level:3", False, None, None),
        ("", False, None, None),
    ],
)
def test_validate(query: str, error: bool, line: int | None, column: int | None) -> None:
    """Where it is wrong; 200 either way, for the question was answered."""

    async def main(service: Service, client: Client) -> None:
        answer = await client.post("/api/gelf/validate", params={"query": query})
        assert answer.status_code == 200
        found = Validity.model_validate(answer.json(), strict=True)
        assert (found.valid, bool(found.error), found.line, found.column) == (not error, error, line, column)
        assert (found.normalised is None) is error

    asking(main)


def test_hints() -> None:
    """What is allowed but probably not meant."""

    async def main(service: Service, client: Client) -> None:
        found = (await client.post("/api/gelf/validate", params={"query": "_missing_:x"})).json()
        assert found["valid"]
        assert found["hints"][0]["column"] == 1
        assert "_exists_" in found["hints"][0]["text"]

    asking(main)


def test_what_a_graylog_would_find(storing: str) -> None:
    """Counted among what is stored; where it is as many there is nothing to say."""

    async def main(service: Service, client: Client) -> None:
        await add(service, logged("paid", user="alice"), logged("alice", n=5), logged("5 paid"))

        async def hints(query: str, **more: str) -> list[str]:
            answer = await client.post("/api/gelf/validate", params={"query": query, "compare": "true", **more})
            return [hint["text"] for hint in answer.json()["hints"]]

        (words,) = await hints("nobody alice")
        assert words.endswith("write OR between them (1 of what is stored match there, 2 here)")
        assert await hints("paid nobody") == []
        assert await hints("nobody alice", compare="false") == []
        assert await hints("nobody alice", meaning="graylog") == []
        (refused,) = await hints("n:-5")
        assert refused.startswith("a real Graylog refuses this")
        answer = await client.post("/api/gelf/validate", params={"query": "n:-5", "meaning": "graylog"})
        assert (answer.json()["valid"], answer.json()["column"]) == (False, 3)

    asking(main, outputs=[storing])


def test_what_a_graylog_would_find_without_a_store() -> None:
    """Why it may differ is all that is known."""

    async def main(service: Service, client: Client) -> None:
        answer = await client.post("/api/gelf/validate", params={"query": "paid nobody", "compare": "true"})
        assert "one text" in answer.json()["hints"][0]["text"]

    asking(main)


def test_lint() -> None:
    """Notes, what is made of it here, and what Graylog does; bytes of any kind."""

    async def main(service: Service, client: Client) -> None:
        answer = await client.post("/api/gelf/lint", content=b'{"version":"1.0","host":"a","message":"hi"}')
        verdict = LintShape.model_validate(answer.json(), strict=True)
        assert not verdict.clean
        assert verdict.messages[0].short_message == "hi"
        assert verdict.graylog_messages[0].short_message == "hi"
        assert {note.deviation for note in verdict.notes} >= {"version"}
        assert verdict.text
        answer = await client.post("/api/gelf/lint", content=b"no JSON")
        verdict = LintShape.model_validate(answer.json(), strict=True)
        assert verdict.messages == []
        assert verdict.rejected[0].payload_text == "no JSON"
        assert verdict.graylog_rejected
        good = b'{"version":"1.1","host":"a","short_message":"hi","timestamp":1700000000.5,"level":6}'
        assert (await client.post("/api/gelf/lint", content=good)).json()["clean"]

    asking(main)


def collect(service: Service) -> list[Message]:
    taken: list[Message] = []
    service.pipeline.taps.append(taken.extend)
    return taken


def test_import() -> None:
    """Lines in any pieces, with or without the last line end; what is not a message is counted and kept."""

    async def pieces() -> AsyncIterator[bytes]:
        whole = b'{"short_message":"a","host":"h"}\n\n{"short_message":"b","host":"h","_n":1}\r\nnonsense\n{"short_message":"c","host":"h"}'
        for start in range(0, len(whole), 7):
            yield whole[start : start + 7]

    async def main(service: Service, client: Client) -> None:
        taken = collect(service)
        answer = await client.post("/api/gelf/import", content=pieces())
        assert answer.status_code == 200
        found = Imported.model_validate(answer.json(), strict=True)
        assert (found.messages, found.rejected, found.reasons) == (3, 1, {"invalid_json": 1})
        assert [message.short_message for message in taken] == ["a", "b", "c"]
        assert {message.input for message in taken} == {"import"}
        assert service.pipeline.messages["import"] == 3
        assert service.pipeline.rejections.total == 1

    asking(main)


def test_a_line_without_end() -> None:
    """413; what came before was taken, and that is said."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"short_message":"a","host":"h"}\n'
        for _ in range(9):
            yield b"x" * 1024 * 1024

    async def main(service: Service, client: Client) -> None:
        taken = collect(service)
        answer = await client.post("/api/gelf/import", content=pieces())
        assert answer.status_code == 413
        assert "1 messages were taken" in answer.json()["message"]
        assert len(taken) == 1

    asking(main)


def test_import_waits_for_room() -> None:
    """As other senders do, while an output falls behind."""

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(5):
            yield b'{"short_message":"%d","host":"h"}\n' % number

    async def main(service: Service, client: Client) -> None:
        taken = collect(service)
        runner = service.pipeline.runners[0]
        runner._task.cancel()  # type: ignore[union-attr]  # nobody writes
        task = asyncio.ensure_future(client.post("/api/gelf/import", content=pieces()))
        done, _ = await asyncio.wait([task], timeout=0.2)
        assert not done
        assert len(taken) == 2, "crowded is an eighth of sixteen"
        while runner.buffer.take(100):
            service.pipeline.made_room()
            await asyncio.sleep(0.01)
        assert (await task).json()["messages"] == 5

    asking(main, outputs=["null:?max_buffer_messages=16"])


def test_import_into_a_buffer_that_fails() -> None:
    """503: the client may send it again."""

    async def main(service: Service, client: Client) -> None:
        service.pipeline.when_safe = lambda callback: callback("disk full")  # type: ignore[method-assign]
        answer = await client.post("/api/gelf/import", content=b'{"short_message":"a","host":"h"}')
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "disk full" in answer.json()["message"]

    asking(main)
