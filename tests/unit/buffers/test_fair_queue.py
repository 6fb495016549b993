"""FairQueue, through the buffer that has it: turns, shares, and who gives way."""

from __future__ import annotations

from collections import Counter
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from gelf_listener.buffers import MESSAGE_OVERHEAD_BYTES, WhenFull, fair_queue
from gelf_listener.buffers.memory import MemoryBuffer
from gelf_listener.message import Message, Peer
from gelf_listener.settings import OutputSettings
from gelf_listener.workers.lanes import LaneBuffer
from tests.unit.fakes import message

HUGE = 1 << 40
_numbers = count()


def sent(host: str, messages: int = 1) -> list[Message]:
    """Messages of an address, each from another port, numbered in order."""
    return [message(f"{host} {next(_numbers)}", b"0123456789", peer=Peer(host, port)) for port in range(messages)]


def put(buffer: MemoryBuffer, *messages: Message) -> None:
    buffer.put([*messages], sum(len(each.raw) for each in messages))


def senders(messages: list[Message]) -> Counter[str]:
    return Counter(each.peer.host for each in messages if each.peer)


def test_a_short_queue_leaves_as_it_came() -> None:
    """Whoever sent it: nobody waits long."""
    buffer = MemoryBuffer(1000, HUGE, "block")
    batches = [sent(host) for host in "aaabab"]
    for batch in batches:
        put(buffer, *batch)
    assert buffer.take(100) == [each for batch in batches for each in batch]


def test_who_sends_little_goes_next() -> None:
    """Before the flood that waits already, also when its messages came in the same read as others of the flood."""
    buffer = MemoryBuffer(100_000, HUGE, "block")
    for _ in range(100):
        put(buffer, *sent("flood", 250))
    assert senders(buffer.take(500)) == {"flood": 500}
    put(buffer, *sent("flood", 100), *sent("honest"), *sent("flood", 100))
    assert senders(buffer.take(500)) == {"flood": 499, "honest": 1}


def test_small_batches_get_as_much_as_large_ones() -> None:
    """What counts is what an address was given, not how often it was its turn."""
    buffer = MemoryBuffer(100_000, HUGE, "block")
    for _ in range(10):
        put(buffer, *sent("large", 500))
    for _ in range(500):
        put(buffer, *sent("small"))
    taken = [each for _ in range(10) for each in buffer.take(200)]
    assert senders(taken)["small"] == 500


def test_nobody_saves_up() -> None:
    """Who had nothing waiting for a while goes next, and then shares."""
    buffer = MemoryBuffer(100_000, HUGE, "block")
    put(buffer, *sent("b"))
    for _ in range(40):
        put(buffer, *sent("a", 300))
    for _ in range(20):
        buffer.take(300)
    for _ in range(20):
        put(buffer, *sent("b", 300))
    assert 0.4 < senders([each for _ in range(10) for each in buffer.take(300)])["b"] / 3000 < 0.6


def test_addresses_that_are_many_share_one_turn() -> None:
    """Addresses of datagrams can be forged; what waits is kept in bounds, and each message comes once."""
    buffer = MemoryBuffer(100_000, HUGE, "block")
    put(buffer, *sent("first", 300))
    for number in range(3000):
        put(buffer, *sent(f"forged{number}"))
    assert len(buffer._queue._waiting) <= fair_queue._MOST_ADDRESSES + 1
    taken = []
    while batch := buffer.take(100):
        taken += batch
    assert len({each.short_message for each in taken}) == len(taken) == 3300
    assert not buffer._queue._costs


def test_the_greedy() -> None:
    """Those with more than their share, while somebody else sends; nobody when not even the reserve has room."""
    buffer = MemoryBuffer(1000, HUGE, "block")
    for _ in range(4):
        put(buffer, *sent("flood", 250))
    assert buffer.full
    assert buffer.greedy == set()
    put(buffer, *sent("honest"))
    assert buffer.greedy == {"flood"}
    put(buffer, *sent("second", 30))
    assert buffer.greedy == {"flood"}
    put(buffer, *sent("honest"))
    assert buffer.greedy == set()
    buffer.take(1000)
    assert not buffer.full


def test_the_spared() -> None:
    """Those that have little in a queue that others make long; nobody when the queue is short, or all have their share."""
    buffer = MemoryBuffer(1000, HUGE, "block")
    put(buffer, *sent("flood", 250))
    assert not buffer.spares("honest")
    for _ in range(2):
        put(buffer, *sent("flood", 250))
    assert buffer.crowded
    assert buffer.spares("honest")
    assert not buffer.spares("flood")
    put(buffer, *sent("second", 250))
    assert buffer.spares("honest")
    assert not buffer.spares("second")
    put(buffer, *sent("flood", 32))
    assert not buffer.spares("honest")


def test_a_mark() -> None:
    """What was put before it has to be taken, whatever came later and left earlier."""
    buffer = MemoryBuffer(100_000, HUGE, "block")
    for _ in range(4):
        put(buffer, *sent("flood", 300))
    mark = buffer.mark()
    for _ in range(10):
        put(buffer, *sent("honest", 20))
    for _ in range(4):
        assert not buffer.is_past(mark)
        taken = buffer.take(300)
        assert senders(taken)["flood"]
    while not buffer.is_past(mark):
        assert senders(buffer.take(300))["flood"]
    assert senders(buffer.take(10_000))["flood"] == 0


def test_who_has_most_gives_way() -> None:
    """A full buffer that drops spares who has little in it."""
    for policy in ("drop_oldest", "drop_newest"):
        buffer = MemoryBuffer(1000, HUGE, policy)
        for _ in range(4):
            put(buffer, *sent("flood", 300))
        put(buffer, *sent("honest"))
        for _ in range(4):
            put(buffer, *sent("flood", 300))
        assert len(buffer) <= 1000
        taken = buffer.take(10_000)
        taken += buffer.take(10_000)
        assert senders(taken)["honest"] == 1
        assert buffer.dropped + len(taken) == 2401
        numbers = [int(each.short_message.split()[1]) for each in taken if each.short_message[0] == "f"]
        assert numbers == sorted(numbers)


def test_a_lane_to_the_parent_has_turns_and_says_only_what_is_true() -> None:
    """An honest sender's messages go out before a flood's; who asks hears of both, and of nothing that came later."""
    buffer = LaneBuffer(OutputSettings())
    answers: list[str] = []
    for _ in range(10):
        put(buffer, *sent("flood", 300))
    buffer.when_safe(lambda _: answers.append("flood"))
    put(buffer, *sent("honest", 20))
    buffer.when_safe(lambda _: answers.append("honest"))
    put(buffer, *sent("late", 300))
    order: list[Counter[str]] = []
    gone: Counter[str] = Counter()
    while batch := buffer.take(500):
        order.append(senders(batch))
        assert bool(answers) == (gone["flood"] == 3000)
        gone += senders(batch)
        buffer.release(batch)
    assert order[0]["honest"] + order[1]["honest"] == 20
    assert gone == {"flood": 3000, "honest": 20, "late": 300}
    assert answers == ["flood", "honest"]
    buffer.when_safe(lambda _: answers.append("nothing waits"))
    assert answers[-1] == "nothing waits"


_BATCHES = st.lists(st.tuples(st.sampled_from("abcde"), st.integers(1, 200)), min_size=1, max_size=4)


@given(
    st.lists(_BATCHES | st.integers(1, 300), max_size=40),
    st.sampled_from(["block", "drop_oldest", "drop_newest"]),
    st.integers(1, 1500),
    st.integers(1, 1500 * (MESSAGE_OVERHEAD_BYTES + 10)),
)
def test_laws(steps: list[list[tuple[str, int]] | int], policy: WhenFull, most: int, most_bytes: int) -> None:
    """Each address's messages in order and once, all accounted for, and bytes that add up."""
    buffer = MemoryBuffer(most, most_bytes, policy)
    given_out: list[Message] = []
    put_in = 0
    for step in steps:
        if isinstance(step, int):
            taken = buffer.take(step)
            assert len(taken) <= step
            given_out += taken
        else:
            batch = [each for host, messages in step for each in sent(host, messages)]
            put_in += len(batch)
            put(buffer, *batch)
        assert put_in == len(given_out) + buffer.dropped + len(buffer)
        assert buffer.bytes == len(buffer) * (MESSAGE_OVERHEAD_BYTES + 10)
        if policy != "block":
            assert len(buffer) <= most
            assert buffer.bytes <= most_bytes
    while taken := buffer.take(100):
        given_out += taken
    assert len(given_out) + buffer.dropped == put_in
    for host in "abcde":
        numbers = [int(each.short_message[2:]) for each in given_out if each.short_message[0] == host]
        assert numbers == sorted(set(numbers))
    assert (len(buffer), buffer.bytes, bool(buffer._queue)) == (0, 0, False)
