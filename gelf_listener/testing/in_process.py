"""
In process: a listener in the process of the test, with the questions a test asks it.

Laws:

* It listens on free ports of the loopback interface only, in a thread of its own, and keeps messages in memory up to a
  limit. No file is written, nothing is imported that stores or serves.
* Before it answers, it reads what the kernel holds for it: what a handler has sent before the question is seen.
* When it is closed, its sockets and its thread are gone and its handlers are off their loggers, whatever failed.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Literal, Self, get_args

from gelf_listener.address import Address
from gelf_listener.errors import GelfError, QueryError, Rejected
from gelf_listener.inputs import Input
from gelf_listener.inputs.http import HttpInput, HttpSettings
from gelf_listener.inputs.tcp import TcpInput, TcpSettings
from gelf_listener.inputs.udp import UdpInput, UdpSettings
from gelf_listener.message import Message
from gelf_listener.query.meaning import Meaning, parse_as
from gelf_listener.query.parser import Query
from gelf_listener.query.predicate import compile_predicate
from gelf_listener.testing import recent
from gelf_listener.testing.attachment import Attachments
from gelf_listener.testing.endpoint import Endpoint, environment
from gelf_listener.testing.failure import Situation, circumstances, closest, missing_text, unwanted_text
from gelf_listener.testing.handlers import Library, Transport, make_handler
from gelf_listener.testing.loop_thread import LoopThread
from gelf_listener.testing.receive_buffer import receive_buffer_bytes
from gelf_listener.testing.received import Received, Watch

Mode = Literal["lenient", "graylog"]

_TURNS = 12
"""Turns of the loop in which something arrives if anything is left: accept, connect, read, hand over, and more."""
_MOST_ROUNDS = 500
_QUIET_SECONDS = 1.0
"""So often as many turns, and so long, while something arrives: somebody may send without end."""

_MOST_OBSTACLES = 5
_BLOCKED = "wait_for holds up the event loop it is called in; there is: await gelf.wait_for_async(...)"

_START_SECONDS = 30.0
_SETTLE_SECONDS = 10.0
_CLOSE_SECONDS = 10.0


class Listening:
    """
    A listener in this process. A context manager: it listens until the block ends.

    Args:
        mode: How payloads are decoded; ``graylog`` decides as a Graylog would.
        query: What queries mean: ``graylog`` or ``extended``; by default what fits the mode.
        max_messages: Most messages that are kept; the oldest are forgotten.
        max_bytes: Most bytes of them.

    Raises:
        ValueError: If there is no such mode or meaning.
    """

    def __init__(
        self,
        *,
        mode: Mode = "lenient",
        query: Meaning | None = None,
        max_messages: int = 10_000,
        max_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        if mode not in get_args(Mode):
            raise ValueError(f"mode is {mode!r}, not one of {', '.join(get_args(Mode))}")
        if query not in (None, *get_args(Meaning)):
            raise ValueError(f"query is {query!r}, not one of {', '.join(get_args(Meaning))}")
        self._mode = mode
        self._meaning: Meaning = query or ("graylog" if mode == "graylog" else "extended")
        self._received = Received(max_messages, max_bytes)
        self._thread = LoopThread("gelf-listener")
        self._inputs: list[Input] = []
        self._endpoints: dict[str, Endpoint] = {}
        self._attachments = Attachments(self._thread)
        self.open = False
        """Whether it listens."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """
        Begin to listen.

        Raises:
            ConfigError: If no port of the loopback interface can be bound.
        """
        self._thread.start()
        try:
            common: dict[str, Any] = {"host": "localhost", "port": 0, "mode": self._mode}
            self._open("udp", UdpInput(UdpSettings(**common, name="udp", receive_buffer_bytes=receive_buffer_bytes())))
            self._open("tcp", TcpInput(TcpSettings(**common, name="tcp")))
            self._open("http", HttpInput(HttpSettings(**common, name="http")))
        except BaseException:
            self.close()
            raise
        self.open = True
        recent.add(self)

    def close(self) -> None:
        """Stop listening and let go of everything but what was received. May be called twice."""
        self.open = False
        try:
            self._attachments.close()
        finally:
            inputs, self._inputs = self._inputs, []
            try:
                if inputs and self._thread.running:
                    self._thread.call(_close(inputs, self._received), _CLOSE_SECONDS)
            finally:
                self._thread.close()

    # Where to send

    @property
    def udp(self) -> Endpoint:
        """Where it takes GELF over UDP."""
        return self._endpoint("udp")

    @property
    def tcp(self) -> Endpoint:
        """Where it takes GELF over TCP."""
        return self._endpoint("tcp")

    @property
    def http(self) -> Endpoint:
        """Where it takes GELF over HTTP; `Endpoint.url` is what to post to."""
        return self._endpoint("http")

    def listen(self, address: str) -> Endpoint:
        """
        Open one more input that listens, closed with the others.

        Args:
            address: As `gelf-listener run --input` takes it: ``syslog+udp:``, ``gelf+tls:?cert=...``. A free port of
                the loopback interface, unless it names another.

        Returns:
            Where it listens.

        Raises:
            ConfigError: If it cannot be opened.
        """
        from gelf_listener.plugins import INPUT_GROUP, make  # looks at everything that is installed

        parsed = Address.parse(address)
        if parsed.port is None:
            parsed = parsed._replace(port=0)
        return self._open(address, make(INPUT_GROUP, parsed))

    @property
    def environment(self) -> Mapping[str, str]:
        """
        Variables for a service in a process of its own.

        ``GELF_URL`` is where `gelf_handlers.configure` sends to; ``GELF_UDP_URL``, ``GELF_TCP_URL`` and
        ``GELF_HTTP_URL`` are the endpoints' `Endpoint.url`.
        """
        return environment(self.udp, self.tcp, self.http)

    def handler(
        self, transport: Transport = "tcp", *, library: Library | None = None, **options: Any
    ) -> logging.Handler:
        """
        Make a logging handler that sends here, closed with the listener.

        Args:
            transport: ``tcp``, which loses nothing; ``udp`` or ``http``.
            library: gelf_handlers or graypy; by default the first of them that is installed.
            options: The handler's own keyword arguments.

        Raises:
            ImportError: If neither is installed.
        """
        return self._attachments.keep(make_handler(self._endpoint(transport), library, options))

    def attach(
        self, logger: str | logging.Logger = "", level: int | str = logging.DEBUG, **options: Any
    ) -> logging.Handler:
        """
        Let a logger send here until the listener is closed; once, however often it is said in the same way.

        Args:
            logger: Or its name; the root logger by default.
            level: The logger's level meanwhile.
            options: As of `handler`.
        """
        target = logger if isinstance(logger, logging.Logger) else logging.getLogger(logger)
        handler = self._attachments.attached(target, options)
        if handler is None:
            handler = self.handler(**options)
            self._attachments.attach(handler, target, options)
        target.setLevel(level)
        return handler

    # What came

    def messages(self, query: str = "*") -> list[Message]:
        """
        Return what matches of all that was received, in the order it came.

        Raises:
            QueryError: If it is not a query.
        """
        __tracebackhide__ = True
        predicate = compile_predicate(_parse(query, self._meaning))
        self._settle()
        return [message for message in self._received.messages() if predicate(message)]

    @property
    def rejected(self) -> list[Rejected]:
        """What could not become a message, in the order it came; the last thousand."""
        self._settle()
        return self._received.rejected()

    @property
    def counts(self) -> tuple[int, int]:
        """Messages and rejections so far, those that were forgotten included."""
        return self._received.arrived, self._received.refused

    def received_since(self, arrived: int, refused: int) -> tuple[list[Message], list[Rejected]]:
        """Return what came after `counts` had been this, as far as it is kept."""
        self._settle()
        return self._received.messages_since(arrived), self._received.rejected_since(refused)

    def clear(self) -> None:
        """Forget everything that was sent so far."""
        self._settle()
        self._received.clear()

    def wait_for(self, query: str = "*", count: int = 1, timeout: float = 2.0) -> list[Message]:
        """
        Wait until enough messages match, received already or arriving.

        Args:
            query: In Graylog's query language, as everywhere.
            count: How many.
            timeout: Seconds.

        Returns:
            The first so many, in the order they came.

        Raises:
            AssertionError: If there are fewer in time; it says what did arrive, and why that does not match.
            QueryError: If it is not a query.
        """
        __tracebackhide__ = True
        parsed, done = _parse(query, self._meaning), threading.Event()
        self._settle()
        with self._watch(parsed, count, done.set) as watch:
            done.wait(timeout)
        return self._enough(parsed, watch, count, timeout, blocked=_runs_a_loop())

    async def wait_for_async(self, query: str = "*", count: int = 1, timeout: float = 2.0) -> list[Message]:  # noqa: ASYNC109  (as `wait_for`)
        """Wait without holding up the asyncio loop, in which the code under test may run; see `wait_for`."""
        __tracebackhide__ = True
        parsed = _parse(query, self._meaning)
        await asyncio.to_thread(self._settle)
        watch = await self._watch_async(parsed, count, timeout)
        return self._enough(parsed, watch, count, timeout)

    def assert_none(self, query: str = "*", within: float = 0.1) -> None:
        """
        Fail when a message matches, received already or arriving within that time.

        Raises:
            AssertionError: At once when there is one.
            QueryError: If it is not a query.
        """
        __tracebackhide__ = True
        parsed, done = _parse(query, self._meaning), threading.Event()
        self._settle()
        with self._watch(parsed, 1, done.set) as watch:
            done.wait(within)
        _none(parsed, watch)

    async def assert_none_async(self, query: str = "*", within: float = 0.1) -> None:
        """Watch without holding up the asyncio loop; see `assert_none`."""
        __tracebackhide__ = True
        parsed = _parse(query, self._meaning)
        await asyncio.to_thread(self._settle)
        _none(parsed, await self._watch_async(parsed, 1, within))

    def _watch(self, query: Query, count: int, enough: Callable[[], None]) -> Any:
        if count < 1:
            raise ValueError(f"count is {count}; to wait for no message at all there is assert_none")
        return self._received.watch(compile_predicate(query), count, enough)

    async def _watch_async(self, query: Query, count: int, seconds: float) -> Watch:
        """Watch until there are enough, or the time is over."""
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def enough() -> None:
            with suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(done.set)

        watch: Watch
        with self._watch(query, count, enough) as watch, suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await done.wait()
        return watch

    def _enough(
        self, query: Query, watch: Watch, count: int, seconds: float, *, blocked: bool = False
    ) -> list[Message]:
        """Return what was found, or say what is missing."""
        __tracebackhide__ = True
        if not watch.complete:
            situation = self._situation()
            others = (
                circumstances(situation)
                + self._attachments.obstacles()[:_MOST_OBSTACLES]
                + ([_BLOCKED] if blocked else [])
            )
            misses = closest(query, situation.messages)
            raise AssertionError(missing_text(query.text, count, watch.found, misses, seconds, others))
        return watch.found

    def _situation(self) -> Situation:
        drops = sum(input.counters().get("kernel_drops_total", 0) for input in self._inputs)
        return Situation(
            self._received.messages(),
            self._received.rejected(),
            self._received.forgotten,
            int(drops),
            [str(endpoint) for endpoint in self._endpoints.values()],
        )

    def _settle(self) -> None:
        """Have handlers send what they queued, and read what the kernel holds."""
        if not self.open or not self._thread.running:
            return
        self._attachments.flush()
        self._thread.call(_quiet(self._received), _SETTLE_SECONDS)

    def _endpoint(self, name: str) -> Endpoint:
        if name not in self._endpoints:
            raise RuntimeError("it does not listen yet: with listening() as gelf")
        return self._endpoints[name]

    def _open(self, name: str, input: Any) -> Endpoint:
        self._inputs.append(input)
        self._thread.call(input.start(self._received), _START_SECONDS)
        endpoint = Endpoint.parse(input.listening[0])
        if endpoint.path:  # what is shown may leave it out
            endpoint = endpoint._replace(path=input.settings.path)
        self._endpoints[name] = endpoint
        return endpoint


def listening(**options: Any) -> Listening:
    """Return a listener that listens within a ``with`` block; takes the arguments of `Listening`."""
    return Listening(**options)


def _parse(text: str, meaning: Meaning) -> Query:
    """Parse a query; what is wrong with it is seen in the test that asks, not in the parser."""
    __tracebackhide__ = True
    try:
        return parse_as(text, meaning)
    except QueryError as error:
        raise error.with_traceback(None) from None


def _none(query: Query, watch: Watch) -> None:
    __tracebackhide__ = True
    if watch.found:
        raise AssertionError(unwanted_text(query.text, watch.found))


async def _quiet(received: Received) -> None:
    """Return when what the kernel held is read: when nothing arrived for some turns of the loop."""
    now = asyncio.get_running_loop().time
    deadline = now() + _QUIET_SECONDS
    for _ in range(_MOST_ROUNDS):  # a test may have stopped the clock
        before = received.arrived, received.refused
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        if before == (received.arrived, received.refused) or now() > deadline:
            return


async def _close(inputs: list[Input], received: Received) -> None:
    """Take what was sent, then close all of them, whatever one of them raises."""
    await _quiet(received)
    problems = await asyncio.gather(*(input.close() for input in inputs), return_exceptions=True)
    failed = [problem for problem in problems if isinstance(problem, BaseException)]
    if failed:
        raise GelfError(f"an input did not close: {failed[0]!r}") from failed[0]


def _runs_a_loop() -> bool:
    """Whether the caller holds up a running event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
