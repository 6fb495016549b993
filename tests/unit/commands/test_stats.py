"""stats: figures for a person, in words that fit them."""

from __future__ import annotations

import pytest

from gelf_listener.commands.stats import _messages, _who


@pytest.mark.parametrize(("count", "text"), [(0, "0 messages"), (1, "1 message"), (12345, "12,345 messages")])
def test_one_is_singular(count: int, text: str) -> None:
    """And thousands are divided."""
    assert _messages({"messages": count}) == text


@pytest.mark.parametrize(
    ("host", "address", "text"),
    [("web", "10.0.0.1", "web at 10.0.0.1"), ("", "10.0.0.1", "10.0.0.1"), ("web", "", "web"), ("", "", "-")],
)
def test_a_sender_without_a_host(host: str, address: str, text: str) -> None:
    """Who sent nothing but what was rejected has none."""
    assert _who({"host": host, "address": address}) == text
