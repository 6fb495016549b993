"""The queue: its policies, its reports, its state, its order; what is captured when."""

import asyncio
import contextvars
import gc
import logging
import threading
import time
import weakref
from typing import Any

import gelf_handlers
import pytest
from gelf_handlers import GELFHTTPHandler, GELFTCPHandler, GELFUDPHandler, bind, bound_fields
from receivers import HTTPReceiver, TCPReceiver, UDPReceiver, free_port, wait_for

QUICK: dict[str, Any] = {"retry_min_seconds": 0.02, "retry_max_seconds": 0.1}


class Held(GELFTCPHandler):
    """A handler whose worker waits at the door until told."""

    def __init__(self, *arguments, **options):
        self.door = threading.Event()
        self.at_the_door = threading.Event()
        super().__init__(*arguments, **options)

    def makeSocket(self, timeout=1):
        self.at_the_door.set()
        self.door.wait(30)
        return super().makeSocket(timeout)


def fill(handler, log, count):
    """Log one message, wait until the worker holds it, then log the rest."""
    log.info("m0")
    assert handler.at_the_door.wait(10)
    for number in range(1, count):
        log.info("m%d", number)


def test_drop_newest_keeps_the_first_and_reports_the_drops(attach):
    with TCPReceiver() as receiver:
        handler = Held("127.0.0.1", receiver.port, max_queued=10)
        log = attach(handler)
        fill(handler, log, 31)
        assert handler.stats.dropped == {"queue_full": 20}
        assert handler.stats.queued == 11
        handler.door.set()
        handler.flush()
        receiver.wait(12)
    (report,) = (m for m in receiver.messages if m["_facility"] == "gelf_handlers")
    assert [text for text in receiver.texts if text[0] == "m"] == [f"m{number}" for number in range(11)]
    assert report["short_message"] == "gelf-handlers dropped 20 messages (in all: queue_full 20)"
    assert (report["_dropped_messages"], report["_dropped.queue_full"], report["level"]) == (20, 20, 4)


def test_drop_oldest_keeps_the_last(attach):
    with TCPReceiver() as receiver:
        handler = Held("127.0.0.1", receiver.port, max_queued=10, when_full="drop_oldest")
        log = attach(handler)
        fill(handler, log, 31)
        handler.door.set()
        handler.flush()
        receiver.wait(12)
    assert [text for text in receiver.texts if text[0] == "m"] == ["m0", *[f"m{number}" for number in range(21, 31)]]
    assert handler.stats.dropped == {"queue_full": 20}


def test_block_waits_for_room_and_drops_nothing(attach):
    with TCPReceiver() as receiver:
        handler = Held("127.0.0.1", receiver.port, max_queued=10, when_full="block", block_timeout_seconds=20)
        log = attach(handler)
        thread = threading.Thread(target=lambda: [log.info("m%d", number) for number in range(200)])
        thread.start()
        assert wait_for(lambda: len(handler._worker.queue) >= 10)
        assert thread.is_alive()
        handler.door.set()
        thread.join(20)
        receiver.wait(200)
    assert receiver.texts == [f"m{number}" for number in range(200)]
    assert handler.stats.dropped_total == 0


def test_block_gives_up_after_its_time(attach):
    handler = Held("127.0.0.1", 9, max_queued=5, when_full="block", block_timeout_seconds=0.05)
    log = attach(handler)
    fill(handler, log, 8)
    assert handler.stats.dropped == {"queue_full": 2}
    handler.door.set()


def test_the_default_queue_holds_a_burst_of_a_hundred_thousand():
    handler = GELFTCPHandler("127.0.0.1", 9)
    assert handler._max_queued == 100_000
    handler.close()


def test_order_is_kept_across_reconnects(attach):
    receiver = TCPReceiver()
    port = receiver.port
    handler = GELFTCPHandler("127.0.0.1", port, **QUICK)
    log = attach(handler)
    numbers = iter(range(10_000))
    seen = []
    for _ in range(3):
        for _ in range(100):
            log.info("%d", next(numbers))
        handler.flush()
        receiver.wait(100)
        receiver.close()
        seen += [int(text) for text in receiver.texts]
        receiver = TCPReceiver(port=port)
    receiver.close()
    assert seen == list(range(300))
    assert handler.stats.reconnects == 2


def test_messages_of_many_threads_all_arrive_each_threads_in_order(attach):
    with TCPReceiver() as receiver:
        log = attach(GELFTCPHandler("127.0.0.1", receiver.port))
        threads = [
            threading.Thread(target=lambda name=name: [log.info("%d %d", name, n) for n in range(300)])
            for name in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        receiver.wait(1800)
    for name in range(6):
        mine = [text.split()[1] for text in receiver.texts if text.startswith(f"{name} ")]
        assert mine == [str(n) for n in range(300)]


def test_flush_says_whether_it_succeeded(attach):
    handler = GELFTCPHandler("127.0.0.1", free_port(), **QUICK)
    log = attach(handler)
    assert handler.flush() is True
    log.info("x")
    started = time.monotonic()
    assert handler.flush(0.2) is False
    assert time.monotonic() - started < 20
    assert handler.stats.queued == 1


def test_a_message_after_close_opens_the_handler_again(attach):
    with TCPReceiver() as receiver:
        handler = GELFTCPHandler("127.0.0.1", receiver.port)
        log = attach(handler)
        log.info("one")
        handler.close()
        log.info("two")
        receiver.wait(2)
        assert receiver.accepted == 2
        handler.close()
        handler.close()


def test_a_handler_without_messages_starts_no_thread():
    before = set(threading.enumerate())
    handler = GELFUDPHandler("127.0.0.1", 9)
    assert not set(threading.enumerate()) - before
    handler.close()


def test_a_fault_in_encoding_costs_the_message_not_the_worker(attach, capfd):
    class Faulty(GELFTCPHandler):
        def _make_gelf_dict(self, record):
            if "bad" in record.msg:
                raise SystemError("a bug")
            return super()._make_gelf_dict(record)

    with TCPReceiver() as receiver:
        handler = Faulty("127.0.0.1", receiver.port)
        log = attach(handler)
        log.info("bad")
        log.info("good")
        assert wait_for(lambda: "good" in receiver.texts)
    assert handler.stats.dropped == {"unencodable": 1}
    assert "a bug" in str(handler.stats.last_error)


def test_a_fault_in_sending_does_not_end_the_worker(attach):
    failures = iter([TypeError("bug"), None])

    class Faulty(GELFTCPHandler):
        def makeSocket(self, timeout=1):
            failure = next(failures, None)
            if failure:
                raise failure
            return super().makeSocket(timeout)

    with TCPReceiver() as receiver:
        log = attach(Faulty("127.0.0.1", receiver.port, **QUICK))
        log.info("through")
        receiver.wait(1)


def test_a_signal_handler_may_log_in_the_middle_of_a_log_call(attach):
    import signal
    import sys

    if sys.platform == "win32":
        pytest.skip("no interval timer")
    with TCPReceiver() as receiver:
        handler = GELFTCPHandler("127.0.0.1", receiver.port, max_queued=20_000)
        log = attach(handler)
        interruptions = []
        before = signal.signal(signal.SIGALRM, lambda *_: interruptions.append(log.info("signal")))
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        try:
            for number in range(5000):
                log.info("m%d", number)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert interruptions
        receiver.wait(5000 + len(interruptions))
        assert [text for text in receiver.texts if text != "signal"] == [f"m{number}" for number in range(5000)]


def test_closing_with_the_server_away_says_what_is_left(attach, capfd):
    handler = GELFTCPHandler("127.0.0.1", free_port(), flush_timeout_seconds=0.1)
    log = attach(handler)
    log.info("x")
    handler.close()
    assert "closed with 1 messages unsent" in capfd.readouterr().err
    assert handler.stats.queued == 1


def test_stats_tell_the_state(attach):
    with TCPReceiver() as receiver:
        handler = GELFTCPHandler("127.0.0.1", receiver.port)
        assert handler.stats.connected is None
        log = attach(handler)
        log.info("x")
        handler.flush()
        stats = handler.stats
        assert (stats.sent, stats.dropped, stats.queued, stats.connected, stats.last_error) == (1, {}, 0, True, None)


def test_what_a_broken_connection_may_have_lost_is_counted(attach):
    """The peer vanishes while the kernel still holds unacknowledged bytes (SIOCOUTQ, Linux)."""
    import sys

    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux tells the unacknowledged bytes")
    with TCPReceiver(rcvbuf=4096) as receiver:
        receiver.reading.clear()
        handler = GELFTCPHandler("127.0.0.1", receiver.port, **QUICK)
        log = attach(handler)
        for _ in range(100):
            log.info("x" * 10_000)
        assert wait_for(lambda: handler.stats.sent > 20)
        time.sleep(0.2)
        receiver.connections[0].close()  # unread bytes: the kernel sends a reset
        log.info("next")
        assert wait_for(lambda: handler.stats.possibly_lost > 0)
        assert handler.stats.possibly_lost <= handler.stats.sent


# What is captured when


def test_arguments_changed_after_the_call_do_not_change_the_message(attach):
    with TCPReceiver() as receiver:
        log = attach(GELFTCPHandler("127.0.0.1", receiver.port))
        items, extra, nested = [1], {"a": 1}, {"deep": [1]}
        log.info("items %s", items, extra={"d": extra, "n": nested})
        items.append(2)
        extra["a"] = 2
        nested["deep"].append(2)
        (message,) = receiver.wait(1)
    assert message["short_message"] == "items [1]"
    assert (message["_d.a"], message["_n.deep"]) == (1, "[1]")


def test_a_record_changed_by_a_later_handler_is_sent_as_it_was(attach):
    class Colouring(logging.Handler):
        def emit(self, record):
            record.msg = f"\033[31m{record.msg}\033[0m"
            record.args = ()
            record.colour = "red"

    with TCPReceiver() as receiver:
        log = attach(GELFTCPHandler("127.0.0.1", receiver.port))
        log.addHandler(Colouring())
        log.info("plain %s", "text")
        (message,) = receiver.wait(1)
    assert message["short_message"] == "plain text"
    assert "_colour" not in message


def test_logging_an_exception_keeps_no_frame_alive(attach):
    class Big:
        pass

    def fail():
        big = Big()
        reference.append(weakref.ref(big))
        raise ValueError("x")

    reference: list[Any] = []
    handler = GELFTCPHandler("127.0.0.1", free_port(), retry_min_seconds=5)
    log = attach(handler)
    try:
        fail()
    except ValueError:
        log.exception("failed")
    gc.collect()
    assert handler.stats.queued == 1
    assert reference[0]() is None


def test_a_formatter_of_the_services_own_runs_in_its_context(attach):
    user = contextvars.ContextVar("user", default="nobody")

    class Mine(logging.Formatter):
        def format(self, record):
            return f"{threading.current_thread().name} {user.get()} {record.getMessage()}"

    with TCPReceiver() as receiver:
        handler = GELFTCPHandler("127.0.0.1", receiver.port)
        handler.setFormatter(Mine())
        log = attach(handler)
        user.set("ada")
        log.info("hello")
        (message,) = receiver.wait(1)
    assert message["short_message"] == "MainThread ada hello"


def test_context_variables_are_read_when_the_message_is_logged(attach):
    tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant")
    with TCPReceiver() as receiver:
        log = attach(GELFTCPHandler("127.0.0.1", receiver.port, context_vars={"tenant": tenant}))
        log.info("none yet")

        def work(name):
            tenant.set(name)
            with bind(step=name):
                log.info("%s", name)

        for name in ("a", "b"):
            contextvars.copy_context().run(work, name)
        messages = receiver.wait(3)
    assert "_tenant" not in messages[0]
    assert [(m["_tenant"], m["_step"]) for m in messages[1:]] == [("a", "a"), ("b", "b")]


def test_bind_nests_and_ends_and_is_per_task():
    async def task(name):
        with bind(name=name):
            await asyncio.sleep(0)
            return bound_fields()["name"]

    async def main():
        return await asyncio.gather(task("a"), task("b"))

    with bind(a=1, b=1):
        with bind(b=2):
            assert dict(bound_fields()) == {"a": 1, "b": 2}
        assert dict(bound_fields()) == {"a": 1, "b": 1}
        assert asyncio.run(main()) == ["a", "b"]
    assert dict(bound_fields()) == {}


def test_filters_on_the_handler_run_in_the_callers_thread(attach):
    seen = []

    def keep(record):
        seen.append(threading.current_thread().name)
        return "secret" not in record.msg

    with TCPReceiver() as receiver:
        handler = GELFTCPHandler("127.0.0.1", receiver.port)
        handler.addFilter(keep)
        log = attach(handler)
        log.info("secret")
        log.info("open")
        receiver.wait(1)
    assert receiver.texts == ["open"]
    assert set(seen) == {"MainThread"}


def test_a_filter_may_replace_the_record(attach):
    import sys

    if sys.version_info < (3, 12):
        pytest.skip("filters may replace records from Python 3.12 on")

    def replace(record):
        other = logging.makeLogRecord(record.__dict__)
        other.msg = "redacted"
        return other

    with TCPReceiver() as receiver:
        handler = GELFTCPHandler("127.0.0.1", receiver.port)
        handler.addFilter(replace)
        attach(handler).info("secret")
        receiver.wait(1)
    assert receiver.texts == ["redacted"]


def test_custom_record_classes_keep_their_get_message(attach):
    class Braces(logging.LogRecord):
        def getMessage(self):
            return self.msg.format(*(self.args or ()))

    with TCPReceiver() as receiver:
        handler = GELFTCPHandler("127.0.0.1", receiver.port)
        attach(handler)
        handler.handle(Braces("n", 20, "f", 1, "{} and {}", (1, 2), None))
        receiver.wait(1)
    assert receiver.texts == ["1 and 2"]


def test_idle_then_a_message_then_idle(attach):
    """The worker sleeps deeply after a while; a message wakes it."""
    with TCPReceiver() as receiver:
        handler = GELFTCPHandler("127.0.0.1", receiver.port)
        log = attach(handler)
        log.info("one")
        receiver.wait(1)
        assert wait_for(lambda: handler._worker.asleep, 10)
        log.info("two")
        receiver.wait(2)


@pytest.mark.parametrize("make", [GELFUDPHandler, GELFTCPHandler, GELFHTTPHandler])
def test_behind_a_standard_queue_handler(make, attach):
    import queue
    from logging.handlers import QueueHandler, QueueListener

    kind = {GELFUDPHandler: UDPReceiver, GELFTCPHandler: TCPReceiver, GELFHTTPHandler: HTTPReceiver}[make]
    with kind() as receiver:
        handler = make("127.0.0.1", receiver.port)
        records: queue.Queue[logging.LogRecord] = queue.Queue()
        listener = QueueListener(records, handler)
        log = attach(QueueHandler(records))
        listener.start()
        try:
            raise ValueError("boom")
        except ValueError:
            log.exception("failed")
        log.info("next")
        messages = receiver.wait(2)
        listener.stop()
        handler.close()
    assert messages[0]["short_message"] == "failed"
    assert messages[0]["full_message"].endswith("ValueError: boom")


def test_every_public_name_is_exported():
    for name in gelf_handlers.__all__:
        assert getattr(gelf_handlers, name).__doc__ or isinstance(getattr(gelf_handlers, name), int)
