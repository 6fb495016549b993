"""opensearch, against a real OpenSearch."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.errors import Refused
from gelf_listener.outputs.opensearch import OpenSearchOutput
from gelf_listener.testing.contracts import OutputContract, run
from tests.e2e.listener import Listener, until
from tests.e2e.toolchains import JAVA_SECONDS
from tests.e2e.wire import gelf, send_udp
from tests.services.opensearch import OpenSearch
from tests.unit.outputs.messages import make_batch, make_message

pytestmark = [pytest.mark.external, pytest.mark.timeout(JAVA_SECONDS)]


def output(opensearch: OpenSearch, path: str, **settings: Any) -> OpenSearchOutput:
    return OpenSearchOutput(
        OpenSearchOutput.Settings(
            host="127.0.0.1", port=opensearch.port, path=path, **{"timeout_seconds": 30, **settings}
        )
    )


async def written(made: OpenSearchOutput, *batches: Any) -> dict[str, float]:
    await made.start()
    for batch in batches:
        await made.write(batch)
    await made.close()
    return made.counters()


@pytest.fixture
def name() -> str:
    """An index of the test's own."""
    return f"t{uuid.uuid4().hex}"


def test_documents(opensearch: OpenSearch, name: str) -> None:
    """Typed, in the index of their day, found by their words; what comes again is not doubled."""
    batch = [
        make_message(
            "payment failed", level=3, full_message="Traceback", fields={"user_id": 4711, "ok": True, "t": "a b"}
        ),
        make_message("b", timestamp=1_789_000_000.25),
    ]

    async def main() -> None:
        counters = await written(output(opensearch, f"/{name}-{{date}}"), batch, batch)
        assert (counters["written_messages_total"], counters["duplicate_messages_total"]) == (4, 2)

    run(main())
    first, second = opensearch.documents(f"{name}-*")
    assert (first["_index"], second["_index"]) == (f"{name}-2026.09.21", f"{name}-2026.09.10")
    assert (first["message"], first["level"], first["user_id"], first["ok"]) == ("payment failed", 3, 4711, True)
    assert second["@timestamp"] == "2026-09-10T00:26:40.250000Z"
    query = {
        "query": {"query_string": {"query": 'message:failed AND user_id:[4000 TO 5000] AND t:"a b" AND source:web1'}}
    }
    assert opensearch.ask("POST", f"/{name}-*/_count", query)["count"] == 1
    mapping = opensearch.ask("GET", f"/{name}-2026.09.21/_mapping")[f"{name}-2026.09.21"]["mappings"]["properties"]
    assert (mapping["t"]["type"], mapping["@timestamp"]["type"], mapping["message"]["type"]) == (
        "keyword",
        "date",
        "text",
    )


def test_conflicts_of_types(opensearch: OpenSearch, name: str) -> None:
    """A number here, a text there, an object elsewhere, more digits than a long has: all are indexed."""
    values: list[dict[str, Any]] = [{"v": 1}, {"v": "text"}, {"v.deep": 1}, {"v": 1 << 80}, {"v": 1.5}, {"v": True}]
    batch = [make_message(f"m{number}", fields=fields) for number, fields in enumerate(values)]

    async def main() -> None:
        counters = await written(output(opensearch, f"/{name}"), batch)
        assert counters["written_messages_total"] == len(batch)
        assert counters["unmapped_messages_total"] >= 3

    run(main())
    documents = opensearch.documents(name)
    assert [document["message"] for document in documents] == [f"m{number}" for number in range(len(values))]
    assert documents[1]["unmapped"] == '{"v":"text"}'


def test_what_is_denied_is_refused_and_the_rest_written(opensearch: OpenSearch, name: str) -> None:
    """With the server's reason: here, an index that takes no new fields and no text without them."""
    opensearch.ask("PUT", f"/{name}", {"mappings": {"dynamic": "strict", "properties": {
        field: {"type": "date" if field in ("@timestamp", "received_at") else "keyword"}
        for field in ("@timestamp", "received_at", "message", "source", "level", "id", "input", "peer", "n")
    }}})  # fmt: skip
    batch = [make_message("a", fields={"n": 1}), make_message("b", fields={"other": 1}), make_message("c")]

    async def main() -> None:
        made = output(opensearch, f"/{name}", template=False)
        await made.start()
        with pytest.raises(Refused, match="strict_dynamic_mapping_exception") as caught:
            await made.write(batch)
        assert [message.short_message for message in caught.value.messages] == ["b"]
        await made.close()

    run(main())
    assert [document["message"] for document in opensearch.documents(name)] == ["a", "c"]


def test_a_data_stream(opensearch: OpenSearch, name: str) -> None:
    """Documents are created in it."""

    async def main() -> None:
        await written(output(opensearch, f"/{name}", data_stream=True), make_batch(3))

    run(main())
    assert len(opensearch.documents(name)) == 3
    assert opensearch.ask("GET", f"/_data_stream/{name}")["data_streams"][0]["name"] == name


def test_outputs_whose_indices_overlap(opensearch: OpenSearch, name: str) -> None:
    """Each has a template of its own, and the one that says more about the name holds."""
    paths = [f"/{name}-{{date}}", f"/{name}", f"/{name}-app-{{month}}", f"/{name}-{{source}}-{{year}}"]

    async def main() -> None:
        for path in paths:
            await written(output(opensearch, path), make_batch(1))

    run(main())
    found = opensearch.ask("GET", f"/_index_template/gelf-listener-{name}*")["index_templates"]
    patterns = {each["index_template"]["index_patterns"][0]: each["index_template"]["priority"] for each in found}
    assert sorted(patterns) == sorted([f"{name}-*", name, f"{name}-app-*", f"{name}-*-*"])
    assert patterns[f"{name}-*"] < patterns[f"{name}-app-*"]
    assert len(opensearch.documents(f"{name}*")) == 4


def test_an_outage(opensearch: OpenSearch, name: str, tmp_path: Path) -> None:
    """A listener with a buffer on disk loses nothing while the server is away, not even when it is restarted itself."""
    address = f"opensearch+http://127.0.0.1:{opensearch.port}/{name}?buffer=disk&buffer_path={tmp_path}/buffer&linger=0"

    def listener(folder: str) -> Listener:
        (tmp_path / folder).mkdir()
        return Listener(tmp_path / folder, "gelf+udp://127.0.0.1:0", outputs=[address])

    with listener("one") as first:
        send_udp(first.endpoint("gelf+udp").address, gelf("before"))
        until(lambda: [found["message"] for found in opensearch.documents(f"{name}*")] == ["before"], 30)
        opensearch.stop()
        for number in range(50):
            send_udp(first.endpoint("gelf+udp").address, gelf(f"during {number}"))
        first.said("retrying", 30)
        status, report = first.stop()
        assert status == 0
        assert "kept in buffers on disk: 50" in report
    opensearch.start()
    with listener("two"):
        until(lambda: len(opensearch.documents(f"{name}*")) == 51, 60, "all messages in the index")


class TestOpenSearch(OutputContract):
    """opensearch+http."""

    scheme = "opensearch+http"

    @pytest.fixture(autouse=True)
    def index(self, opensearch: OpenSearch, name: str):
        self._opensearch = opensearch
        self._name = name

    def make(self, tmp_path: Path) -> OpenSearchOutput:
        return output(self._opensearch, f"/{self._name}")

    def texts(self, tmp_path: Path) -> list[str]:
        return [document["message"] for document in self._opensearch.documents(self._name)]
