"""What the listener does, who sends, and what it could not understand."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gelf_listener.api.native.shapes.listener import SendersShape, StatsShape
from gelf_listener.api.native.shapes.messages import RejectedPage
from gelf_listener.errors import Reason, Rejected
from gelf_listener.figures import output_figures
from gelf_listener.message import Peer
from tests.unit.api.native.asking import Client, Service, asking
from tests.unit.fakes import message


def rejections() -> list[Rejected]:
    return [
        Rejected(
            Reason.INVALID_JSON, "no JSON", b"\xffold", peer=Peer("192.0.2.1", 5), input="udp", received_at=1000.0
        ),
        Rejected(Reason.EMPTY_HOST, "no host", b"{}", peer=Peer("::1", 6), input="tcp", received_at=2000.0),
        Rejected(Reason.INVALID_JSON, "no JSON", b"x" * 5000, input="tcp", received_at=3000.0),
    ]


def test_rejected() -> None:
    """Newest first, with all that is known; the payload as it can be shown."""

    async def main(service: Service, client: Client) -> None:
        for each in rejections():
            service.pipeline.reject(each)
        answer = await client.get("/api/gelf/rejected")
        assert answer.status_code == 200
        page = RejectedPage.model_validate(answer.json(), strict=True)
        assert (page.total, page.kept, page.by_reason) == (3, 3, {"invalid_json": 2, "empty_host": 1})
        assert [each.received_at for each in page.rejected] == [3000, 2000, 1000]
        newest, middle, oldest = page.rejected
        assert (newest.payload_bytes, len(newest.payload_hex), newest.peer) == (5000, 2048, None)
        assert (middle.peer, middle.reason, middle.detail, middle.input) == ("[::1]:6", "empty_host", "no host", "tcp")
        assert (oldest.payload_hex, oldest.payload_text) == ("ff6f6c64", "\ufffdold")

    asking(main)


@pytest.mark.parametrize(
    ("query", "times"),
    [
        ("reason=invalid_json", [3000, 1000]),
        ("input=tcp", [3000, 2000]),
        ("sender=192.0.2.1", [1000]),
        ("since=1970-01-01T00:30:00Z", [3000, 2000]),
        ("since=2000.0", [3000, 2000]),
        ("since=1h", []),
        ("limit=1&offset=1", [2000]),
        ("limit=0", []),
    ],
)
def test_filters_of_rejected(query: str, times: list[float]) -> None:
    """Each leaves some out; the counts stay those of all."""

    async def main(service: Service, client: Client) -> None:
        for each in rejections():
            service.pipeline.reject(each)
        found = (await client.get(f"/api/gelf/rejected?{query}")).json()
        assert [each["received_at"] for each in found["rejected"]] == times
        assert found["total"] == 3

    asking(main)


@pytest.mark.parametrize("query", ["reason=nope", "limit=x", "limit=1001", "since=nope", "offset=-1"])
def test_mistakes(query: str) -> None:
    """400, in Graylog's form."""

    async def main(service: Service, client: Client) -> None:
        answer = await client.get(f"/api/gelf/rejected?{query}")
        assert answer.status_code == 400
        assert answer.json()["type"] in ("ApiError", "RequestError")
        assert query.partition("=")[0] in answer.json()["message"]

    asking(main)


def test_stats() -> None:
    """Inputs, outputs, rejections, watchers."""

    async def main(service: Service, client: Client) -> Any:
        name = service.inputs[0].name
        service.pipeline.accept([message(input=name), message(input=name)], 10)
        service.pipeline.reject(Rejected(Reason.INVALID_JSON, "", b"", input=name))
        service.throughput.sample()
        with service.live.subscribe(lambda _: True):
            answer = await client.get("/api/gelf/stats")
        assert answer.status_code == 200
        stats = StatsShape.model_validate(answer.json(), strict=True)
        assert (stats.messages, stats.bytes, stats.rejected, stats.watchers, stats.senders) == (2, 10, 1, 1, 2)
        assert stats.messages_per_second > 0
        (input,) = stats.inputs
        assert (input.name, input.messages, input.rejected_by_reason) == (name, 2, {"invalid_json": 1})
        assert "kernel_drops_total" in input.counters
        assert input.listening[0].startswith("gelf+udp://127.0.0.1:")
        (output,) = stats.outputs
        assert (output.name, output.error, output.dropped) == ("null:", None, 0)
        assert stats.store is None
        assert 0 <= stats.uptime_seconds < 60

    asking(main, inputs=["gelf+udp://127.0.0.1:0"], api="127.0.0.1:0")


def test_a_failing_output() -> None:
    """Since when, and why."""

    async def main(service: Service, client: Client) -> None:
        runner = service.pipeline.runners[0]
        runner.failing_since, runner.last_error = 1000.0, "disk full"
        (output,) = (await client.get("/api/gelf/stats")).json()["outputs"]
        assert (output["failing_since"], output["error"]) == (1000.0, "disk full")
        runner.failing_since = None
        (output,) = (await client.get("/api/gelf/stats")).json()["outputs"]
        assert (output["error"], output["last_error"]) == (None, "disk full")

    asking(main)


def test_trying_an_output_again() -> None:
    """Ends its pause; an output that is not there is told of."""

    async def main(service: Service, client: Client) -> None:
        runner = service.pipeline.runners[0]
        runner.failing_since = 1000.0
        pause = asyncio.create_task(runner._back_off(60))
        while output_figures(runner).circuit != "open":
            await asyncio.sleep(0)
        (output,) = (await client.get("/api/gelf/stats")).json()["outputs"]
        assert (output["circuit"], output["next_try_at"] > 1e9) == ("open", True)
        answer = await client.post("/api/gelf/outputs/null:/retry", headers={"X-Requested-By": "test"})
        assert (answer.status_code, answer.json()) == (200, {"name": "null:", "circuit": "open"})
        await asyncio.wait_for(pause, 5)
        answer = await client.post("/api/gelf/outputs/kafka/retry", headers={"X-Requested-By": "test"})
        assert (answer.status_code, "no output is called 'kafka'" in answer.text) == (404, True)

    asking(main)


def test_senders() -> None:
    """By host and address."""

    async def main(service: Service, client: Client) -> None:
        service.pipeline.accept([message(), message()], 10)
        service.pipeline.reject(rejections()[0])
        answer = await client.get("/api/gelf/senders")
        page = SendersShape.model_validate(answer.json(), strict=True)
        assert [(each.host, each.address, each.messages, each.rejected) for each in page.senders] == [
            ("host", "192.0.2.7", 2, 0),
            ("", "192.0.2.1", 0, 1),
        ]
        assert len((await client.get("/api/gelf/senders?limit=1")).json()["senders"]) == 1
        assert page.conflicts == []
        service.pipeline.accept([message(_fields={"user": 5}), message(_fields={"user": "x"})], 10)
        page = SendersShape.model_validate((await client.get("/api/gelf/senders")).json(), strict=True)
        assert [(each.field, each.kept, each.lost, each.messages) for each in page.conflicts] == [
            ("user", "a number", "a text", 1)
        ]

    asking(main, api="127.0.0.1:0")


def test_without_an_api_nobody_counts() -> None:
    """What is not shown costs nothing."""

    async def main(service: Service, client: Client) -> None:
        assert service.pipeline.taps == []
        assert service.pipeline.rejections.taps == []

    asking(main)
