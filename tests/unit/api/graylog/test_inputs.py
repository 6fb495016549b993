"""Inputs made through the API: really open, kept over reloads and restarts."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from gelf_listener.config import Config
from tests.unit.api.native.asking import Client, Service, asking

GELF_UDP = "org.graylog2.inputs.gelf.udp.GELFUDPInput"
GELF_TCP = "org.graylog2.inputs.gelf.tcp.GELFTCPInput"
GELF_HTTP = "org.graylog2.inputs.gelf.http.GELFHttpInput"
SYSLOG_UDP = "org.graylog2.inputs.syslog.udp.SyslogUDPInput"
SYSLOG_TCP = "org.graylog2.inputs.syslog.tcp.SyslogTCPInput"

CONFIG: dict[str, Any] = {"api": "127.0.0.1:0"}


def request(type: str = GELF_UDP, **configuration: Any) -> dict[str, Any]:
    configured = {"bind_address": "127.0.0.1", "port": 0, "recv_buffer_size": 262144, "number_worker_threads": 2}
    return {"title": "mine", "type": type, "global": True, "configuration": configured | configuration}


async def create(client: Client, body: dict[str, Any]) -> str:
    answer = await client.post("/api/system/inputs", json=body)
    assert answer.status_code == 201, answer.text
    id: str = answer.json()["id"]
    return id


async def state(client: Client, id: str) -> str:
    answer = await client.get(f"/api/system/inputstates/{id}")
    found: str = answer.json()["state"]
    return found


@pytest.mark.parametrize("type", [GELF_UDP, GELF_TCP, GELF_HTTP, SYSLOG_UDP, SYSLOG_TCP])
def test_a_created_input_is_open(type: str) -> None:
    """What is sent to its port arrives, under its id."""

    async def main(service: Service, client: Client) -> None:
        id = await create(client, request(type))
        shown = (await client.get(f"/api/system/inputs/{id}")).json()
        assert (shown["title"], shown["type"], shown["global"]) == ("mine", type, True)
        port = shown["attributes"]["port"]
        gelf = b'{"version":"1.1","host":"h","short_message":"hi"}'
        payload = gelf if "gelf" in type else b"<13>Oct 11 22:14:15 h app: hi"
        if type.endswith("UDPInput"):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(payload, ("127.0.0.1", port))
        else:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            head = b"POST /gelf HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(gelf)
            writer.write(head + gelf if type == GELF_HTTP else payload + b"\n\0"[: 2 if "gelf" in type else 1])
            await writer.drain()
        for _ in range(300):
            if service.pipeline.messages[id]:
                break
            await asyncio.sleep(0.01)
        assert service.pipeline.messages[id] == 1
        if not type.endswith("UDPInput"):
            writer.close()

    asking(main, **CONFIG)


def test_life_of_an_input() -> None:
    """Stopped, started, changed, deleted; each time its port is closed or open."""

    async def main(service: Service, client: Client) -> None:
        id = await create(client, request(GELF_TCP))
        assert await state(client, id) == "RUNNING"
        assert (await client.delete(f"/api/system/inputstates/{id}")).json() == {"id": id}
        assert await state(client, id) == "STOPPED"
        assert service.inputs == []
        assert (await client.put(f"/api/system/inputstates/{id}")).json() == {"id": id}
        assert await state(client, id) == "RUNNING"
        changed = await client.put(f"/api/system/inputs/{id}", json=request(GELF_UDP) | {"title": "other"})
        assert (changed.status_code, changed.json()) == (201, {"id": id})
        assert service.inputs[0].listening[0].startswith("gelf+udp://127.0.0.1:")
        assert (await client.get("/api/system/inputs")).json()["inputs"][0]["title"] == "other"
        assert (await client.delete(f"/api/system/inputs/{id}")).status_code == 204
        assert service.inputs == []
        assert (await client.get("/api/system/inputs")).json() == {"inputs": [], "total": 0}

    asking(main, **CONFIG)


def test_reload_and_restart() -> None:
    """A reload leaves it alone; the next process opens it again, unless it was stopped."""

    async def make(service: Service, client: Client) -> tuple[str, str]:
        kept, stopped = await create(client, request()), await create(client, request())
        await client.delete(f"/api/system/inputstates/{stopped}")
        (before,) = service.inputs
        values = {"inputs": ["gelf+udp://127.0.0.1:0"], "outputs": ["null:"], **CONFIG}
        await service.reload(Config.from_values(values, "test"))
        assert service.inputs[0] is before
        assert len(service.inputs) == 2
        return kept, stopped

    async def look(service: Service, client: Client) -> None:
        assert [input.name for input in service.inputs] == [kept]
        assert (await state(client, kept), await state(client, stopped)) == ("RUNNING", "STOPPED")

    kept, stopped = asking(make, **CONFIG)
    asking(look, **CONFIG)


def test_a_port_that_is_taken() -> None:
    """201, as in Graylog; the state says that it failed, and why."""

    async def main(service: Service, client: Client) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            id = await create(client, request(GELF_TCP, port=taken.getsockname()[1]))
            found = (await client.get(f"/api/system/inputstates/{id}")).json()
            assert found["state"] == "FAILED"
            assert "in use" in found["detailed_message"]
        await client.put(f"/api/system/inputstates/{id}")
        assert await state(client, id) == "RUNNING"

    asking(main, **CONFIG)


def test_configured_inputs() -> None:
    """They are shown, under Graylog's names for them, and cannot be changed here."""

    async def main(service: Service, client: Client) -> None:
        (shown,) = (await client.get("/api/system/inputs")).json()["inputs"]
        assert (shown["type"], shown["name"], shown["node"], shown["global"]) == (GELF_UDP, "GELF UDP", None, True)
        assert shown["attributes"]["port"] == int(service.inputs[0].listening[0].rpartition(":")[2])
        (found,) = (await client.get("/api/system/inputstates")).json()["states"]
        assert found["state"] == "RUNNING"
        for method, path in (("DELETE", "inputs"), ("DELETE", "inputstates"), ("PUT", "inputstates")):
            answer = await client.request(method, f"/api/system/{path}/{shown['id']}")
            assert (answer.status_code, answer.json()["type"]) == (403, "ApiError")
        assert len(service.inputs) == 1

    asking(main, inputs=["gelf+udp://127.0.0.1:0"], **CONFIG)


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (request("org.graylog2.inputs.raw.udp.RawUDPInput"), 404, "no input type"),
        (request(port=70000), 400, "port"),
        (request() | {"configuration": {"bind_address": "127.0.0.1"}}, 400, "port missing"),
        (request() | {"configuration": {}}, 400, "bind_address, port missing"),
        (request(port="x"), 400, "port"),
        (request(override_source="me"), 400, "override_source"),
        (request(tls_enable=True), 400, "no TLS"),
        (request(GELF_TCP, tls_enable=True), 400, "cert"),
        (request(GELF_TCP, max_message_size="many"), 400, "max_frame_bytes"),
        ({"title": "t"}, 400, "type"),
    ],
)
def test_errors(body: dict[str, Any], status: int, text: str) -> None:
    """What is wrong is told, and nothing is opened."""

    async def main(service: Service, client: Client) -> None:
        answer = await client.post("/api/system/inputs", json=body)
        assert answer.status_code == status, answer.text
        assert text in answer.text
        assert (await client.get("/api/system/inputs")).json()["total"] == 0
        assert (await client.get("/api/system/inputs/nope")).status_code == 404

    asking(main, **CONFIG)


def test_types() -> None:
    """Which can be made, and with which options."""

    async def main(service: Service, client: Client) -> None:
        types = (await client.get("/api/system/inputs/types")).json()["types"]
        assert types[GELF_UDP] == "GELF UDP"
        every = (await client.get("/api/system/inputs/types/all")).json()
        assert set(every) == set(types)
        one = (await client.get(f"/api/system/inputs/types/{SYSLOG_TCP}")).json()
        assert one == every[SYSLOG_TCP]
        assert one["requested_configuration"]["port"]["default_value"] == 514

    asking(main, **CONFIG)
