"""AMQP: addresses as the library reads them."""

from __future__ import annotations

from typing import Any

import pytest
from yarl import URL

from gelf_listener.brokers.amqp import AmqpSettings, broker_words, url_of


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "amqp://guest:guest@localhost:5672/%2F"),
        ({"tls": True, "host": "h"}, "amqps://guest:guest@h:5671/%2F"),
        ({"path": "/logs", "port": 1}, "amqp://guest:guest@localhost:1/logs"),
        ({"path": "//a/b"}, "amqp://guest:guest@localhost:5672/%2Fa%2Fb"),
        ({"host": "::1"}, "amqp://guest:guest@[::1]:5672/%2F"),
        ({"user": "a@b", "password": "p:/?#"}, "amqp://a%40b:p%3A%2F%3F%23@localhost:5672/%2F"),
    ],
)
def test_url(settings: dict[str, Any], expected: str) -> None:
    """Nothing in a password or virtual host is taken for a part of the address."""
    made = url_of(AmqpSettings(**settings))
    assert made == f"{expected}?heartbeat=60&name=gelf-listener"
    assert URL(made).password == settings.get("password", "guest")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TimeoutError(), "no answer in time"),
        (ConnectionResetError(104, "reset"), "104: reset"),
        (ConnectionError(), "ConnectionError"),
    ],
)
def test_describe(error: Exception, expected: str) -> None:
    """Every error has words."""
    assert broker_words(error) == expected
