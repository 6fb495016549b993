"""Clients of Elasticsearch's bulk API, unmodified."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from elasticsearch import Elasticsearch, helpers

from tests.e2e.conftest import Certificates, Start
from tests.e2e.expect import LARGE, TEXT, Now


def documents() -> list[dict[str, Any]]:
    """As services log them: ECS, a trace, a long text."""
    now = dt.datetime.now(dt.UTC).isoformat()
    error = {"type": "CardError", "message": "declined", "stack_trace": "Traceback\n  File x\nCardError: declined"}
    return [
        {"@timestamp": now, "message": TEXT, "log.level": "warning", "service": {"name": "shop"}, "order": 17},
        {"@timestamp": now, "message": "payment failed", "log": {"level": "error"}, "error": error},
        {"@timestamp": now, "message": LARGE, "log.level": "debug"},
    ]


@pytest.mark.parametrize("compress", [True, False], ids=["gzip", "plain"])
def test_bulk_helpers(start: Start, compress: bool) -> None:
    """`helpers.bulk` and `streaming_bulk`, after the client has looked at the server."""
    listener = start("elasticsearch+http://elastic:pw@127.0.0.1:0")
    url = f"http://127.0.0.1:{listener.port('elasticsearch+http')}"
    now = Now()
    with Elasticsearch(url, basic_auth=("elastic", "pw"), http_compress=compress) as client:
        assert client.info()["version"]["build_flavor"] == "default"
        actions = [{"_op_type": "create", "_index": "logs-shop-default", **each} for each in documents()]
        assert helpers.bulk(client, actions) == (3, [])
        for ok, item in helpers.streaming_bulk(client, [{"_index": "logs", "_id": "7", "message": "by id"}]):
            assert ok
            assert item["index"]["_id"] == "7"
        failed = helpers.bulk(client, [{"_op_type": "delete", "_index": "logs", "_id": "7"}], raise_on_error=False)
        assert failed[1][0]["delete"]["status"] == 400  # type: ignore[index]
        assert client.index(index="logs", document={"message": "alone"})["result"] == "created"
    first, broken, large, by_id, alone = listener.messages(5)
    assert all(now.holds(each) for each in (first, broken, large))
    assert (first["short_message"], first["level"], first["_index"]) == (TEXT, 4, "logs-shop-default")
    assert (first["_service.name"], first["_order"]) == ("shop", 17)
    assert (broken["short_message"], broken["level"], broken["_error.type"]) == ("payment failed", 3, "CardError")
    assert broken["full_message"] == "Traceback\n  File x\nCardError: declined"
    assert (large["short_message"], large["level"]) == (LARGE, 7)
    assert (by_id["short_message"], by_id["_document_id"]) == ("by id", "7")
    assert alone["short_message"] == "alone"
    assert listener.rejected() == 1


def test_https_and_an_api_key(start: Start, certificates: Certificates) -> None:
    """The key of the listener's token."""
    listener = start(f"elasticsearch+https://127.0.0.1:0?token=sesame&cert={certificates.server}")
    url = f"https://localhost:{listener.port('elasticsearch+https')}"
    with Elasticsearch(url, api_key=("my-id", "sesame"), ca_certs=str(certificates.ca)) as client:
        assert helpers.bulk(client, [{"_index": "logs", "message": "secret"}]) == (1, [])
    assert listener.messages(1)[0]["short_message"] == "secret"
