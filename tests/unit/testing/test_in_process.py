"""Listening: a listener in this process, asked as a test asks it. Real sockets, on loopback."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import pytest

from gelf_listener.codec.gelf.chunking import split
from gelf_listener.config import load_config
from gelf_listener.errors import ConfigError, QueryError, Reason
from gelf_listener.testing import Endpoint, Listening, listening


class Held(NamedTuple):
    threads: int
    descriptors: int

    def __le__(self, other: tuple[int, ...]) -> bool:
        return self.threads <= other[0] and self.descriptors <= other[1]


@pytest.fixture
def opened() -> Iterator[Listening]:
    with listening() as made:
        yield made


def payload(text: str = "order 4711 paid", **fields: Any) -> bytes:
    return json.dumps({"version": "1.1", "host": "web", "short_message": text, "level": 6} | fields).encode()


def send_udp(to: Endpoint, *payloads: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for each in payloads:
            sock.sendto(each, to.address)


def send_tcp(to: Endpoint, *payloads: bytes) -> None:
    with socket.create_connection(to.address) as sock:
        sock.sendall(b"".join(each + b"\0" for each in payloads))


def send_http(to: Endpoint, *payloads: bytes) -> None:
    for each in payloads:
        with urllib.request.urlopen(to.url, data=each, timeout=5) as answer:
            assert answer.status == 202


def held() -> Held:
    """Threads of listeners, and file descriptors; what other tests left to the collector is not counted."""
    gc.collect()
    threads = [thread.name for thread in threading.enumerate() if thread.name == "gelf-listener"]
    return Held(len(threads), len(os.listdir("/dev/fd")))


def texts(opened: Listening, query: str = "*") -> list[str]:
    return [message.short_message for message in opened.messages(query)]


@pytest.mark.parametrize(("transport", "send"), [("udp", send_udp), ("tcp", send_tcp), ("http", send_http)])
def test_what_was_sent_is_seen_at_once(opened: Listening, transport: str, send: Callable[..., None]) -> None:
    """Without any waiting, in order, in each of many rounds: the kernel is read before an answer."""
    for number in range(25):
        send(getattr(opened, transport), payload(f"a{number}"), payload(f"b{number}"))
        assert texts(opened) == [f"a{number}", f"b{number}"]
        assert [message.input for message in opened.messages()] == [transport] * 2
        opened.clear()
    assert texts(opened) == []


def test_chunks(opened: Listening) -> None:
    """As over any UDP input."""
    send_udp(opened.udp, *split(payload("long " * 2000), 1000))
    (message,) = opened.wait_for("long")
    assert len(message.short_message) == 10_000


def test_localhost_is_either_family(opened: Listening) -> None:
    """Clients that prefer ::1 reach it too, where the machine has it; nobody from outside does."""
    assert opened.udp.host == "127.0.0.1"
    families = [family for family, *_ in socket.getaddrinfo("localhost", None, type=socket.SOCK_STREAM)]
    for family in families:
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.connect(("localhost", opened.tcp.port))


def test_wait_for_what_comes_later(opened: Listening) -> None:
    """The first so many in order of arrival, and it does not wait longer than it has to."""
    thread = threading.Timer(0.1, send_udp, [opened.udp, *(payload(f"order {n}", _user_id=42) for n in range(3))])
    thread.start()
    began = time.monotonic()
    found = opened.wait_for("level:<=6 AND user_id:42", count=2, timeout=30)
    thread.join()
    assert [message.short_message for message in found] == ["order 0", "order 1"]
    assert found[0].fields == {"user_id": 42}
    assert time.monotonic() - began < 15
    assert len(opened.messages("user_id:42")) == 3


def test_too_few(opened: Listening) -> None:
    """The failure says what came instead, and why it does not match."""
    send_udp(opened.udp, payload(_user_id=43), b"nonsense")
    with pytest.raises(AssertionError) as caught:
        opened.wait_for("order AND user_id:42", timeout=0.05)
    text = str(caught.value)
    assert text.startswith("0 of 1 message matches within 0.05 s: order AND user_id:42\n")
    assert "order 4711 paid  user_id=43" in text
    assert "    - user_id:42: user_id is 43" in text
    assert "invalid_json from 127.0.0.1:" in text
    assert "event loop" not in text


def test_questions_that_make_no_sense(opened: Listening) -> None:
    """A query that is none says where; to wait for nothing is not waiting."""
    for ask in (opened.wait_for, opened.messages, opened.assert_none):
        with pytest.raises(QueryError, match="column 7"):
            ask("level:(3")
    with pytest.raises(ValueError, match="assert_none"):
        opened.wait_for("*", count=0)


def test_none(opened: Listening) -> None:
    """It holds while nothing matches, fails at once when something is there, and soon when something comes."""
    opened.assert_none(within=0.01)
    send_udp(opened.udp, payload())
    opened.assert_none("level:<=3", within=0.01)
    with pytest.raises(AssertionError, match=r"a message matches that should not be there: order\n.*order 4711 paid"):
        opened.assert_none("order", within=60)
    opened.clear()
    thread = threading.Timer(0.1, send_udp, [opened.udp, payload()])
    thread.start()
    with pytest.raises(AssertionError):
        opened.assert_none("order", within=60)
    thread.join()


def test_rejected(opened: Listening) -> None:
    """With reason, sender and payload; not in the log, which may lead here; cleared with the messages."""
    send_udp(opened.udp, b"nonsense", b"")
    assert [each.reason for each in opened.rejected] == [Reason.INVALID_JSON, Reason.EMPTY_PAYLOAD]
    assert opened.rejected[0].payload == b"nonsense"
    assert opened.counts == (0, 2)
    opened.clear()
    assert opened.rejected == []


def test_as_a_graylog() -> None:
    """What it would drop is not there to be found."""
    with listening(mode="graylog") as opened:
        send_udp(opened.udp, payload(_fine=1), payload(" "))
        assert texts(opened) == ["order 4711 paid"]
        assert [each.reason for each in opened.rejected] == [Reason.EMPTY_SHORT_MESSAGE]


@pytest.mark.parametrize(
    ("options", "found"), [({}, 1), ({"mode": "graylog"}, 0), ({"mode": "graylog", "query": "extended"}, 1)]
)
def test_what_queries_mean(options: dict[str, Any], found: int) -> None:
    """In a Graylog words side by side are one text."""
    with listening(**options) as opened:
        send_udp(opened.udp, payload(_user="alice"))
        assert len(opened.messages("alice nobody")) == found


def test_there_are_two_meanings() -> None:
    """The error names them."""
    with pytest.raises(ValueError, match="query is 'lucene', not one of extended, graylog"):
        listening(query="lucene")


def test_bounded() -> None:
    """The oldest give way, and a failure says so."""
    with listening(max_messages=10) as opened:
        send_tcp(opened.tcp, *(payload(f"m{number}") for number in range(25)))
        opened.wait_for("m24")
        assert texts(opened) == [f"m{number}" for number in range(15, 25)]
        with pytest.raises(AssertionError, match="oldest 15 messages were forgotten"):
            opened.wait_for("m3", timeout=0)


def test_asynchronous(opened: Listening) -> None:
    """The loop of the test goes on meanwhile; the waits fail as the others do."""

    async def log() -> None:
        await asyncio.sleep(0.05)
        send_udp(opened.udp, payload(_user_id=42))

    async def main() -> None:
        logging_ = asyncio.create_task(log())
        (message,) = await opened.wait_for_async("user_id:42", timeout=30)
        assert message.short_message == "order 4711 paid"
        await logging_
        await opened.assert_none_async("level:<=3", within=0.01)
        with pytest.raises(AssertionError, match="should not be there"):
            await opened.assert_none_async("order", within=60)
        with pytest.raises(AssertionError, match="0 of 1 message matches"):
            await opened.wait_for_async("user_id:43", timeout=0.01)

    asyncio.run(main())


def test_a_wait_can_be_cancelled(opened: Listening) -> None:
    """At once, and nothing of it is left."""

    async def main() -> None:
        waiting = asyncio.create_task(opened.wait_for_async("never", timeout=300))
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    began = time.monotonic()
    asyncio.run(main())
    assert time.monotonic() - began < 60
    send_udp(opened.udp, payload("never"))
    assert texts(opened) == ["never"]


def test_waiting_in_a_loop_is_told(opened: Listening) -> None:
    """Who holds up the loop that should log learns of the other way."""

    async def main() -> None:
        opened.wait_for("x", timeout=0)

    with pytest.raises(AssertionError, match="holds up the event loop"):
        asyncio.run(main())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # graypy leaves connections open
@pytest.mark.parametrize("library", ["gelf_handlers", "graypy"])
@pytest.mark.parametrize("transport", ["udp", "tcp", "http"])
def test_handlers(opened: Listening, library: Any, transport: Any) -> None:
    """What is logged is there at once, queues of the handler included."""
    pytest.importorskip(library)
    logger = logging.getLogger(f"test.handlers.{library}.{transport}")
    logger.setLevel("INFO")
    logger.addHandler(opened.handler(transport, library=library, debugging_fields=False))
    logger.info("order %d paid", 4711, extra={"user_id": 42})
    (message,) = opened.messages("user_id:42")
    assert message.input == transport
    assert message.short_message == "order 4711 paid"


def test_attached_again() -> None:
    """Every test of a session may say so: it is the same handler, unless it is made in another way or was taken off."""
    logger = logging.getLogger("test.again")
    with listening() as opened:
        handler = opened.attach(logger)
        assert opened.attach("test.again", "ERROR") is handler
        logger.warning("too low")
        logger.error("once")
        assert [message.short_message for message in opened.messages()] == ["once"]
        assert opened.attach(logger, transport="udp") is not handler
        logger.removeHandler(handler)
        assert opened.attach(logger) is not handler
        assert len(logger.handlers) == 2
    assert (logger.handlers, logger.level) == ([], logging.NOTSET)


def test_attached_until_the_end() -> None:
    """The logger's level and handlers are afterwards what they were, those that the test put there included."""
    logger, other = logging.getLogger("test.attached"), logging.getLogger("test.attached.other")
    logger.setLevel("ERROR")
    with suppress(ZeroDivisionError), listening() as opened:
        opened.attach("test.attached", "DEBUG")
        other.addHandler(opened.handler())
        logger.debug("once")
        other.debug("twice")
        assert sorted(texts(opened)) == ["once", "twice", "twice"]  # two handlers, two connections
        raise ZeroDivisionError
    assert logger.handlers == other.handlers == []
    assert logger.level == logging.ERROR
    logger.error("nobody hears this")
    assert len(opened.messages()) == 3


def test_what_the_listener_logs_does_not_come_back(opened: Listening) -> None:
    """Its own thread is not heard, so no line can beget another."""
    opened.attach("")
    loop_thread = opened._thread

    async def log_inside() -> None:
        logging.getLogger("gelf_listener").error("from inside")

    loop_thread.call(log_inside(), 5)
    logging.getLogger("gelf_listener").error("from outside")
    assert texts(opened, "inside OR outside") == ["from outside"]


def test_an_unknown_library(opened: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    """A typing error is told from a library that is not installed."""
    with pytest.raises(ValueError, match="not one of gelf_handlers, graypy"):
        opened.handler(library="loguru")  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "graypy", None)
    with pytest.raises(ImportError, match="graypy is not installed; try: pip install graypy"):
        opened.handler(library="graypy")


@pytest.mark.parametrize("transport", ["udp", "tcp", "http"])
def test_without_any_library(opened: Listening, monkeypatch: pytest.MonkeyPatch, transport: Any) -> None:
    """A small handler of our own sends what a record has, its traceback too."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    opened.attach("orders", transport=transport, fields={"env": "test"})
    logger = logging.getLogger("orders")
    logger.info("paid %d", 7, extra={"user_id": 42})
    try:
        raise ValueError("no" * 10_000)
    except ValueError:
        logger.exception("refused")
    (paid,) = opened.wait_for("user_id:42")
    assert (paid.short_message, paid.level, paid.fields["env"], paid.fields["logger"]) == (
        "paid 7",
        6,
        "test",
        "orders",
    )
    (refused,) = opened.wait_for("level:3")
    assert refused.full_message is not None
    assert "Traceback" in refused.full_message
    assert refused.full_message.endswith("nono")


def test_one_more_input(opened: Listening) -> None:
    """Any that gelf-listener has, on a free port, in the same messages."""
    syslog = opened.listen("syslog+udp:")
    assert (syslog.scheme, syslog.host) == ("syslog+udp", "127.0.0.1")
    send_udp(syslog, b"<11>1 2026-11-23T10:00:00Z web app - - - out of paper")
    (message,) = opened.wait_for("paper AND level:3")
    assert message.host == "web"
    with pytest.raises(ConfigError, match="did you mean"):
        opened.listen("syslog+upd:")


def test_environment(opened: Listening) -> None:
    """A service's variables; a gelf-listener that inherits them still starts."""
    given = opened.environment
    assert Endpoint.parse(given["GELF_URL"]) == opened.tcp
    assert given["GELF_UDP_URL"] == f"udp://127.0.0.1:{opened.udp.port}"
    assert given["GELF_HTTP_URL"] == f"http://127.0.0.1:{opened.http.port}/gelf"
    assert all(isinstance(value, str) for value in (os.environ | given).values())
    load_config({}, None, given)


def test_nothing_is_left() -> None:
    """No thread, no file descriptor, no port; also when a client is still connected, and the block failed."""
    before = held()
    with suppress(ZeroDivisionError), listening() as opened:
        endpoint = opened.tcp
        sock = socket.create_connection(endpoint.address)
        sock.sendall(payload("unfinished"))
        raise ZeroDivisionError
    assert sock.recv(1) == b""
    sock.close()
    assert held() <= before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(endpoint.address)
    opened.close()


def test_afterwards_it_still_answers() -> None:
    """A report, or an assertion after the block, finds what was received."""
    with listening() as opened:
        send_udp(opened.udp, payload())
    assert texts(opened, "order") == ["order 4711 paid"]
    assert opened.wait_for("order", timeout=0)
    assert opened.rejected == []
    opened.assert_none("level:<=3", within=0)
    opened.clear()
    assert opened.messages() == []


def test_a_start_that_fails_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread waits indefinitely when the third socket cannot be opened."""
    before = held()

    async def refuse(*_: object) -> None:
        raise ConfigError("no port is free")

    monkeypatch.setattr("gelf_listener.inputs.http.HttpInput.start", refuse)
    with pytest.raises(ConfigError, match="no port is free"):
        Listening().start()
    assert held() <= before


def test_many_at_once() -> None:
    """Each with ports and messages of its own."""
    with listening() as one, listening() as other:
        assert one.udp != other.udp
        assert one.tcp != other.tcp
        send_udp(one.udp, payload("for one"))
        send_udp(other.udp, payload("for the other"))
        assert texts(one) == ["for one"]
        assert texts(other) == ["for the other"]


def test_before_the_start() -> None:
    """There is no address yet, and that is what is said."""
    with pytest.raises(RuntimeError, match="with listening"):
        _ = listening().udp
    with pytest.raises(RuntimeError, match="with listening"):
        listening().attach("test.before")


def test_a_burst_over_tcp(opened: Listening) -> None:
    """All that the kernel took is seen, megabytes of it."""
    for sent in range(1, 4):
        send_tcp(opened.tcp, *(payload(f"m{number}", full_message="x" * 500) for number in range(3000)))
        assert opened.wait_for("m2999", count=sent)
        assert len(opened.messages()) == 3000 * sent


def test_without_end(opened: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sends without a pause does not keep a question from its answer."""
    monkeypatch.setattr("gelf_listener.testing.in_process._QUIET_SECONDS", 0.2)
    code = "import socket, sys; s = socket.socket(type=socket.SOCK_DGRAM)\n"
    code += "while True: s.sendto(sys.argv[2].encode(), ('127.0.0.1', int(sys.argv[1])))"
    command = [sys.executable, "-c", code, str(opened.udp.port), payload("flood").decode()]
    with subprocess.Popen(command) as flood:
        try:
            assert opened.wait_for("flood", timeout=30)
            assert opened.messages("flood")
            opened.assert_none("level:<=3", within=0)
        finally:
            flood.kill()


def test_a_burst_over_udp(opened: Listening) -> None:
    """What a test logs in a loop arrives, unless the kernel says that it dropped some."""
    for number in range(2000):
        send_udp(opened.udp, payload(f"m{number}"))
    arrived = len(opened.messages())
    drops = sum(int(each.counters().get("kernel_drops_total", 0)) for each in opened._inputs)
    assert arrived + drops == 2000


def test_no_warning_for_the_tests_own_log(caplog: pytest.LogCaptureFixture) -> None:
    """Starting, receiving nonsense and closing say nothing: caplog is the test's."""
    with caplog.at_level(logging.INFO), listening() as opened:
        send_udp(opened.udp, b"nonsense")
        assert opened.rejected
    assert caplog.records == []


def test_what_keeps_records_away_is_said(opened: Listening) -> None:
    """Whatever somebody did to the loggers after attach()."""
    logger, below = logging.getLogger("obstacles"), logging.getLogger("obstacles.below")
    handler = opened.attach(logger)

    def said() -> str:
        with pytest.raises(AssertionError) as caught:
            opened.wait_for("nothing", timeout=0)
        return str(caught.value)

    assert "obstacles" not in said()
    logger.removeHandler(handler)
    assert "logger 'obstacles' has lost the handler that attach() gave it" in said()
    logger.addHandler(handler)
    below.propagate = False
    assert "logger 'obstacles.below' has propagate=False" in said()
    below.propagate, logger.disabled = True, True
    assert "logger 'obstacles' is disabled" in said()
    logger.disabled = False
    logging.disable(logging.ERROR)
    try:
        assert "logging.disable(40) lets nothing of that level or below pass" in said()
    finally:
        logging.disable(logging.NOTSET)
    assert "obstacles" not in said()
