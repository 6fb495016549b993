"""InputContract: what every input must do."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from random import Random
from typing import ClassVar, Literal

from gelf_listener.address import Address
from gelf_listener.inputs import Input
from gelf_listener.plugins import INPUT_GROUP, load
from gelf_listener.settings import InputSettings
from gelf_listener.testing.contracts.recording_intake import RecordingIntake
from gelf_listener.testing.contracts.running import in_loop, until

_MANY = 200
_LONG = 5000
_QUIET_SECONDS = 0.05


class InputContract:
    """
    The laws of `gelf_listener.plugin.Input`, each a test.

    Derive a test class, and say how the input is made and how a client sends::

        class TestPairs(InputContract):
            scheme = "pairs+udp"
            nonsense = b"no pairs"

            def make(self, tmp_path):
                return PairsInput(PairsSettings(port=0))

            async def send(self, input, texts):
                await send_udp(input.listening[0], [f"message={text}".encode() for text in texts])

            async def send_bytes(self, input, data):
                await send_udp(input.listening[0], [data])
    """

    scheme: ClassVar[str] = ""
    """What it is registered as; empty when it is not."""

    waits_while: ClassVar[Literal["crowded", "full"]] = "crowded"
    """What makes it stop reading: `full` where senders cannot wait."""

    acknowledges: ClassVar[bool] = False
    """Whether `send` returns only after the input has said that it took the messages, and raises when it does not."""

    fetches: ClassVar[bool] = False
    """Whether it fetches from somewhere that keeps what was not read, instead of being sent to."""

    nonsense: ClassVar[bytes] = b""
    """What `send_bytes` sends and no client means; empty where anything is a message."""

    def make(self, tmp_path: Path) -> Input:
        """Make the input on a free port, not started."""
        raise NotImplementedError

    async def send(self, input: Input, texts: Sequence[str]) -> None:
        """
        Send a message for each text, in order, as a client does; the input has started.

        Raises:
            Exception: If the input refuses them, where it acknowledges.
        """
        raise NotImplementedError

    async def send_bytes(self, input: Input, data: bytes) -> None:
        """Send what is not a message, and take the answer if there is one."""
        raise NotImplementedError

    @contextlib.asynccontextmanager
    async def opened(self, tmp_path: Path) -> AsyncIterator[tuple[Input, RecordingIntake]]:
        """Start an input, and close it."""
        made, intake = self.make(tmp_path), RecordingIntake()
        await made.start(intake)
        try:
            yield made, intake
        finally:
            await made.close()

    def test_is_what_is_registered(self, tmp_path: Path) -> None:
        """Who names its scheme gets this class, and nothing else has the name."""
        if self.scheme:
            assert load(INPUT_GROUP, self.scheme) is type(self.make(tmp_path))

    def test_has_settings_with_descriptions(self, tmp_path: Path) -> None:
        """Help, documentation and errors are made from them."""
        made = self.make(tmp_path)
        settings = type(made).Settings
        assert issubclass(settings, InputSettings)
        assert isinstance(made.settings, settings)
        assert [name for name, field in settings.model_fields.items() if not field.description] == []

    def test_states_its_guarantee(self, tmp_path: Path) -> None:
        """A class that carries messages says what may be lost."""
        assert "Guarantee:" in (type(self.make(tmp_path)).__doc__ or "")

    @in_loop
    async def test_has_a_name_and_says_where_it_listens(self, tmp_path: Path) -> None:
        """As addresses of its scheme, with the real port: what a user copies."""
        async with self.opened(tmp_path) as (made, _):
            assert made.name
            assert made.listening
            for listening in made.listening:
                address = Address.parse(listening)
                assert self.scheme in ("", address.scheme)
                assert address.port != 0

    @in_loop
    async def test_hands_over_what_is_sent(self, tmp_path: Path) -> None:
        """In order, each once, saying how it came; the sizes of batches are those of their payloads."""
        texts = [f"message {number}" for number in range(_MANY)]
        before = time.time()
        async with self.opened(tmp_path) as (made, intake):
            await self.send(made, texts)
            await until(lambda: len(intake.messages) >= len(texts))
            await asyncio.sleep(_QUIET_SECONDS)
            assert intake.texts == texts
            assert intake.rejected == []
            assert {taken.input for taken in intake.messages} == {made.name}
            assert all(before - 1 <= taken.received_at <= time.time() + 1 for taken in intake.messages)
            assert sum(intake.sizes) == sum(len(taken.raw) for taken in intake.messages)
            assert all(taken.raw and taken.host for taken in intake.messages)
            assert len({taken.id for taken in intake.messages}) == len(texts)

    @in_loop
    async def test_closing_loses_nothing_that_was_sent(self, tmp_path: Path) -> None:
        """What came before the input closes is handed over, or stays where it is fetched; afterwards nothing is."""
        made, intake = self.make(tmp_path), RecordingIntake()
        await made.start(intake)
        await self.send(made, ["first"])
        await until(lambda: intake.messages)
        await self.send(made, ["last"])
        await asyncio.sleep(_QUIET_SECONDS)
        await made.close()
        taken = intake.texts
        assert taken == ["first", "last"] or (self.fetches and taken == ["first"])
        with contextlib.suppress(Exception):
            await self.send(made, ["late"])
        await asyncio.sleep(_QUIET_SECONDS)
        assert intake.texts == taken

    @in_loop
    async def test_rejects_what_is_no_message(self, tmp_path: Path) -> None:
        """With a reason and the input's name, and takes honest messages before and afterwards."""
        if not self.nonsense:
            return
        async with self.opened(tmp_path) as (made, intake):
            await self.send(made, ["before"])
            await self.send_bytes(made, self.nonsense)
            await until(lambda: intake.rejected)
            await self.send(made, ["after"])
            await until(lambda: len(intake.messages) >= 2)
            assert intake.texts == ["before", "after"]
            assert {rejected.input for rejected in intake.rejected} == {made.name}
            assert all(rejected.detail for rejected in intake.rejected)

    @in_loop
    async def test_waits_for_room(self, tmp_path: Path) -> None:
        """While there is none it asks to be told, and then takes what came meanwhile, in order."""
        # One read of a connection may still be taken, so there is more than that, however well the client compresses.
        padding = 0 if self.waits_while == "full" else _LONG
        texts = [f"message {number} {Random(number).randbytes(padding).hex()}".strip() for number in range(_MANY)]
        async with self.opened(tmp_path) as (made, intake):
            setattr(intake, self.waits_while, True)
            sending = asyncio.ensure_future(self.send(made, texts[:1]))
            await until(lambda: self.is_waiting(made, intake))
            more = asyncio.ensure_future(self.send(made, texts[1:]))
            await asyncio.sleep(_QUIET_SECONDS)
            assert len(intake.messages) < len(texts)
            intake.relax()
            await asyncio.gather(sending, more)
            await until(lambda: len(intake.messages) >= len(texts))
            assert sorted(intake.texts) == sorted(texts)
            assert [text for text in intake.texts if text != texts[0]] == texts[1:]

    def is_waiting(self, input: Input, intake: RecordingIntake) -> bool:  # noqa: ARG002  (for derived classes)
        """Whether the input has stopped reading: it asked to be told about room, or a derived class knows."""
        return bool(intake.ready if self.waits_while == "full" else intake.calm)

    @in_loop
    async def test_acknowledges_what_is_safe(self, tmp_path: Path) -> None:
        """Not before: what was acknowledged survives a crash where a buffer is on disk."""
        if not self.acknowledges:
            return
        async with self.opened(tmp_path) as (made, intake):
            intake.unsafe = True
            sending = asyncio.ensure_future(self.send(made, ["one"]))
            await until(lambda: intake.safe)
            await asyncio.sleep(_QUIET_SECONDS)
            assert intake.texts == ["one"]
            assert not sending.done()
            intake.settle()
            await sending

    @in_loop
    async def test_acknowledges_nothing_that_could_not_be_made_safe(self, tmp_path: Path) -> None:
        """The sender is told, or gets no answer, and keeps the message; the input goes on."""
        if not self.acknowledges:
            return
        async with self.opened(tmp_path) as (made, intake):
            intake.unsafe = True
            sending = asyncio.ensure_future(self.send(made, ["one"]))
            await until(lambda: intake.safe)
            intake.settle("the disk is full")
            refused = False
            try:
                await sending
            except Exception:  # noqa: BLE001  (whatever the client of the protocol raises)
                refused = True
            assert refused
            intake.unsafe = False
            await self.send(made, ["two"])
            await until(lambda: "two" in intake.texts)

    @in_loop
    async def test_may_be_closed_twice_and_before_it_was_started(self, tmp_path: Path) -> None:
        """A service that fails while it starts closes what it made, perhaps again."""
        await self.make(tmp_path).close()
        made = self.make(tmp_path)
        await made.start(RecordingIntake())
        await made.close()
        await made.close()

    @in_loop
    async def test_counts(self, tmp_path: Path) -> None:
        """Counters are numbers under metric names, and the same ones before and after."""
        async with self.opened(tmp_path) as (made, intake):
            before = made.counters()
            assert all(name.isidentifier() and name.islower() for name in before)
            await self.send(made, ["one"])
            await until(lambda: intake.messages)
            after = made.counters()
            assert set(after) == set(before)
            assert all(isinstance(value, int | float) for value in after.values())
            assert all(after[name] >= before[name] for name in after if name.endswith("_total"))
