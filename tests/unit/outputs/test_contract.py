"""What every output must do, done by those that write to a server of their protocol."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pytest
import trustme

from gelf_listener.capabilities import ReadsColumns
from gelf_listener.codec.gelf.field_columns import field_columns_of
from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.outputs import Output
from gelf_listener.packing import Packer
from gelf_listener.plugins import INPUT_GROUP, OUTPUT_GROUP, load
from gelf_listener.testing.contracts import OutputContract
from tests.unit.outputs.destinations import (
    ForwardDestination,
    ListenerDestination,
    WebDestination,
    bulk_answer,
    bulk_documents,
)
from tests.unit.outputs.web import Asked, answer


class Certificates(NamedTuple):
    ca: Path
    server: Path
    context: ssl.SSLContext


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    authority, folder = trustme.CA(), tmp_path_factory.mktemp("certificates")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    server = authority.issue_cert("localhost")
    server.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.configure_cert(context)
    return Certificates(folder / "ca.pem", folder / "server.pem", context)


class Contract(OutputContract):
    """Writes to a destination of its own, started again for each test."""

    tls: ClassVar[bool] = False
    settings: ClassVar[dict[str, Any]] = {}

    @pytest.fixture(autouse=True)
    def _destination(self, certificates: Certificates) -> Iterator[None]:
        self.certificates = certificates
        with self.destination() as self.opened:
            yield

    def destination(self) -> Any:
        raise NotImplementedError

    def make(self, tmp_path: Path) -> Output:
        plugin = load(OUTPUT_GROUP, self.scheme)
        trust = {"ca": self.certificates.ca} if self.tls else {}
        made: Output = plugin(plugin.Settings(host="localhost", port=self.opened.port, **trust, **self.settings))
        if isinstance(made, ReadsColumns):
            made.read_columns = field_columns_of  # as the service does
        return made

    def texts(self, tmp_path: Path) -> Sequence[str]:
        return list(self.opened.texts())


class ToListener(Contract):
    """To the input of the same scheme."""

    def destination(self) -> ListenerDestination:
        plugin = load(INPUT_GROUP, self.scheme)
        files = {"cert": self.certificates.server} if self.tls else {}
        return ListenerDestination(lambda: plugin(plugin.Settings(host="127.0.0.1", port=0, **files)))


class TestGelfUdp(ToListener):
    scheme = "gelf+udp"


class TestGelfTcp(ToListener):
    scheme = "gelf+tcp"


class TestGelfTls(ToListener):
    scheme = "gelf+tls"
    tls = True


class TestGelfHttp(ToListener):
    scheme = "gelf+http"


class TestGelfHttps(ToListener):
    scheme = "gelf+https"
    tls = True


class TestSyslogUdp(ToListener):
    scheme = "syslog+udp"


class TestSyslogTcp(ToListener):
    scheme = "syslog+tcp"


class TestSyslogTls(ToListener):
    scheme = "syslog+tls"
    tls = True


class ToWeb(Contract):
    """To a server that takes what a function reads."""

    def destination(self) -> WebDestination:
        return WebDestination(self.read, self.say, self.certificates.context if self.tls else None)

    def read(self, asked: Asked) -> Sequence[str]:
        raise NotImplementedError

    def say(self, asked: Asked) -> bytes:
        return answer(200)


class TestWebhook(ToWeb):
    scheme = "webhook+http"

    def read(self, asked: Asked) -> Sequence[str]:
        return [document["short_message"] for document in json.loads(asked.body)]


class TestWebhookTls(TestWebhook):
    scheme = "webhook+https"
    tls = True


class TestLoki(ToWeb):
    scheme = "loki+http"

    def read(self, asked: Asked) -> Sequence[str]:
        assert asked.path == "/loki/api/v1/push"
        return [value[1] for stream in json.loads(asked.body)["streams"] for value in stream["values"]]

    def say(self, asked: Asked) -> bytes:
        return answer(204)


class TestLokiTls(TestLoki):
    scheme = "loki+https"
    tls = True


class TestOtlp(ToWeb):
    scheme = "otlp+http"

    def read(self, asked: Asked) -> Sequence[str]:
        from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

        assert asked.path == "/v1/logs"
        request = ExportLogsServiceRequest.FromString(asked.body)
        return [
            record.body.string_value
            for resource in request.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]


class TestOtlpTls(TestOtlp):
    scheme = "otlp+https"
    tls = True


class TestOpenSearchTls(ToWeb):
    """Against a real server without TLS: tests/services."""

    scheme = "opensearch+https"
    tls = True

    def read(self, asked: Asked) -> Sequence[str]:
        return [document["message"] for document in bulk_documents(asked)]

    def say(self, asked: Asked) -> bytes:
        return bulk_answer(asked)


class TestOpenSearchStoreTls(ToWeb):
    """Against a real server without TLS: tests/services."""

    scheme = "store+opensearch+https"
    tls = True

    def read(self, asked: Asked) -> Sequence[str]:
        unpack = Packer(read_fields).unpack
        return [unpack(base64.b64decode(document["packed"])).short_message for document in bulk_documents(asked)]

    def say(self, asked: Asked) -> bytes:
        return bulk_answer(asked)


class TestForwardTls(Contract):
    """Against a real server without TLS: tests/services."""

    scheme = "forward+tls"
    tls = True

    def destination(self) -> ForwardDestination:
        return ForwardDestination(self.certificates.context)
