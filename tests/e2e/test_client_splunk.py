"""Handlers for Splunk's HTTP Event Collector, unmodified."""

from __future__ import annotations

import logging

import pytest
from splunk_handler import SplunkHandler

from tests.e2e.conftest import Certificates, Start
from tests.e2e.expect import LARGE, TEXT, Now
from tests.e2e.test_client_graypy import logging_to


@pytest.mark.parametrize("protocol", ["http", "https"])
def test_splunk_handler(start: Start, certificates: Certificates, protocol: str) -> None:
    """Texts, a traceback and a dict, which it sends as Python prints it; its thread sends them together."""
    token = "11111111-2222-3333-4444-555555555555"
    scheme = "splunk+hec" if protocol == "http" else "splunk+hec+tls"
    tls = f"&cert={certificates.server}" if protocol == "https" else ""
    listener = start(f"{scheme}://127.0.0.1:0?token={token}{tls}")
    now = Now()
    handler = SplunkHandler(
        host="127.0.0.1",
        port=str(listener.port(scheme)),
        token=token,
        index="main",
        source="shop",
        sourcetype="shop:log",
        hostname="web-1",
        protocol=protocol,
        verify=False,
        flush_interval=0.2,
        retry_count=3,
    )
    with logging_to(handler) as logger:
        logger.warning("%s", TEXT)
        try:
            raise ValueError("no stock")
        except ValueError:
            logger.exception("order failed")
        logger.critical({"message": "database lost", "level": "critical", "host_name": "db-1"})
        logger.info(LARGE)
        first, failed, lost, large = listener.messages(4)
    handler.force_flush()
    logging.shutdown([])
    assert all(now.holds(each) for each in (first, failed, lost, large))
    assert (first["short_message"], first["host"], first["_service"]) == (TEXT, "web-1", "shop")
    assert (first["_index"], first["_sourcetype"]) == ("main", "shop:log")
    assert failed["short_message"] == "order failed"
    assert failed["full_message"].startswith("Traceback (most recent call last):\n")
    assert failed["full_message"].endswith("ValueError: no stock")
    assert (lost["short_message"], lost["level"], lost["_host_name"]) == ("database lost", 2, "db-1")
    assert large["short_message"] == LARGE
    assert listener.rejected() == 0
