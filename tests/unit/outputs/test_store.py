"""store: the contract of outputs, and its settings and counters."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.errors import ConfigError, Retry
from gelf_listener.outputs.store import StoreOutput, StoreSettings
from gelf_listener.query import parse
from gelf_listener.query.nodes import MatchAll
from gelf_listener.store.parameters import EVERYTHING, Sort
from gelf_listener.store.tantivy_store import TantivyStore
from gelf_listener.testing.contracts import OutputContract
from tests.unit.store.samples import plain


def made(path: Path, **settings: object) -> StoreOutput:
    output = StoreOutput(StoreSettings.from_values({"path": str(path), **settings}, "test"))
    output.open_fields = read_fields
    return output


class TestStoreOutput(OutputContract):
    """The contract."""

    scheme = "store"

    def make(self, tmp_path: Path) -> StoreOutput:
        return made(tmp_path / "store")

    def texts(self, tmp_path: Path) -> list[str]:
        async def main() -> list[str]:
            store = TantivyStore(tmp_path / "store", read_fields)
            await store.open()
            found = await store.search(
                MatchAll(), EVERYTHING, limit=10_000, sort=Sort("gl2_message_id", descending=False)
            )
            await store.close()
            return [message.short_message for message in found.messages]

        return asyncio.run(main()) if (tmp_path / "store").exists() else []


def test_messages_are_stored_and_counted(tmp_path: Path) -> None:
    """Retention and limits come from the settings; the counters say what was done."""

    async def main() -> None:
        output = made(tmp_path / "store", commit_seconds=0)
        await output.start()
        assert output.store is not None
        await output.write([plain("one"), plain("two")])
        assert await output.store.count(parse("two").node, EVERYTHING) == 1
        counters = output.counters()
        assert (counters["store_messages"], counters["store_partitions"], counters["store_commits_total"]) == (2, 1, 1)
        await output.close()
        await output.close()
        with pytest.raises(Retry):
            await output.write([plain("three")])

    asyncio.run(main())


def test_it_is_not_open_before_it_is_started(tmp_path: Path) -> None:
    """Nothing is written, nothing is made."""

    async def main() -> None:
        output = made(tmp_path / "store")
        with pytest.raises(Retry):
            await output.write([plain()])
        assert output.counters() == {}
        await output.close()
        assert not (tmp_path / "store").exists()

    asyncio.run(main())


def test_a_store_that_is_open_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is a usage error, said at the start; in this process it is one that a reload is about to close."""

    async def main() -> None:
        first, second = made(tmp_path / "store"), made(tmp_path / "store")
        await first.start()
        with pytest.raises(Retry, match="being closed, to be opened with other settings"):
            await second.start()
        monkeypatch.setattr(os, "getpid", lambda: 1)
        with pytest.raises(ConfigError, match="open in another process"):
            await second.start()
        monkeypatch.undo()
        await second.close()
        await first.close()

    asyncio.run(main())


def test_the_default_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in the user's state directory."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    async def main() -> None:
        output = StoreOutput(StoreSettings())
        output.open_fields = read_fields
        await output.start()
        await output.close()

    asyncio.run(main())
    assert (tmp_path / "gelf-listener" / "store" / "lock").exists()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"max_age": "soon"}, "max_age"),
        ({"max_bytes": "much"}, "max_bytes"),
        ({"commit_seconds": -1}, "commit_seconds"),
        ({"max_partition_messages": 1}, "max_partition_messages"),
    ],
)
def test_settings_are_checked(settings: dict[str, object], words: str) -> None:
    """With the name of the setting."""
    with pytest.raises(ConfigError, match=words):
        StoreSettings.from_values(settings, "store:")
