"""Clients of Loki, unmodified: python-logging-loki, pino-loki, winston-loki and Loki's own for Go."""

from __future__ import annotations

import logging_loki
import pytest

from tests.e2e.conftest import Start
from tests.e2e.expect import LARGE, TEXT, Now
from tests.e2e.test_client_graypy import logging_to
from tests.e2e.toolchains import NODE_SECONDS, node_client, run_job


@pytest.mark.parametrize(("version", "path"), [("1", "/loki/api/v1/push"), ("0", "/api/prom/push")])
def test_python(start: Start, version: str, path: str) -> None:
    """python-logging-loki, in the form of today and that of before Loki 1.0."""
    listener = start("loki+http://127.0.0.1:0?user=shop&password=secret")
    now = Now()
    url = f"http://127.0.0.1:{listener.port('loki+http')}{path}"
    handler = logging_loki.LokiHandler(url, tags={"service_name": "shop"}, auth=("shop", "secret"), version=version)
    with logging_to(handler) as logger:
        logger.warning("%s", TEXT, extra={"tags": {"order": "A-17"}})
        try:
            raise ValueError("no stock")
        except ValueError:
            logger.exception("order failed")
        logger.debug(LARGE)
    first, failed, large = listener.messages(3)
    for message in (first, failed, large):
        assert now.holds(message)
        assert (message["_service_name"], message["_logger"]) == ("shop", "shop.orders")
    assert (first["short_message"], first["level"], first["_order"]) == (TEXT, 4, "A-17")
    assert (failed["short_message"], failed["level"]) == ("order failed", 3)
    assert failed["full_message"].startswith("Traceback (most recent call last):")
    assert failed["full_message"].endswith("ValueError: no stock")
    assert (large["short_message"], large["level"]) == (LARGE, 7)
    assert listener.rejected() == 0


@pytest.mark.external
@pytest.mark.timeout(NODE_SECONDS + 60)
@pytest.mark.parametrize("client", ["pino-loki", "winston-loki"])
def test_node(start: Start, client: str) -> None:
    """pino-loki in JSON, winston-loki in protobuf with snappy."""
    listener = start("loki+http://127.0.0.1:0")
    now = Now()
    job = {"client": client, "port": listener.port("loki+http"), "text": TEXT, "large": LARGE}
    command = node_client()
    run_job(command[:2], {**job, "modules": command[2]})
    first, failed, large = sorted(listener.messages(3), key=lambda message: [4, 3, 7].index(message["level"]))
    assert now.holds(first)
    assert (first["short_message"], first["level"], first["_order"], first["_deep.er"]) == (TEXT, 4, "A-17", "x")
    assert first["_service_name"] == "shop"
    assert (failed["short_message"], failed["level"]) == ("order failed", 3)
    assert failed["full_message"].startswith("Error: no stock\n    at ")
    assert (large["short_message"], large["level"]) == (LARGE, 7)
    assert listener.rejected() == 0
