"""OutputContract: what every output must do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import ClassVar

from gelf_listener.errors import OutputError
from gelf_listener.message import Message
from gelf_listener.outputs import Output
from gelf_listener.plugins import OUTPUT_GROUP, load
from gelf_listener.settings import OutputSettings
from gelf_listener.testing.contracts.messages import make_batch
from gelf_listener.testing.contracts.running import in_loop


class OutputContract:
    """
    The laws of `gelf_listener.plugin.Output`, each a test.

    Derive a test class, and say how the output is made and what its destination has::

        class TestBell(OutputContract):
            scheme = "bell"

            def make(self, tmp_path):
                return BellOutput(BellSettings(path=tmp_path / "rung"))

            def texts(self, tmp_path):
                return (tmp_path / "rung").read_text().splitlines()
    """

    scheme: ClassVar[str] = ""
    """What it is registered as; empty when it is not."""

    def make(self, tmp_path: Path) -> Output:
        """Make the output, not started."""
        raise NotImplementedError

    def texts(self, tmp_path: Path) -> Sequence[str] | None:
        """Return one text a message the destination has, in order; None when it keeps none."""
        raise NotImplementedError

    @contextlib.asynccontextmanager
    async def _opened(self, tmp_path: Path) -> AsyncIterator[Output]:
        output = self.make(tmp_path)
        await output.start()
        yield output
        await output.close()

    async def _has(self, tmp_path: Path, batch: Sequence[Message]) -> None:
        texts = await asyncio.to_thread(self.texts, tmp_path)  # which may ask a destination in a loop of its own
        if texts is not None:
            assert len(texts) == len(batch)
            for text, message in zip(texts, batch, strict=True):
                assert message.short_message in text

    def test_is_what_is_registered(self, tmp_path: Path) -> None:
        """Who names its scheme gets this class, and nothing else has the name."""
        if self.scheme:
            assert load(OUTPUT_GROUP, self.scheme) is type(self.make(tmp_path))

    def test_has_settings_with_descriptions(self, tmp_path: Path) -> None:
        """Help, documentation and errors are made from them."""
        settings = type(self.make(tmp_path)).Settings
        assert issubclass(settings, OutputSettings)
        assert [name for name, field in settings.model_fields.items() if not field.description] == []

    def test_states_its_guarantee(self, tmp_path: Path) -> None:
        """A class that carries messages says what may be lost."""
        assert "Guarantee:" in (type(self.make(tmp_path)).__doc__ or "")

    @in_loop
    async def test_writes_batches_in_order(self, tmp_path: Path) -> None:
        """What was written is at the destination once `close` returned."""
        batch = make_batch(100)
        async with self._opened(tmp_path) as output:
            await output.write(batch[:1])
            await output.write(batch[1:60])
            await output.write(tuple(batch[60:]))
        await self._has(tmp_path, batch)

    @in_loop
    async def test_leaves_the_batch_as_it_was(self, tmp_path: Path) -> None:
        """The same list may go to several outputs, and to the same one again."""
        batch = make_batch(10)
        before = batch.copy()
        async with self._opened(tmp_path) as output:
            await output.write(batch)
        assert batch == before

    @in_loop
    async def test_takes_an_empty_batch(self, tmp_path: Path) -> None:
        """Nothing is something an output may be asked to write."""
        batch = make_batch(3)
        async with self._opened(tmp_path) as output:
            await output.write([])
            await output.write(batch)
            await output.write([])
        await self._has(tmp_path, batch)

    @in_loop
    async def test_may_be_closed_twice(self, tmp_path: Path) -> None:
        """A service that fails while it starts closes what it opened, perhaps again."""
        batch = make_batch(2)
        async with self._opened(tmp_path) as output:
            await output.write(batch)
        await output.close()
        await self._has(tmp_path, batch)

    @in_loop
    async def test_may_be_closed_without_messages(self, tmp_path: Path) -> None:
        """Most outputs of most runs in a test suite."""
        async with self._opened(tmp_path):
            pass
        await self._has(tmp_path, [])

    @in_loop
    async def test_may_be_closed_before_it_was_started(self, tmp_path: Path) -> None:
        """A service that could not start closes every output it made."""
        await self.make(tmp_path).close()

    @in_loop
    async def test_writes_nothing_after_close(self, tmp_path: Path) -> None:
        """It may raise an OutputError; it must not claim to have written."""
        batch = make_batch(5)
        async with self._opened(tmp_path) as output:
            await output.write(batch)
        before = dict(output.counters())
        with contextlib.suppress(OutputError):
            await output.write(make_batch(5, start=100))
        after = dict(output.counters())
        assert {name: value for name, value in after.items() if name.startswith("written_")} == {
            name: value for name, value in before.items() if name.startswith("written_")
        }
        await self._has(tmp_path, batch)

    @in_loop
    async def test_counts_what_it_writes(self, tmp_path: Path) -> None:
        """Counters are numbers under metric names; those called ``written_messages_total`` count messages."""
        output = self.make(tmp_path)
        assert all(name.isidentifier() and name.islower() for name in output.counters())
        await output.start()
        start = output.counters()
        await output.write(make_batch(7))
        counters = output.counters()
        assert set(counters) == set(start)
        assert all(isinstance(value, int | float) for value in counters.values())
        if "written_messages_total" in counters:
            assert counters["written_messages_total"] - start["written_messages_total"] == 7
        await output.close()
        assert output.counters().get("written_messages_total", 7) == 7
