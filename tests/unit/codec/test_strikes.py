"""Strikes: a second's worth of patience, with each sender and with all of them."""

from __future__ import annotations

import pytest

from gelf_listener.codec.strikes import Strikes


@pytest.mark.parametrize(("count", "exceeded"), [(9, False), (10, False), (11, True)])
def test_limit(count: int, exceeded: bool) -> None:
    """At the limit a sender is still heard, one over he is not; others are, and he is in the next second."""
    strikes = Strikes(10)
    for _ in range(count):
        strikes.exceeded("mallory", 5.2)
        strikes.add("mallory", 1)
    assert strikes.exceeded("mallory", 5.9) == exceeded
    assert not strikes.exceeded("alice", 5.9)
    assert not strikes.exceeded("mallory", 6.0)


def test_forged_addresses_together() -> None:
    """Many senders have no more than five times what one has, and are not all remembered."""
    strikes = Strikes(10)
    heard = 0
    for number in range(100_000):
        sender = f"10.0.{number // 250 % 250}.{number % 250}.{number}"
        if not strikes.exceeded(sender, 5.0):
            heard += 1
            strikes.add(sender, 1)
    assert heard == 51
    assert len(strikes._counts) == 51
    assert not strikes.exceeded("alice", 6.0)


def test_one_great_strike_leaves_room_for_others() -> None:
    """One sender cannot use up everybody's patience at once."""
    strikes = Strikes(10)
    strikes.exceeded("mallory", 5.0)
    strikes.add("mallory", 1_000_000)
    assert strikes.exceeded("mallory", 5.0)
    assert not strikes.exceeded("alice", 5.0)


@pytest.mark.parametrize("limit", [1, 10])
def test_many_strikes_of_one_sender_leave_room_for_others(limit: int) -> None:
    """Nor can it do so little by little: what comes after its limit counts against nobody else."""
    strikes = Strikes(limit)
    for _ in range(1000):
        strikes.exceeded("mallory", 5.0)
        strikes.add("mallory", 1)
    assert strikes.exceeded("mallory", 5.0)
    assert not strikes.exceeded("alice", 5.0)
