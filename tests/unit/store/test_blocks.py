"""Blocks: what is saved is read again, in its place, whatever happens to the rest."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from gelf_listener.store.blocks import BLOCK_BYTES, FILE_NAME, Blocks


def packed(place: int, size: int = 1000) -> bytes:
    """Return bytes that tell their place and do not compress to nothing."""
    return (b"%d " % place * size)[:size]


@pytest.fixture
def blocks(tmp_path: Path) -> Iterator[Blocks]:
    made = Blocks(tmp_path, first=0)
    yield made
    made.close()


def fill(blocks: Blocks, first: int, count: int) -> None:
    assert blocks.last == first - 1
    blocks.add([packed(place) for place in range(first, first + count)])


def since(blocks: Blocks, place: int) -> list[int]:
    return [found for found, _ in blocks.since(place, 10**18)]


def damage(directory: Path, which: str) -> None:
    """Overwrite the packed messages of some blocks."""
    with sqlite3.connect(directory / FILE_NAME) as connection:
        connection.execute(f"UPDATE blocks SET packed = x'00ff' WHERE {which}")
    connection.close()


def test_an_empty_one_has_nothing(blocks: Blocks) -> None:
    """And says so."""
    assert blocks.last == -1
    assert list(blocks.read([0, 1])) == []
    assert since(blocks, 0) == []
    blocks.save()


@pytest.mark.parametrize("first", [0, 7, 10**12])
def test_what_was_saved_is_read_by_its_place(tmp_path: Path, first: int) -> None:
    """Over the borders of blocks, in any choice that rises."""
    blocks = Blocks(tmp_path, first=first)
    fill(blocks, first, 100)
    blocks.save()
    assert blocks.last == first + 99
    every = [(place, packed(place)) for place in range(first, first + 100)]
    assert list(blocks.read(range(first, first + 100))) == every
    assert list(blocks.read(range(first, first + 100, 7))) == every[::7]
    assert list(blocks.read([first - 1, first + 99, first + 100])) == every[-1:]
    assert list(blocks.since(first, first + 99)) == every
    assert list(blocks.since(first + 33, first + 66)) == every[33:67]
    blocks.close()


def test_what_was_not_saved_is_not_read(blocks: Blocks) -> None:
    """It counts as unsaved, and is saved by the next call."""
    fill(blocks, 0, 3)
    assert list(blocks.read([0, 1, 2])) == []
    assert blocks.unsaved == 3
    blocks.save()
    assert blocks.unsaved == 0
    assert [place for place, _ in blocks.read([0, 1, 2])] == [0, 1, 2]


def test_what_is_saved_quickly_is_read_the_same(tmp_path: Path, blocks: Blocks) -> None:
    """It takes more room, and what comes later goes on with its last block."""
    sent = [b'%d{"a":%d,"b":"x%d","c":"y"}' % (place, place, place % 3) for place in range(20_000)]
    sizes = []
    for quickly, first in ((True, 0), (False, 10_000)):
        blocks.add(sent[first : first + 10_000])
        blocks.save(quickly=quickly)
        with sqlite3.connect(tmp_path / FILE_NAME) as connection:
            sizes.append(connection.execute("SELECT sum(length(packed)) FROM blocks").fetchone()[0])
        connection.close()
    assert [message for _, message in blocks.since(0, 20_000)] == sent
    assert sizes[1] < sizes[0] * 1.8


def _orders(count: int) -> list[bytes]:
    """Return messages of a service."""
    chance = random.Random(1)
    return [
        b'%d{"version":"1.1","host":"web-%d","_took":%d,"_id":"%08x","_status":%d,"_path":"/orders/%d","_zone":"eu-%d"}'
        % (at, at % 7, chance.randrange(1000), chance.getrandbits(32), 200 + at % 4, chance.randrange(90), at % 3)
        for at in range(count)
    ]


def test_what_was_saved_quickly_is_laid_out_later(
    tmp_path: Path, blocks: Blocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for the last block, which goes on; deleted messages stay deleted, and room is given back bit by bit."""
    monkeypatch.setattr("gelf_listener.store.blocks._GIVEN_BACK_AT_ONCE", 20)
    count = 8000
    sent = _orders(count)
    blocks.add(sent)
    blocks.save(quickly=True)
    blocks.fold()
    before = (tmp_path / FILE_NAME).stat().st_size
    blocks.delete([5], "mark")
    blocks.compact()
    while blocks.lay_out():
        pass
    assert not blocks.lay_out()
    steps = 0
    while blocks.give_back(some=True):
        steps += 1
        blocks.add([b"more"])  # it goes on meanwhile
        blocks.save()
        assert blocks.hurried
    assert steps
    assert not blocks.hurried
    assert (tmp_path / FILE_NAME).stat().st_size < before * 0.7
    assert not blocks.give_back(some=False)
    blocks.close()
    again = Blocks(tmp_path)
    again.add([b"one more"])
    again.save()
    expected = [*sent[:5], *sent[6:], *[b"more"] * steps, b"one more"]
    assert [message for _, message in again.since(0, count + steps)] == expected
    again.close()


def test_a_file_of_an_earlier_version_is_cut_once_nothing_is_added(tmp_path: Path, blocks: Blocks) -> None:
    """SQLite writes all of it again then, for such a file does not say whose each page is."""
    blocks.add(_orders(8000))
    blocks.save(quickly=True)
    blocks.close()
    with sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA auto_vacuum = NONE")  # as those had it
        connection.execute("VACUUM")
    connection.close()
    before = (tmp_path / FILE_NAME).stat().st_size
    again = Blocks(tmp_path)
    while again.lay_out():
        pass
    assert not again.give_back(some=True)
    again.fold()
    assert (tmp_path / FILE_NAME).stat().st_size >= before
    assert not again.give_back(some=False)
    assert (tmp_path / FILE_NAME).stat().st_size < before * 0.9
    assert [message for _, message in again.since(0, 7999)] == _orders(8000)
    again.close()


def test_a_few_at_a_time_share_a_block(tmp_path: Path, blocks: Blocks) -> None:
    """So that they compress, and are there after each save."""
    for place in range(40):
        fill(blocks, place, 1)
        blocks.save()
        assert list(blocks.read([place])) == [(place, packed(place))]
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        (count,) = connection.execute("SELECT count(*) FROM blocks").fetchone()
    connection.close()
    assert count == 40 * 1000 // BLOCK_BYTES + 1


def test_it_goes_on_where_it_ended(tmp_path: Path) -> None:
    """After it was closed, and after the process was killed."""
    first = Blocks(tmp_path, first=5)
    fill(first, 5, 50)
    first.save()
    fill(first, 55, 1)  # is lost
    killed = tmp_path / "killed"
    killed.mkdir()
    for file in tmp_path.glob(FILE_NAME + "*"):
        shutil.copy(file, killed)
    first.close()
    for directory in (tmp_path, killed):
        again = Blocks(directory)
        assert (again.first, again.last, again.messages) == (5, 54, 50)
        fill(again, 55, 1)
        again.save()
        assert since(again, 0) == list(range(5, 56))
        again.close()


def test_what_was_not_saved_can_be_taken_back(blocks: Blocks) -> None:
    """As if it had never been added."""
    fill(blocks, 0, 3)
    blocks.save()
    fill(blocks, 3, 3)
    blocks.take_back(2)
    assert (blocks.last, blocks.unsaved, blocks.unsaved_bytes) == (3, 1, 1000)
    blocks.save()
    fill(blocks, 4, 1)
    blocks.save()
    assert since(blocks, 0) == [0, 1, 2, 3, 4]


def test_a_file_that_is_missing_or_none_of_ours(tmp_path: Path) -> None:
    """Is not made where there should be one."""
    with pytest.raises(ValueError, match=r"messages.sqlite is missing"):
        Blocks(tmp_path)
    (tmp_path / FILE_NAME).write_bytes(b"not a database, but quite long enough to look like one" * 100)
    with pytest.raises(ValueError, match="not a database"):
        Blocks(tmp_path)


def test_a_damaged_block_costs_its_messages_only(
    tmp_path: Path, blocks: Blocks, caplog: pytest.LogCaptureFixture
) -> None:
    """The others are read, and it is said which are lost."""
    fill(blocks, 0, 500)
    blocks.save()
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        second, third = (
            row[0] for row in connection.execute("SELECT first FROM blocks ORDER BY first LIMIT 2 OFFSET 1")
        )
    connection.close()
    damage(tmp_path, f"first = {second}")
    left = [*range(second), *range(third, 500)]
    assert [place for place, _ in blocks.read(range(500))] == left
    assert since(blocks, 0) == left
    assert caplog.text.count(f"the messages from place {second} on are damaged") == 2  # once a look


def test_it_goes_on_after_a_damaged_last_block(tmp_path: Path) -> None:
    """Which stays as it is."""
    first = Blocks(tmp_path, first=0)
    fill(first, 0, 3)
    first.save()
    first.close()
    damage(tmp_path, "first = 0")
    again = Blocks(tmp_path)
    assert (again.last, again.messages) == (2, 3)
    fill(again, 3, 2)
    again.save()
    assert since(again, 0) == [3, 4]
    again.close()


def test_what_was_deleted_is_not_given_to_an_index(tmp_path: Path, blocks: Blocks) -> None:
    """Nor what an index cannot take; both are counted, also after reopening."""
    fill(blocks, 0, 10)
    blocks.save()
    blocks.delete([3, 5], "mark")
    blocks.delete([5], "mark")
    blocks.leave_out([(7, "odd")])
    assert (blocks.messages, blocks.removed, blocks.unindexable) == (8, 2, 1)
    assert since(blocks, 0) == [0, 1, 2, 4, 6, 8, 9]
    assert blocks.mark("mark") == 1
    blocks.set_mark("mark", None)
    assert blocks.mark("mark") is None
    blocks.close()
    again = Blocks(tmp_path)
    assert (again.messages, again.removed, again.unindexable) == (8, 2, 1)
    again.close()


@pytest.mark.parametrize("damaged", [False, True])
def test_compacting_gives_back_the_room_of_what_was_deleted(tmp_path: Path, blocks: Blocks, damaged: bool) -> None:
    """Places stay, the last block goes on, whole blocks disappear, and a damaged one is no reason to stop."""
    blocks.add([packed(place) + place.to_bytes(2, "big") * 500 for place in range(500)])
    blocks.save()
    blocks.fold()
    before = (tmp_path / FILE_NAME).stat().st_size
    living = [0, 1, 250, 499]
    if damaged:
        damage(tmp_path, "first = (SELECT first FROM blocks WHERE first <= 250 ORDER BY first DESC LIMIT 1)")
    blocks.delete([place for place in range(500) if place not in living], "mark")
    blocks.compact()
    assert (tmp_path / FILE_NAME).stat().st_size < before
    assert blocks.messages == 4
    blocks.add([packed(500)])
    blocks.save()
    left = [place for place in living if place != 250 or not damaged]
    assert [place for place, _ in blocks.read(range(501))] == [*left, 500]
    assert since(blocks, 1) == [*left[1:], 500]
    blocks.close()
    again = Blocks(tmp_path)
    assert again.messages == 5
    again.close()


def test_what_cannot_be_written_stays_until_it_can(tmp_path: Path, blocks: Blocks) -> None:
    """A full disk, or another process in the way."""
    fill(blocks, 0, 50)
    other = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    blocks._writer.execute("PRAGMA busy_timeout = 1")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OSError, match="locked"):
        blocks.save()
    assert blocks.unsaved == 50
    other.execute("ROLLBACK")
    other.close()
    blocks.save()
    assert since(blocks, 0) == list(range(50))


def test_a_closed_one_finds_nothing(blocks: Blocks) -> None:
    """Whoever still searches is not disturbed."""
    fill(blocks, 0, 3)
    blocks.save()
    blocks.close()
    blocks.close()
    assert list(blocks.read([0])) == []
