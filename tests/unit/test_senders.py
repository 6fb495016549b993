"""Senders: exact for what is usual, an estimate in a flood, bounded for forged addresses."""

from __future__ import annotations

import pytest

from gelf_listener.errors import Reason, Rejected
from gelf_listener.message import Message, Peer
from gelf_listener.senders import Senders
from tests.unit.fakes import message


def messages(host: str, number: int, address: str = "192.0.2.1", at: float = 1700000000.0) -> list[Message]:
    return [Message(0.0, host, "", None, None, b"12345", at, "in", Peer(address, 4000)) for _ in range(number)]


def test_counts() -> None:
    """By host and address, whatever the port; most first."""
    senders = Senders()
    senders.saw(messages("a", 2, at=1.0) + messages("b", 3) + messages("a", 1, "192.0.2.2"))
    senders.saw(messages("a", 2, at=5.0))
    found = senders.top(10)
    assert [(each.host, each.address, each.messages, each.bytes) for each in found] == [
        ("a", "192.0.2.1", 4, 20),
        ("b", "192.0.2.1", 3, 15),
        ("a", "192.0.2.2", 1, 5),
    ]
    assert found[0].last_seen == 5.0
    assert [each.host for each in senders.top(1)] == ["a"]


def test_without_a_peer() -> None:
    """From standard input, for one."""
    senders = Senders()
    senders.saw([Message(0.0, "a", "", None, None, b"", 1.0)])
    assert [(each.host, each.address) for each in senders.top(10)] == [("a", "")]


def test_a_flood_is_estimated() -> None:
    """Senders that take turns are all seen, and the sums are about right."""
    senders = Senders()
    hosts = [f"h{number % 10}" for number in range(500)]
    for _ in range(20):
        senders.saw([Message(0.0, host, "", None, None, b"12345", 1.0, "in", Peer("192.0.2.1", 1)) for host in hosts])
    found = senders.top(20)
    assert len(found) == 10
    assert abs(sum(each.messages for each in found) - 10_000) < 500
    assert all(700 <= each.messages <= 1300 for each in found)
    assert abs(found[0].bytes - found[0].messages * 5) < 100


def test_a_large_batch_of_one_sender() -> None:
    """Is counted exactly all the same."""
    senders = Senders()
    for number in (63, 64, 65, 100, 251, 256):
        senders.saw(messages("a", number))
    assert [(each.messages, each.bytes) for each in senders.top(2)] == [(799, 799 * 5)]


def test_a_batch_that_no_flood_made() -> None:
    """Is counted exactly, whoever takes turns in it."""
    senders = Senders()
    senders.saw([message for number in range(200) for message in messages(f"h{number % 3}", 1)])
    assert sorted(each.messages for each in senders.top(5)) == [66, 67, 67]


def test_rejections() -> None:
    """Under the address alone, for they name no host."""
    senders = Senders()
    senders.refused(Rejected(Reason.INVALID_JSON, "no", b"x", peer=Peer("192.0.2.9", 1), received_at=7.0))
    senders.refused(Rejected(Reason.INVALID_JSON, "no", b"x", received_at=8.0))
    assert [(each.host, each.address, each.rejected, each.last_seen) for each in senders.top(5)] == [
        ("", "192.0.2.9", 1, 7.0),
        ("", "", 1, 8.0),
    ]


def test_forged_addresses() -> None:
    """A hundred thousand of them leave no more than the bound, and who sends a lot stays."""
    senders = Senders(most=100)
    senders.saw(messages("real", 50))
    for number in range(1000):
        senders.saw(messages("forged", 1, f"10.0.{number // 250}.{number % 250}"))
    assert len(senders) == 100
    assert senders.forgotten == 901
    assert senders.top(1)[0].host == "real"


DOCKER = b'{"_container_id":"a","_container_name":"b","_image_id":"c"}'


def test_the_client_is_guessed() -> None:
    """From the first message that has a sign, however late; what came before belongs to it."""
    senders = Senders()
    plain = message("a", b'{"short_message":"a"}')
    for _ in range(500):
        senders.saw([plain])
    assert [(each.client, each.messages) for each in senders.top(3)] == [("", 500)]
    for _ in range(13):
        senders.saw([message("a", DOCKER)])
    assert [(each.client, each.messages) for each in senders.top(3)] == [("Docker", 513)]


def test_several_clients_of_one_host_have_a_row_each() -> None:
    """They are told apart by the port they send from."""
    senders = Senders()
    pygelf = b'{"version":"1.1","short_message":"x","timestamp":1.5,"level":6,"host":"h"}'
    for port, raw, number in ((1, DOCKER, 2), (2, pygelf, 3), (3, b'{"short_message":"a"}', 1), (4, DOCKER, 4)):
        peer = Peer("192.0.2.1", port)
        senders.saw([Message(0.0, "h", "", None, None, raw, 1.0, "in", peer) for _ in range(number)])
    found = {each.client: each.messages for each in senders.top(9)}
    assert found == {"Docker": 6, "pygelf": 3, "": 1}


def test_what_no_client_is_known_of_is_looked_at_ever_more_seldom() -> None:
    """A guess costs more than counting, and a flood may forge ports."""
    looked = []
    senders = Senders()
    plain = message("a", b'{"short_message":"a"}')
    real = senders._guess

    def count(*arguments: object) -> None:
        looked.append(1)
        real(*arguments)  # type: ignore[arg-type]

    senders._guess = count  # type: ignore[assignment, method-assign]
    for _ in range(10_000):
        senders.saw([plain])
    assert len(looked) == 20 + 9
    forged = [Message(0.0, "h", "", None, None, b"{", 1.0, "in", Peer("192.0.2.1", port)) for port in range(200)]
    senders.saw(forged)
    assert len(looked) == 29 + 50


def test_the_client_of_another_protocol() -> None:
    """Told by what it says of itself."""
    senders = Senders()
    made = message("a")
    made.exact = False
    made.fields["telemetry.sdk.language"] = "nodejs"
    senders.saw([made])
    assert [each.client for each in senders.top(1)] == ["OpenTelemetry, nodejs"]


def test_what_another_process_counted() -> None:
    """Is taken from there and added here, again and again, to the same rows."""
    there, here = Senders(), Senders()
    here.saw(messages("a", 1, at=50.0))
    for at in (10.0, 99.0):
        there.saw(messages("a", 2, at=at) + messages("b", 1, at=at))
        there.refused(Rejected(Reason.NO_MESSAGE, "", peer=Peer("192.0.2.1", 1), received_at=at))
        here.add(there.take())
        assert there.take() == []
    found = {each.host: each for each in here.top(10)}
    assert {host: (each.messages, each.bytes, each.rejected) for host, each in found.items()} == {
        "a": (5, 25, 0),
        "b": (2, 10, 0),
        "": (0, 0, 2),
    }
    assert (found["a"].first_seen, found["b"].first_seen, found["b"].last_seen) == (10.0, 10.0, 99.0)


def test_a_client_is_known_after_its_counts_were_taken() -> None:
    """And nothing is taken twice when it becomes known only then."""
    senders, everywhere = Senders(), Senders()
    unknown = message("a", b'{"short_message":"a"}')
    known = message("a")
    known.exact = False
    known.fields["telemetry.sdk.language"] = "nodejs"
    senders.saw([unknown, unknown])
    everywhere.add(senders.take())
    for _ in range(3):
        senders.saw([known])
    everywhere.add(senders.take())
    assert sum(each.messages for each in everywhere.top(10)) == 5
    assert len({each.client for each in everywhere.top(10)}) == 2


def test_guesses_of_a_second_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """More hosts than are remembered look new in every batch: that must not cost more than their messages do."""
    looked_at = []
    monkeypatch.setattr("gelf_listener.senders.guess_client", lambda raw: looked_at.append(raw) or "")
    senders = Senders()
    for at in (1.0, 1.5, 2.0):
        before = len(looked_at)
        for number in range(1000):
            senders.saw(messages(f"h{number}", 1, at=at))
        assert len(looked_at) - before == (0 if at == 1.5 else 500)
    assert sum(each.messages for each in senders.top(1000)) == 3000
