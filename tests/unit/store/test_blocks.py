"""Blocks: what is saved is read again, in its place, whatever happens to the rest."""

from __future__ import annotations

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
    made = Blocks(tmp_path, new=True)
    yield made
    made.close()


def fill(blocks: Blocks, first: int, count: int) -> None:
    for place in range(first, first + count):
        blocks.add(place, packed(place))


def damage(directory: Path, which: str) -> None:
    """Overwrite the packed messages of some blocks."""
    with sqlite3.connect(directory / FILE_NAME) as connection:
        connection.execute(f"UPDATE blocks SET packed = x'00ff' WHERE {which}")
    connection.close()


def test_an_empty_one_has_nothing(blocks: Blocks) -> None:
    """And says so."""
    assert blocks.last == -1
    assert list(blocks.read([0, 1])) == []
    assert list(blocks.since(0)) == []
    blocks.save()


@pytest.mark.parametrize("first", [0, 7, 10**12])
def test_what_was_saved_is_read_by_its_place(blocks: Blocks, first: int) -> None:
    """Over the borders of blocks, in any choice that rises."""
    fill(blocks, first, 100)
    blocks.save()
    assert blocks.last == first + 99
    every = [(place, packed(place)) for place in range(first, first + 100)]
    assert list(blocks.read(range(first, first + 100))) == every
    assert list(blocks.read(range(first, first + 100, 7))) == every[::7]
    assert list(blocks.read([first - 1, first + 99, first + 100])) == every[-1:]
    assert list(blocks.since(first)) == every
    assert list(blocks.since(first + 33)) == every[33:]


def test_what_was_not_saved_is_not_read(blocks: Blocks) -> None:
    """It counts as unsaved, and is saved by the next call."""
    fill(blocks, 0, 3)
    assert list(blocks.read([0, 1, 2])) == []
    assert blocks.unsaved == 3
    blocks.save()
    assert blocks.unsaved == 0
    assert [place for place, _ in blocks.read([0, 1, 2])] == [0, 1, 2]


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
    first = Blocks(tmp_path, new=True)
    fill(first, 5, 50)
    first.save()
    fill(first, 55, 1)  # is lost
    killed = tmp_path / "killed"
    killed.mkdir()
    for file in tmp_path.glob(FILE_NAME + "*"):
        shutil.copy(file, killed)
    first.close()
    for directory in (tmp_path, killed):
        again = Blocks(directory, new=False)
        assert again.last == 54
        fill(again, 55, 1)
        again.save()
        assert [place for place, _ in again.since(0)] == list(range(5, 56))
        again.close()


def test_places_may_leap(blocks: Blocks) -> None:
    """As they do after messages that another partition took."""
    fill(blocks, 0, 2)
    fill(blocks, 10, 2)
    blocks.save()
    assert [place for place, _ in blocks.since(0)] == [0, 1, 10, 11]
    assert [place for place, _ in blocks.read([1, 2, 9, 10])] == [1, 10]


def test_a_file_that_is_missing_or_none_of_ours(tmp_path: Path) -> None:
    """Is not made anew where there should be one."""
    with pytest.raises(ValueError, match=r"messages.sqlite is missing"):
        Blocks(tmp_path, new=False)
    (tmp_path / FILE_NAME).write_bytes(b"not a database, but quite long enough to look like one" * 100)
    with pytest.raises(ValueError, match="not a database"):
        Blocks(tmp_path, new=False)


def test_a_damaged_block_costs_its_messages_only(
    tmp_path: Path, blocks: Blocks, caplog: pytest.LogCaptureFixture
) -> None:
    """The others are read, and it is said which are lost."""
    fill(blocks, 0, 300)
    blocks.save()
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        second, third = (
            row[0] for row in connection.execute("SELECT first FROM blocks ORDER BY first LIMIT 2 OFFSET 1")
        )
    connection.close()
    damage(tmp_path, f"first = {second}")
    left = [*range(second), *range(third, 300)]
    assert [place for place, _ in blocks.read(range(300))] == left
    assert [place for place, _ in blocks.since(0)] == left
    assert f"the messages from place {second} on are damaged" in caplog.text


def test_a_damaged_last_block_is_no_place_to_go_on(tmp_path: Path) -> None:
    """It would be overwritten."""
    first = Blocks(tmp_path, new=True)
    fill(first, 0, 3)
    first.save()
    first.close()
    damage(tmp_path, "first = 0")
    with pytest.raises(ValueError, match=FILE_NAME):
        Blocks(tmp_path, new=False)


def test_keeping_some_gives_back_the_room_of_the_others(tmp_path: Path, blocks: Blocks) -> None:
    """Places stay, the last block goes on, and whole blocks disappear."""
    for place in range(500):
        blocks.add(place, packed(place) + place.to_bytes(2, "big") * 500)
    blocks.save()
    blocks.fold()
    before = (tmp_path / FILE_NAME).stat().st_size
    living = [0, 1, 250, 499]
    blocks.keep(living)
    assert (tmp_path / FILE_NAME).stat().st_size < before
    fill(blocks, 500, 1)
    blocks.save()
    assert [place for place, _ in blocks.read(range(501))] == [*living, 500]
    assert [place for place, _ in blocks.since(1)] == [1, 250, 499, 500]


def test_what_the_index_had_is_remembered(tmp_path: Path) -> None:
    """Or what was deleted from the index would be put into it again."""
    first = Blocks(tmp_path, new=True)
    assert first.indexed == -1
    fill(first, 0, 10)
    first.mark_indexed()
    assert first.indexed == 9
    fill(first, 10, 1)
    first.save()
    first.close()
    again = Blocks(tmp_path, new=False)
    assert (again.indexed, again.last) == (9, 10)
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
    assert [place for place, _ in blocks.since(0)] == list(range(50))


def test_a_closed_one_finds_nothing(blocks: Blocks) -> None:
    """Whoever still searches is not disturbed."""
    fill(blocks, 0, 3)
    blocks.save()
    blocks.close()
    blocks.close()
    assert list(blocks.read([0])) == []
