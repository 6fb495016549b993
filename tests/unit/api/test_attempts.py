"""Attempts: ten a minute, by address, in bounded memory."""

from __future__ import annotations

import pytest

from gelf_listener.api.attempts import MAX_ADDRESSES, MAX_FAILURES, WINDOW_SECONDS, Attempts


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_too_many() -> None:
    """Then the address waits until the window is over, and no longer."""
    clock = Clock()
    attempts = Attempts(clock)
    for _ in range(MAX_FAILURES):
        assert attempts.wait_seconds("192.0.2.1") == 0
        attempts.failed("192.0.2.1")
        clock.now += 1
    assert attempts.wait_seconds("192.0.2.1") == WINDOW_SECONDS - MAX_FAILURES
    assert attempts.wait_seconds("192.0.2.2") == 0
    clock.now += WINDOW_SECONDS
    assert attempts.wait_seconds("192.0.2.1") == 0
    attempts.failed("192.0.2.1")
    assert attempts.wait_seconds("192.0.2.1") == 0, "it begins again"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::1%eth1", True),
        ("", "", True),
        ("somewhere", "elsewhere", False),
    ],
)
def test_who_is_the_same(one: str, other: str, same: bool) -> None:
    """A network of 64 bits is one sender."""
    attempts = Attempts(Clock())
    for _ in range(MAX_FAILURES):
        attempts.failed(one)
    assert (attempts.wait_seconds(other) > 0) is same


def test_forged_addresses() -> None:
    """The oldest is forgotten."""
    attempts = Attempts(Clock())
    for number in range(MAX_ADDRESSES + 10):
        attempts.failed(f"10.{number // 65536}.{number // 256 % 256}.{number % 256}")
    assert len(attempts) == MAX_ADDRESSES
