"""
Service: builds everything from the configuration and runs it. The composition root.

Order matters: outputs open before inputs, so nothing arrives before it has somewhere to go; inputs close before
outputs, so what was taken is written.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from gelf_listener.address import Address
from gelf_listener.config import Config, Spec
from gelf_listener.errors import ConfigError
from gelf_listener.inputs import Input
from gelf_listener.message import Message
from gelf_listener.outputs import Output
from gelf_listener.pipeline import Pipeline
from gelf_listener.plugins import INPUT_GROUP, OUTPUT_GROUP, make
from gelf_listener.runner import Runner

__all__ = ["Service", "make_input", "make_output", "make_predicate"]

_log = logging.getLogger(__name__)


def make_input(spec: Spec) -> Input:
    """
    Make an input from its specification, not started.

    Raises:
        ConfigError: If a setting does not fit.
    """
    made: Input = make(INPUT_GROUP, spec.address, spec.settings)
    return made


def make_output(spec: Spec) -> Output:
    """
    Make an output from its specification, not started.

    Raises:
        ConfigError: If a setting does not fit.
    """
    made: Output = make(OUTPUT_GROUP, spec.address, spec.settings)
    return made


def make_predicate(where: str) -> Callable[[Message], bool] | None:
    """
    Compile an output's query; None when it wants everything.

    Raises:
        ConfigError: If it is no query, with the column.
    """
    if not where.strip() or where.strip() == "*":
        return None
    from gelf_listener.errors import QueryError  # noqa: PLC0415
    from gelf_listener.query import compile_predicate, parse  # noqa: PLC0415  (the parser costs start-up time)

    try:
        return compile_predicate(parse(where))
    except QueryError as error:
        raise ConfigError(f"setting 'where': {error}") from None


class Service:
    """
    A listener: inputs, pipeline and outputs, and the API beside them.

    Args:
        config: What to run.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.pipeline = Pipeline()
        self.inputs: list[Input] = []
        self.api_url = ""
        # Pairs, looked up by equality: a specification holds settings, which need not be hashable.
        self._open_inputs: list[tuple[Spec, Input]] = []
        self._open_outputs: list[tuple[Spec, Runner]] = []
        self._api: Any = None
        self._stopping = asyncio.Event()

    async def start(self) -> None:
        """
        Open outputs, then inputs, then the API.

        Raises:
            ConfigError: If something cannot be opened; what was opened before is closed again.
        """
        try:
            await self._start_outputs(self.config.output_specs())
            await self._start_inputs(self.config.input_specs())
            await self._start_api(self.config.api)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> int:
        """
        Close inputs, write what is buffered within the drain time, close outputs.

        Returns:
            How many messages could not be written.
        """
        if self._api is not None:
            await self._api.close()
            self._api = None
        await asyncio.gather(*(input.close() for input in self.inputs))
        runners = self.pipeline.runners
        left = await asyncio.gather(*(runner.drain(self.config.drain_seconds) for runner in runners))
        return sum(left)

    def stop(self) -> None:
        """Make `wait` return."""
        self._stopping.set()

    async def wait(self) -> None:
        """Wait until `stop` is called."""
        await self._stopping.wait()

    async def reload(self, config: Config) -> None:
        """
        Change over to another configuration without closing what stays the same; reopen files.

        Raises:
            ConfigError: If something new cannot be opened; everything that ran before goes on.
        """
        for spec in config.input_specs():
            make_input(spec)
        for spec in config.output_specs():
            make_predicate(make_output(spec).settings.where)
        for runner in self.pipeline.runners:
            reopen = getattr(runner.output, "reopen", None)
            if reopen is not None:
                await _maybe_await(reopen())
        await self._start_outputs(config.output_specs())
        gone = [pair for pair in self._open_inputs if pair[0] not in config.input_specs()]
        for pair in gone:  # before new ones open: a changed setting keeps its port
            self._open_inputs.remove(pair)
            self.inputs.remove(pair[1])
            await pair[1].close()
        await self._start_inputs(config.input_specs())
        for opened in [pair for pair in self._open_outputs if pair[0] not in config.output_specs()]:
            self._open_outputs.remove(opened)
            self.pipeline.runners.remove(opened[1])
            await opened[1].drain(config.drain_seconds)
        self.pipeline.made_room()
        self.config = config

    async def _start_outputs(self, specs: tuple[Spec, ...]) -> None:
        for spec in specs:
            if any(spec == opened for opened, _ in self._open_outputs):
                continue
            output = make_output(spec)
            name = output.settings.name or str(spec.address)
            if any(runner.name == name for runner in self.pipeline.runners):
                raise ConfigError(f"two outputs are called {name!r}; give one a setting 'name'")
            predicate = make_predicate(output.settings.where)
            runner = Runner(name, output, predicate, self.pipeline.reject, self.pipeline.made_room)
            await runner.start()
            self.pipeline.runners.append(runner)
            self._open_outputs.append((spec, runner))

    async def _start_inputs(self, specs: tuple[Spec, ...]) -> None:
        for spec in specs:
            if any(spec == opened for opened, _ in self._open_inputs):
                continue
            input = make_input(spec)
            if any(other.name == input.name for other in self.inputs):
                raise ConfigError(f"two inputs are called {input.name!r}; give one a setting 'name'")
            try:
                await input.start(self.pipeline)
            except ConfigError as error:
                raise ConfigError(f"{spec.address}: {error}") from None
            self.inputs.append(input)
            self._open_inputs.append((spec, input))

    async def _start_api(self, address: Address | None) -> None:
        if address is None:
            return
        from gelf_listener.api.server import ApiServer  # noqa: PLC0415  (inputs listen before this is imported)

        self._api = ApiServer(self, address)
        self.api_url = await self._api.start()


async def _maybe_await(result: object) -> None:
    if asyncio.iscoroutine(result):
        await result
