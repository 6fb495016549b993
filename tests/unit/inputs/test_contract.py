"""What every input must do, done by ours."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import socket
import ssl
import struct
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import msgpack
import pytest
import trustme
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from gelf_listener.inputs import Input
from gelf_listener.plugins import INPUT_GROUP, load
from gelf_listener.testing.contracts import InputContract
from tests.unit.inputs.clients import exchange, post, send_datagrams, send_stream
from tests.unit.inputs.grpc_client import call, framed
from tests.unit.inputs.loki_requests import pushed, snap

_PICKLE = pickle.dumps({"msg": "hello"}, 1)


class Certificates(NamedTuple):
    server: Path
    client: ssl.SSLContext


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    authority, path = trustme.CA(), tmp_path_factory.mktemp("certificates") / "server.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(path)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return Certificates(path, context)


def gelf(text: str) -> bytes:
    return json.dumps({"version": "1.1", "host": "web1", "short_message": text}).encode()


def syslog(text: str) -> bytes:
    return f"<14>1 2026-11-29T10:00:00Z web1 app - - - {text}".encode()


class Contract(InputContract):
    """By scheme, on a free port."""

    tls: ClassVar[bool] = False

    @pytest.fixture(autouse=True)
    def _certificates(self, certificates: Certificates) -> None:
        self._files = {"cert": certificates.server} if self.tls else {}
        self.context = certificates.client if self.tls else None

    def make(self, tmp_path: Path) -> Input:
        plugin = load(INPUT_GROUP, self.scheme)
        made: Input = plugin(plugin.Settings(port=0, **self._files))
        return made


class Datagrams(Contract):
    waits_while = "full"

    def payload(self, text: str) -> bytes:
        raise NotImplementedError

    async def send(self, input: Input, texts: Sequence[str]) -> None:
        await send_datagrams(input.listening[0], [self.payload(text) for text in texts])

    async def send_bytes(self, input: Input, data: bytes) -> None:
        await send_datagrams(input.listening[0], [data])


class TestGelfUdp(Datagrams):
    scheme = "gelf+udp"
    nonsense = b"no JSON"

    def payload(self, text: str) -> bytes:
        return gelf(text)


class TestSyslogUdp(Datagrams):
    scheme = "syslog+udp"
    nonsense = b" "

    def payload(self, text: str) -> bytes:
        return syslog(text)


class TestGelfTcp(Contract):
    scheme = "gelf+tcp"
    nonsense = b"no JSON\0"

    async def send(self, input: Input, texts: Sequence[str]) -> None:
        await send_stream(input.listening[0], b"".join(gelf(text) + b"\0" for text in texts), self.context)

    async def send_bytes(self, input: Input, data: bytes) -> None:
        await send_stream(input.listening[0], data, self.context)


class TestGelfTls(TestGelfTcp):
    scheme = "gelf+tls"
    tls = True


class TestSyslogTcp(TestGelfTcp):
    scheme = "syslog+tcp"
    nonsense = struct.pack(">L", len(_PICKLE)) + _PICKLE

    async def send(self, input: Input, texts: Sequence[str]) -> None:
        frames = [syslog(text) for text in texts]
        await send_stream(input.listening[0], b"".join(b"%d %s" % (len(each), each) for each in frames), self.context)


class TestSyslogTls(TestSyslogTcp):
    scheme = "syslog+tls"
    tls = True


class TestGelfHttp(Contract):
    scheme = "gelf+http"
    nonsense = b"no JSON"
    acknowledges = True

    async def send(self, input: Input, texts: Sequence[str]) -> None:
        statuses = await post(input.listening[0], [gelf(text) for text in texts], self.context)
        if set(statuses) != {202}:
            raise ConnectionError(statuses)

    async def send_bytes(self, input: Input, data: bytes) -> None:
        assert await post(input.listening[0], [data], self.context) == [400]


class TestGelfHttps(TestGelfHttp):
    scheme = "gelf+https"
    tls = True


class TestOtlpHttp(TestGelfHttp):
    scheme = "otlp+http"
    nonsense = b"no protobuf"
    path: ClassVar[str] = "/v1/logs"

    def payload(self, text: str) -> bytes:
        export = ExportLogsServiceRequest()
        export.resource_logs.add().scope_logs.add().log_records.add().body.string_value = text
        return export.SerializeToString()

    async def send(self, input: Input, texts: Sequence[str]) -> None:
        statuses = await post(input.listening[0], [self.payload(text) for text in texts], self.context, self.path)
        if not set(statuses) <= {200, 202, 204}:
            raise ConnectionError(statuses)

    async def send_bytes(self, input: Input, data: bytes) -> None:
        assert await post(input.listening[0], [data], self.context, self.path) == [400]


class TestOtlpHttps(TestOtlpHttp):
    scheme = "otlp+https"
    tls = True


class TestElasticsearchHttp(TestOtlpHttp):
    scheme = "elasticsearch+http"
    nonsense = b"no operation"
    path = "/_bulk"

    def payload(self, text: str) -> bytes:
        return b'{"index": {"_index": "logs"}}\n' + json.dumps({"message": text}).encode() + b"\n"


class TestElasticsearchHttps(TestElasticsearchHttp):
    scheme = "elasticsearch+https"
    tls = True


class TestSplunkHec(TestOtlpHttp):
    scheme = "splunk+hec"
    nonsense = b"no event"
    path = "/services/collector/event"

    def payload(self, text: str) -> bytes:
        return json.dumps({"event": text}).encode()


class TestSplunkHecTls(TestSplunkHec):
    scheme = "splunk+hec+tls"
    tls = True


class TestJournalHttp(TestOtlpHttp):
    scheme = "journal+http"
    nonsense = b"x" * 5000
    path = "/upload"

    def payload(self, text: str) -> bytes:
        return f"MESSAGE={text}\nPRIORITY=6\n\n".encode()


class TestJournalHttps(TestJournalHttp):
    scheme = "journal+https"
    tls = True


class TestForward(Contract):
    scheme = "forward"
    nonsense = msgpack.packb(["app", [[0, "no record"]]])
    acknowledges = True

    async def send(self, input: Input, texts: Sequence[str]) -> None:
        events = [[0, {"message": text}] for text in texts]
        data = msgpack.packb(["app", events, {"chunk": "abc"}])
        if await exchange(input.listening[0], data, 9, self.context) != msgpack.packb({"ack": "abc"}):
            raise ConnectionError("not acknowledged")

    async def send_bytes(self, input: Input, data: bytes) -> None:
        await send_stream(input.listening[0], data, self.context)


class TestForwardTls(TestForward):
    scheme = "forward+tls"
    tls = True


class TestLokiHttp(TestOtlpHttp):
    scheme = "loki+http"
    nonsense = b"no snappy"
    path = "/loki/api/v1/push"

    def payload(self, text: str) -> bytes:
        return snap(pushed((1_795_913_697_911_092_480, text)))


class TestLokiHttps(TestLokiHttp):
    scheme = "loki+https"
    tls = True


class TestOtlpGrpc(TestOtlpHttp):
    scheme = "otlp+grpc"
    nonsense = b"POST /v1/logs HTTP/1.1"

    async def send(self, input: Input, texts: Sequence[str]) -> None:
        messages = [framed(self.payload(text)) for text in texts]
        if {each.status for each in await call(input.listening[0], messages, self.context)} != {0}:
            raise ConnectionError("not taken")

    async def send_bytes(self, input: Input, data: bytes) -> None:
        await send_stream(input.listening[0], data, self.context)


class TestOtlpGrpcs(TestOtlpGrpc):
    scheme = "otlp+grpcs"
    tls = True


class TestStdin(InputContract):
    """Standard input is a pipe; whatever a service prints is a message."""

    scheme = "stdin"

    @pytest.fixture(autouse=True)
    def _pipe(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        reading, self._writing = os.pipe()
        # Its number is not used again: the thread of an input that has just closed may not have read from it yet.
        monkeypatch.setattr(sys, "stdin", os.fdopen(reading, closefd=False))
        yield
        os.close(self._writing)

    def make(self, tmp_path: Path) -> Input:
        plugin: Any = load(INPUT_GROUP, "stdin")
        made: Input = plugin(plugin.Settings(join_seconds=0))
        return made

    async def send(self, input: Input, texts: Sequence[str]) -> None:
        for text in texts:
            await self.send_bytes(input, text.encode() + b"\n")

    async def send_bytes(self, input: Input, data: bytes) -> None:
        await asyncio.to_thread(os.write, self._writing, data)


class TestSyslogUnix(InputContract):
    """A socket such as /dev/log, to which this machine's programs write datagrams."""

    scheme = "syslog+unix"
    waits_while: ClassVar[Literal["crowded", "full"]] = "full"
    nonsense = b" "
    kind: ClassVar[str] = "datagram"

    def make(self, tmp_path: Path) -> Input:
        plugin: Any = load(INPUT_GROUP, "syslog+unix")
        made: Input = plugin(plugin.Settings(path=tmp_path / "log", kind=self.kind))
        return made

    async def send(self, input: Input, texts: Sequence[str]) -> None:
        for text in texts:
            await self.send_bytes(input, f"<14>Nov 28 10:00:00 app: {text}".encode())

    async def send_bytes(self, input: Input, data: bytes) -> None:
        def send() -> None:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.connect(str(input.settings.path))
                sock.send(data)

        await asyncio.to_thread(send)


class TestSyslogUnixStream(TestSyslogUnix):
    """The same of a stream."""

    waits_while = "crowded"
    nonsense = b""
    kind = "stream"

    async def send(self, input: Input, texts: Sequence[str]) -> None:
        await self.send_bytes(input, "".join(f"<14>Nov 28 10:00:00 app: {text}\n" for text in texts).encode())

    async def send_bytes(self, input: Input, data: bytes) -> None:
        def send() -> None:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
                sock.connect(str(input.settings.path))
                sock.sendall(data)

        await asyncio.to_thread(send)


class TestFile(InputContract):
    """A file that somebody appends to; what was not read stays there."""

    scheme = "file"
    fetches = True

    def make(self, tmp_path: Path) -> Input:
        plugin: Any = load(INPUT_GROUP, "file")
        settings = {"path": str(tmp_path / "*.log"), "state_path": str(tmp_path / "state")}
        made: Input = plugin(plugin.Settings(join_seconds=0, poll_seconds=0.005, **settings))
        return made

    async def send(self, input: Input, texts: Sequence[str]) -> None:
        await self.send_bytes(input, "".join(f"{text}\n" for text in texts).encode())

    async def send_bytes(self, input: Input, data: bytes) -> None:
        path = Path(input.settings.path[0]).with_name("app.log")

        def append() -> None:
            with path.open("ab") as file:
                file.write(data)

        await asyncio.to_thread(append)
