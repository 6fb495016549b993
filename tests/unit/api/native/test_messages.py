"""One message with everything, its neighbours, and deleting."""

from __future__ import annotations

import base64
import time

import pytest

from gelf_listener.api.native.shapes.messages import MessageDetail, Surrounding
from gelf_listener.codec.batch import Batch
from gelf_listener.codec.gelf.decoder import GelfDecoder
from gelf_listener.message import Message, Peer
from tests.unit.api.native.asking import Client, Service, add, asking, logged


def decoded(payload: bytes) -> Message:
    batch = Batch()
    GelfDecoder("lenient", "udp").decode(payload, time.time(), Peer("192.0.2.1", 9), batch)
    return batch.messages[0]


def test_everything(storing: str) -> None:
    """Types, the payload byte by byte, deviations, and what Graylog would do."""
    payload = b'{"version":"1.0","host":"web","message":"h\xc3\xbc","_n":1.5,"_b":true,"_s":"x"}'

    async def main(service: Service, client: Client) -> None:
        (id,) = await add(service, decoded(payload))
        answer = await client.get(f"/api/gelf/messages/{id}")
        assert answer.status_code == 200
        found = MessageDetail.model_validate(answer.json())
        assert found.id == id
        assert found.types["s"] == "string"
        assert found.types["n"] == "number"
        assert base64.b64decode(found.raw_base64) == payload
        assert found.raw_bytes == len(payload)
        assert "h\xfc" in found.raw_text
        assert {note.deviation for note in found.notes} >= {"version"}
        assert all(note.graylog and note.advice and note.cause and note.text for note in found.notes)
        assert found.graylog is not None
        assert found.graylog.graylog_messages[0].host == "web"
        assert not found.graylog.clean

    asking(main, outputs=[storing])


@pytest.mark.parametrize(
    ("inputs", "input", "raw", "judged"),
    [
        ([], "syslog", b"<13>1 2026-11-29T12:00:00Z web app - - - hi", False),
        ([], "http", b"name=root&msg=hi&levelno=20", False),  # /logrecord of a GELF input
        (["syslog+udp://127.0.0.1:0?name=in"], "in", b'{"version":"1.1","host":"h","short_message":"x"}', False),
        (["gelf+udp://127.0.0.1:0?name=in"], "in", b'{"version":"1.1","host":"h","short_message":"x"}', True),
        ([], "gone", b'{"version":"1.1","host":"h","short_message":"x"}', True),
    ],
)
def test_judged_by_the_way_it_came(storing: str, inputs: list[str], input: str, raw: bytes, judged: bool) -> None:
    """What a Graylog makes of GELF is said of GELF only: a syslog message that is stored is not wrong."""

    async def main(service: Service, client: Client) -> None:
        message = Message(1.7e9, "web", "hi", None, 6, raw, 1.7e9, input, Peer("192.0.2.7", 4), _fields={})
        (id,) = await add(service, message)
        found = MessageDetail.model_validate((await client.get(f"/api/gelf/messages/{id}")).json())
        assert (found.graylog is not None) == judged

    asking(main, inputs=inputs, outputs=[storing])


@pytest.mark.parametrize("path", ["nope", "01KARM4N7Q00000000J9B2K4T6", "nope/surrounding"])
def test_no_such_message(storing: str, path: str) -> None:
    async def main(service: Service, client: Client) -> None:
        answer = await client.get(f"/api/gelf/messages/{path}")
        assert answer.status_code == 404
        assert answer.json()["type"] == "ApiError"

    asking(main, outputs=[storing])


def test_surrounding(storing: str) -> None:
    """Nearest on both sides, oldest first, those of the same timestamp by receipt; other sources stay out."""

    async def main(service: Service, client: Client) -> None:
        messages = [logged(str(number), number // 3, request="r" if number % 2 else "s") for number in range(12)]
        ids = await add(service, *messages, logged("other", 1, host="db"))

        async def around(number: int, query: str = "") -> tuple[list[str], list[str]]:
            answer = await client.get(f"/api/gelf/messages/{ids[number]}/surrounding{query}")
            found = Surrounding.model_validate(answer.json(), strict=True)
            return [each.short_message for each in found.before], [each.short_message for each in found.after]

        assert await around(4, "?before=2&after=3") == (["2", "3"], ["5", "6", "7"])
        assert await around(0, "?after=1") == ([], ["1"])
        assert await around(11, "?before=1") == (["10"], [])
        assert await around(5, "?before=0&after=0") == ([], [])
        assert await around(4, "?field=request&before=1&after=1") == (["2"], ["6"])
        assert await around(4, "?seconds=0.5") == (["3"], ["5"])
        answer = await client.get(f"/api/gelf/messages/{ids[0]}/surrounding?field=nope")
        assert (answer.status_code, "no field 'nope'" in answer.json()["message"]) == (400, True)

    asking(main, outputs=[storing])


@pytest.mark.parametrize(
    ("value", "other"), [(True, False), (42, 43), (1.5, 2), ("a b:c", "a b"), ("", "x"), ("NOT", "a")]
)
def test_surrounding_by_values_of_any_kind(storing: str, value: object, other: object) -> None:
    """A text with blanks and operators, too."""

    async def main(service: Service, client: Client) -> None:
        ids = await add(service, logged("a", 0, f=value), logged("b", 1, f=other), logged("c", 2, f=value))
        found = (await client.get(f"/api/gelf/messages/{ids[0]}/surrounding?field=f")).json()
        assert found["value"] == value
        assert [each["short_message"] for each in found["after"]] == ["c"]

    asking(main, outputs=[storing])


def test_delete(storing: str) -> None:
    """What matches, in the time that is given, and only when a query is given."""

    async def main(service: Service, client: Client) -> None:
        await add(service, logged("a", 0), logged("b", 10), logged("c", 20, host="db"))
        for slip in ("", "?query=", "?query=%20", "?query=a:(", "?query=*&until=1700000005"):
            assert (await client.delete("/api/gelf/messages" + slip)).status_code == 400, slip
        answer = await client.delete("/api/gelf/messages", params={"query": "source:web", "to": "1700000005"})
        assert answer.json() == {"deleted": 1}
        answer = await client.delete("/api/gelf/messages?query=*")
        assert answer.json() == {"deleted": 2}

    asking(main, outputs=[storing])
