"""MemoryBuffer: order, limits, policies, and bytes that always add up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelf_listener.buffers import MESSAGE_OVERHEAD_BYTES, WhenFull
from gelf_listener.buffers.memory import MemoryBuffer
from gelf_listener.message import Message
from tests.unit.fakes import message

HUGE = 1 << 40


def batch(first: int, count: int, size: int = 10) -> tuple[list[Message], int]:
    """Messages numbered in order, each with so many raw bytes; and the sum of those."""
    messages = [message(str(number), bytes(size)) for number in range(first, first + count)]
    return messages, size * count


def numbers(messages: list[Message]) -> list[int]:
    return [int(taken.short_message) for taken in messages]


def test_first_in_first_out() -> None:
    """Batches are joined and cut, never reordered."""
    buffer = MemoryBuffer(100, HUGE, "block")
    for first in (0, 3, 6):
        buffer.put(*batch(first, 3))
    assert numbers(buffer.take(2)) == [0, 1]
    assert numbers(buffer.take(1)) == [2]
    assert numbers(buffer.take(100)) == [3, 4, 5, 6, 7, 8]
    assert buffer.take(100) == []
    assert (len(buffer), buffer.bytes) == (0, 0)


def test_a_batch_is_joined_only_whole() -> None:
    """What does not fit stays together: one list less to make."""
    buffer = MemoryBuffer(100, HUGE, "block")
    buffer.put(*batch(0, 2))
    buffer.put(*batch(2, 5))
    assert numbers(buffer.take(4)) == [0, 1]
    assert numbers(buffer.take(4)) == [2, 3, 4, 5]


def test_oldest_at() -> None:
    """The receive time of the message that waits longest; None without one."""
    buffer = MemoryBuffer(100, HUGE, "block")
    assert buffer.oldest_at is None
    buffer.put([message(received_at=5.0), message(received_at=6.0)], 10)
    assert buffer.oldest_at == 5.0
    buffer.take(1)
    assert buffer.oldest_at == 6.0


def test_block_at_the_limit_over_it_and_after() -> None:
    """Full from the limit on, takes what inputs had in hand, and is not full once some left."""
    buffer = MemoryBuffer(10, HUGE, "block")
    buffer.put(*batch(0, 9))
    assert not buffer.full
    buffer.put(*batch(9, 1))
    assert buffer.full
    buffer.put(*batch(10, 5))
    assert (len(buffer), buffer.dropped) == (15, 0)
    buffer.take(9)
    assert not buffer.full
    assert numbers(buffer.take(100)) == list(range(9, 15))


def test_block_counts_bytes_and_what_a_message_costs() -> None:
    """Tiny messages count for what they take in memory."""
    buffer = MemoryBuffer(HUGE, 10 * (10 + MESSAGE_OVERHEAD_BYTES), "block")
    buffer.put(*batch(0, 9))
    assert not buffer.full
    buffer.put(*batch(9, 1))
    assert buffer.full
    assert buffer.bytes == 10 * (10 + MESSAGE_OVERHEAD_BYTES)
    buffer.take(1)
    assert not buffer.full


def test_crowded_well_before_full() -> None:
    """From an eighth on, senders that can wait should; never when the policy is to drop."""
    buffer = MemoryBuffer(80, HUGE, "block")
    buffer.put(*batch(0, 9))
    assert not buffer.crowded
    buffer.put(*batch(9, 1))
    assert buffer.crowded
    assert not buffer.full
    for policy in ("drop_oldest", "drop_newest"):
        dropping = MemoryBuffer(10, HUGE, policy)
        dropping.put(*batch(0, 20))
        assert not dropping.crowded
        assert not dropping.full


def test_drop_newest() -> None:
    """At the limit nothing is dropped; of what is over, the newest; afterwards there is room again."""
    buffer = MemoryBuffer(10, HUGE, "drop_newest")
    buffer.put(*batch(0, 10))
    assert buffer.dropped == 0
    buffer.put(*batch(10, 3))
    assert (len(buffer), buffer.dropped) == (10, 3)
    assert numbers(buffer.take(4)) == [0, 1, 2, 3]
    buffer.put(*batch(20, 6))
    assert buffer.dropped == 5
    assert numbers(buffer.take(100)) == [4, 5, 6, 7, 8, 9, 20, 21, 22, 23]


def test_drop_oldest() -> None:
    """At the limit nothing is dropped; over it the oldest batches go; afterwards there is room again."""
    buffer = MemoryBuffer(10, HUGE, "drop_oldest")
    buffer.put(*batch(0, 5))
    buffer.put(*batch(5, 5))
    assert buffer.dropped == 0
    buffer.put(*batch(10, 1))
    assert (len(buffer), buffer.dropped) == (6, 5)
    assert numbers(buffer.take(100)) == [5, 6, 7, 8, 9, 10]
    buffer.put(*batch(20, 1))
    assert numbers(buffer.take(100)) == [20]


@pytest.mark.parametrize(("policy", "kept"), [("drop_oldest", list(range(15, 25))), ("drop_newest", list(range(10)))])
def test_a_batch_larger_than_the_buffer(policy: WhenFull, kept: list[int]) -> None:
    """Is cut, not lost whole: one read of a socket may bring more than a small buffer holds."""
    buffer = MemoryBuffer(10, HUGE, policy)
    buffer.put(*batch(0, 25))
    assert buffer.dropped == 15
    assert numbers(buffer.take(100)) == kept
    assert buffer.bytes == 0


@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest"])
def test_a_message_larger_than_the_buffer(policy: WhenFull) -> None:
    """Is dropped and counted; others are not."""
    buffer = MemoryBuffer(10, 1000 + MESSAGE_OVERHEAD_BYTES, policy)
    buffer.put([message("0", bytes(1000))], 1000)
    assert buffer.dropped == 0
    assert numbers(buffer.take(10)) == [0]
    buffer.put([message("1", bytes(1001))], 1001)
    assert (len(buffer), buffer.dropped, buffer.bytes) == (0, 1, 0)
    buffer.put([message("2", bytes(10))], 10)
    assert numbers(buffer.take(10)) == [2]


STEPS = st.lists(st.integers(1, 12) | st.integers(-12, -1), max_size=60)
SIZES = st.lists(st.integers(0, 3000), min_size=12, max_size=12)


@given(
    STEPS, SIZES, st.sampled_from(["block", "drop_oldest", "drop_newest"]), st.integers(1, 30), st.integers(1, 20_000)
)
def test_laws(steps: list[int], sizes: list[int], policy: WhenFull, most: int, most_bytes: int) -> None:
    """Puts and takes of any sizes: order kept, nothing twice, every message accounted for, bytes that add up."""
    buffer = MemoryBuffer(most, most_bytes, policy)
    given_out: list[int] = []
    put = 0
    for step in steps:
        if step > 0:
            messages = [message(str(put + index), bytes(sizes[index])) for index in range(step)]
            put += step
            buffer.put(messages, sum(sizes[:step]))
        else:
            taken = buffer.take(-step)
            assert len(taken) <= -step
            given_out += numbers(taken)
        assert put == len(given_out) + buffer.dropped + len(buffer)
        assert buffer.bytes >= 0
        assert (buffer.oldest_at is None) == (len(buffer) == 0)
        if policy == "block":
            assert buffer.dropped == 0
        else:
            assert len(buffer) <= most
            assert buffer.bytes <= most_bytes
    while taken := buffer.take(5):
        given_out += numbers(taken)
    assert given_out == sorted(set(given_out))
    assert (len(buffer), buffer.bytes) == (0, 0)
