"""Clients of Fluentd's forward protocol, unmodified: fluent-logger for Python and Go, and Node's."""

from __future__ import annotations

import logging
import socket

import pytest
from fluent import handler, sender

from tests.e2e.conftest import Start
from tests.e2e.expect import LARGE, TEXT, Now
from tests.e2e.test_client_graypy import logging_to
from tests.e2e.toolchains import GO_SECONDS, go_client, node_client, run_job

FORMAT = {"host": "%(hostname)s", "logger": "%(name)s", "level": "%(levelname)s", "stack_trace": "%(exc_text)s"}


def test_python_sender(start: Start) -> None:
    """Records as they are, by TCP and by a Unix socket, with and without nanoseconds."""
    listener = start("forward://127.0.0.1:0")
    now = Now()
    made = sender.FluentSender("shop", host="127.0.0.1", port=listener.port("forward"), nanosecond_precision=True)
    record = {"message": TEXT, "level": "warning", "order": 17, "nested": {"a": [1, None]}, "ratio": 0.5, "on": True}
    assert made.emit("orders", record), made.last_error
    assert made.emit(None, {"msg": LARGE}), made.last_error
    made.close()
    first, large = listener.messages(2)
    assert now.holds(first)
    assert (first["short_message"], first["level"], first["_tag"]) == (TEXT, 4, "shop.orders")
    assert (first["_order"], first["_nested.a"], first["_ratio"], first["_on"]) == (17, "[1,null]", 0.5, True)
    assert (large["short_message"], large["_tag"]) == (LARGE, "shop")
    assert listener.rejected() == 0


def test_python_handler(start: Start) -> None:
    """Python's logging, with a traceback in the field that its formatter fills."""
    listener = start("forward://127.0.0.1:0")
    made = handler.FluentHandler("shop", host="127.0.0.1", port=listener.port("forward"))
    made.setFormatter(handler.FluentRecordFormatter(FORMAT))
    with logging_to(made) as logger:
        logger.error("order %s failed", 17)
        logger.log(logging.CRITICAL, {"message": "database lost", "host_name": "db-1"})
    failed, lost = listener.messages(2)
    assert (failed["short_message"], failed["level"], failed["host"]) == ("order 17 failed", 3, socket.gethostname())
    assert "_stack_trace" not in failed
    assert (lost["short_message"], lost["level"], lost["_host_name"]) == ("database lost", 2, "db-1")


@pytest.mark.external
@pytest.mark.timeout(GO_SECONDS + 60)
@pytest.mark.parametrize("mode", ["msgpack", "json"])
def test_go(start: Start, mode: str) -> None:
    """What Docker's driver sends with: acknowledged, in MessagePack and in JSON."""
    listener = start("forward://127.0.0.1:0")
    job = {"transport": "forward", "host": "127.0.0.1", "port": listener.port("forward"), "text": TEXT, "mode": mode}
    run_job(go_client("fluent"), job)
    record, line = listener.messages(2)
    assert (record["short_message"], record["level"], record["_tag"]) == (TEXT, 3, "shop.orders")
    assert record["_order"] == 17
    assert (line["short_message"], line["level"], line["_container_id"]) == ("printed", 6, "c0ffee")
    assert listener.rejected() == 0


@pytest.mark.external
@pytest.mark.timeout(GO_SECONDS + 60)
@pytest.mark.parametrize("mode", ["Message", "Forward", "PackedForward", "CompressedPackedForward"])
def test_node(start: Start, mode: str) -> None:
    """Every mode of @fluent-org/logger, acknowledged, with a shared key."""
    listener = start("forward://127.0.0.1:0?shared_key=secret&users=ann:pw")
    job = {"client": "fluent", "host": "127.0.0.1", "port": listener.port("forward"), "text": TEXT, "mode": mode}
    command = node_client()
    run_job(command[:2], {**job, "modules": command[2]})
    (first,) = listener.messages(1)
    assert (first["short_message"], first["level"], first["_tag"]) == (TEXT, 4, "shop.orders")
    assert (first["_order"], first["_error.name"]) == (17, "CardError")
    assert first["full_message"].startswith("CardError: declined\n    at ")
    assert listener.rejected() == 0
