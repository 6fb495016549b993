"""loki, otlp, opensearch, webhook and syslog, against a server that takes them all and is not ours."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from gelf_listener.outputs.loki import LokiOutput
from gelf_listener.outputs.opensearch import OpenSearchOutput
from gelf_listener.outputs.otlp import OtlpOutput
from gelf_listener.outputs.syslog import SyslogTcpOutput
from gelf_listener.outputs.webhook import WebhookOutput
from gelf_listener.testing.contracts import run
from tests.e2e.toolchains import GO_BUILD_SECONDS
from tests.services.victorialogs import VictoriaLogs
from tests.unit.outputs.messages import make_message

pytestmark = [pytest.mark.external, pytest.mark.timeout(GO_BUILD_SECONDS + 60)]


def find(victorialogs: VictoriaLogs, kind: type[Any], text: str, **settings: Any) -> dict[str, Any]:
    """Send three messages, one of them with fields, and return what became of that one."""
    mark = uuid.uuid4().hex
    batch = [make_message(f"{mark} {number}") for number in range(2)]
    fields: dict[str, Any] = {"user_id": 4711, "ok": True, "service": "shop", "note": "ü 日本"}
    batch.append(make_message(f"{mark} special", level=3, timestamp=1790000000.123456, fields=fields))

    async def main() -> None:
        port = settings.pop("port", victorialogs.port)
        output = kind(kind.Settings(host="127.0.0.1", port=port, timeout_seconds=20, **settings))
        await output.start()
        await output.write(batch)
        await output.close()
        assert output.counters()["written_messages_total"] == 3

    run(main())
    found = victorialogs.find(text.format(mark), 3)
    [special] = [entry for entry in found if "special" in str(entry)]
    return special


def test_loki(victorialogs: VictoriaLogs) -> None:
    """Push API: labels, nanoseconds, structured metadata."""
    entry = find(
        victorialogs, LokiOutput, '_msg:"{}"', path="/insert/loki/api/v1/push", line="message", metadata=True,
        labels="source={source},level={level},app={_service}",
    )  # fmt: skip
    assert entry["_msg"].endswith(" special")
    assert (entry["source"], entry["level"], entry["app"], entry["user_id"]) == ("web1", "error", "shop", "4711")
    assert entry["_time"].startswith("2026-09-21T14:13:20.123456")


def test_otlp(victorialogs: VictoriaLogs) -> None:
    """Protobuf: body, severity, resource and attributes."""
    entry = find(victorialogs, OtlpOutput, '_msg:"{}"', path="/insert/opentelemetry/v1/logs")
    assert entry["_msg"].endswith(" special")
    assert (entry["service.name"], entry["host.name"]) == ("shop", "web1")
    assert (entry["user_id"], entry["ok"], entry["note"]) == ("4711", "true", "ü 日本")
    assert entry["severity"].lower() == "error"
    assert entry["_time"].startswith("2026-09-21T14:13:20.123456")


def test_bulk(victorialogs: VictoriaLogs) -> None:
    """Elasticsearch's bulk API, as the page says it is set."""
    entry = find(
        victorialogs, OpenSearchOutput, 'message:"{}"', path="/logs", prefix="insert/elasticsearch", template=False,
        headers="VL-Msg-Field: nothing; VL-Time-Field: @timestamp; VL-Stream-Fields: source",
    )  # fmt: skip
    assert (entry["message"].split()[1], entry["source"], entry["user_id"]) == ("special", "web1", "4711")


def test_webhook(victorialogs: VictoriaLogs) -> None:
    """Lines of JSON."""
    path = "/insert/jsonline?_stream_fields=host&_msg_field=short_message"
    entry = find(victorialogs, WebhookOutput, '_msg:"{}"', path=path, body="lines")
    assert (entry["_msg"].split()[1], entry["host"], entry["_user_id"]) == ("special", "web1", "4711")


def test_syslog(victorialogs: VictoriaLogs) -> None:
    """RFC 5424 with octet counts and structured data."""
    entry = find(victorialogs, SyslogTcpOutput, '_msg:"{}"', port=victorialogs.syslog_port, facility="local3")
    assert (entry["hostname"], entry["severity"], entry["facility"]) == ("web1", "3", "19")
    assert entry["gelf@32473.user_id"] == "4711"
    assert entry["timestamp" if "timestamp" in entry else "_time"].startswith("2026-09-21T14:13:20.123456")
