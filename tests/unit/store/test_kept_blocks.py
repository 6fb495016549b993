"""Kept blocks: few of them, and never other messages than those that are there now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import zstandard

from gelf_listener.store.kept_blocks import KeptBlocks
from gelf_listener.store.tables import pack_block

FILE = Path("messages.sqlite")


def packed(*messages: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(b"".join(pack_block(messages, quickly=True)))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return what is unpacked from now on."""
    made: list[bytes] = []

    def unpack(data: bytes) -> Sequence[bytes]:
        made.append(data)
        return [b"message %d" % len(made)]

    monkeypatch.setattr("gelf_listener.store.kept_blocks.unpack_block", unpack)
    return made


def test_one_is_unpacked_once(made: list[bytes]) -> None:
    """As long as the same bytes are there, whichever object holds them."""
    blocks = KeptBlocks(2)
    first = blocks.unpacked(FILE, 1, packed(b"a"))
    assert blocks.unpacked(FILE, 1, packed(b"a")) is first
    assert len(made) == 1


def test_one_that_was_written_again_is_unpacked_again() -> None:
    """The last block goes on, and compacting empties places."""
    blocks = KeptBlocks(2)
    assert list(blocks.unpacked(FILE, 1, packed(b"a"))) == [b"a"]
    assert list(blocks.unpacked(FILE, 1, packed(b"a", b"b"))) == [b"a", b"b"]
    assert list(blocks.unpacked(FILE, 1, packed(b"", b"b"))) == [b"", b"b"]


def test_blocks_of_two_files_are_two() -> None:
    """They may begin at the same place."""
    blocks = KeptBlocks(2)
    assert list(blocks.unpacked(FILE, 1, packed(b"a"))) == [b"a"]
    assert list(blocks.unpacked(Path("other"), 1, packed(b"b"))) == [b"b"]


def test_the_oldest_go(made: list[bytes]) -> None:
    """One that is not to be kept takes nobody's place."""
    blocks = KeptBlocks(2)
    for first in (1, 2, 3):
        blocks.unpacked(FILE, first, packed(b"a"))
    blocks.unpacked(FILE, 4, packed(b"a"), keep=False)
    assert len(made) == 4
    blocks.unpacked(FILE, 2, packed(b"a"))
    blocks.unpacked(FILE, 3, packed(b"a"))
    assert len(made) == 4
    blocks.unpacked(FILE, 1, packed(b"a"))
    blocks.unpacked(FILE, 4, packed(b"a"))
    assert len(made) == 6


def test_a_damaged_one_is_not_kept() -> None:
    """Whoever asks is told, each time."""
    blocks = KeptBlocks(2)
    for _ in range(2):
        with pytest.raises(zstandard.ZstdError):
            blocks.unpacked(FILE, 1, b"damaged")
    assert list(blocks.unpacked(FILE, 1, packed(b"a"))) == [b"a"]
