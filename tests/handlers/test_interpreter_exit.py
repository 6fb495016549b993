"""Interpreter exit on every Python: finalizers, pending tasks, threads that never stop, what the wait is for."""

import sys
import time

import pytest
from receivers import HTTPReceiver, TCPReceiver, UDPReceiver, free_port

RECEIVERS = {"udp": UDPReceiver, "tcp": TCPReceiver, "http": HTTPReceiver}


@pytest.mark.parametrize("kind", ["udp", "tcp", "http"])
@pytest.mark.parametrize("before", [0, 1])
def test_a_finalizer_that_logs_at_exit_neither_hangs_nor_loses_its_message(kind, before, run):
    """Python 3.11 starts threads there that never run, and waits for them without limit."""
    with RECEIVERS[kind]() as receiver:
        run(
            """
            import logging, sys, gelf_handlers
            gelf_handlers.configure("orders", f"gelf+{sys.argv[1]}://127.0.0.1:{sys.argv[2]}", fields={"a": 1})
            class Resource:
                def __init__(self):
                    self.me = self          # ended when the interpreter collects what is left
                    self.log = logging.getLogger("resource")
                def __del__(self):
                    self.log.error("closed late")
            kept = Resource()
            if sys.argv[3] == "1":
                logging.error("before")
            """,
            kind,
            receiver.port,
            before,
        )
        receiver.wait(1 + before)
        assert receiver.texts == ["before"] * before + ["closed late"]


def test_a_pending_asyncio_task_at_exit_is_reported(run):
    with TCPReceiver() as receiver:
        run(
            """
            import asyncio, logging, sys, gelf_handlers
            gelf_handlers.configure("orders", f"gelf+tcp://127.0.0.1:{sys.argv[1]}")
            loop = asyncio.new_event_loop()
            async def forever():
                await loop.create_future()
            task = loop.create_task(forever())
            loop.run_until_complete(asyncio.sleep(0))
            """,
            receiver.port,
        )
        receiver.wait(1)
        assert "Task was destroyed but it is pending!" in receiver.texts[0]


def test_a_finalizer_that_logs_while_the_server_is_down_does_not_hang(run):
    started = time.monotonic()
    run(
        """
        import logging, sys, gelf_handlers
        gelf_handlers.configure("orders", f"gelf+tcp://127.0.0.1:{sys.argv[1]}", flush_timeout_seconds=0.3)
        class Resource:
            def __init__(self):
                self.me = self
                self.log = logging.getLogger("resource")
            def __del__(self):
                self.log.error("closed late")
        kept = [Resource() for _ in range(3)]
        logging.error("before")
        """,
        free_port(),
        timeout=30,
    )
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("reachable", [True, False])
def test_threads_that_log_without_pause_do_not_delay_the_exit(reachable, run):
    """The flush waits for what was logged before it, within its limit, whatever comes in meanwhile."""
    with TCPReceiver() as receiver:
        started = time.monotonic()
        run(
            """
            import logging, sys, threading, time, gelf_handlers
            gelf_handlers.configure("orders", f"gelf+tcp://127.0.0.1:{sys.argv[1]}", flush_timeout_seconds=1)
            def work():
                while True:
                    logging.info("again")
            for number in range(4):
                threading.Thread(target=work, daemon=True).start()
            time.sleep(0.5)
            logging.info("last")
            """,
            receiver.port if reachable else free_port(),
        )
        assert time.monotonic() - started < 25, "the limit of all is 30 s"
        if reachable:
            receiver.wait(1)
            assert "last" in receiver.texts or len(receiver.texts) > 50_000, (
                "dropped and reported, if the queue was full"
            )


def test_a_wait_at_exit_says_what_for(run):
    done = run(
        """
        import logging, sys, gelf_handlers
        gelf_handlers.configure("orders", f"gelf+tcp://127.0.0.1:{sys.argv[1]}", flush_timeout_seconds=1.5)
        logging.error("into the void")
        """,
        free_port(),
    )
    assert "exit waits up to 1.5 s for 1 unsent messages (ConnectionRefusedError" in done.stderr
    assert "1 messages could not be sent before exit" in done.stderr


@pytest.mark.parametrize("kind", ["udp", "tcp", "http"])
@pytest.mark.parametrize("end", ["os._exit(0)", "os.kill(os.getpid(), signal.SIGKILL)", "os.abort()",
                                 "os.execv(sys.executable, [sys.executable, '-c', ''])"])  # fmt: skip
def test_with_sync_nothing_is_lost_that_a_call_returned_from(kind, end, run):
    with RECEIVERS[kind]() as receiver:
        run(
            f"""
            import logging, os, signal, sys, gelf_handlers
            gelf_handlers.configure("orders", f"gelf+{{sys.argv[1]}}://127.0.0.1:{{sys.argv[2]}}?sync=true")
            for number in range(20):
                logging.error("%d", number)
            {end}
            """,
            kind,
            receiver.port,
            check=False,
        )
        receiver.wait(20)
        assert receiver.texts == [str(number) for number in range(20)]


def test_with_sync_a_server_that_is_down_delays_no_call_for_long_and_gets_all_later(attach):
    from gelf_handlers import GELFTCPHandler

    port = free_port()
    handler = GELFTCPHandler("127.0.0.1", port, sync=True)
    log = attach(handler)
    for number in range(100):
        log.error("%d", number)
    assert handler.stats.queued == 100
    with TCPReceiver(port=port) as receiver:
        receiver.wait(100)
        assert handler.flush(10)
        log.error("direct")
        assert handler.stats.queued == 0
        receiver.wait(101)
        assert receiver.texts == [*map(str, range(100)), "direct"]


def test_with_sync_many_threads_lose_nothing(attach):
    import threading

    from gelf_handlers import GELFTCPHandler

    with TCPReceiver() as receiver:
        log = attach(GELFTCPHandler("127.0.0.1", receiver.port, sync=True))
        threads = [threading.Thread(target=lambda: [log.info("x") for _ in range(200)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        receiver.wait(800)


def test_with_sync_a_peer_that_reads_nothing_holds_a_call_for_the_block_timeout(attach):
    from gelf_handlers import GELFTCPHandler

    with TCPReceiver(rcvbuf=4096) as receiver:
        receiver.reading.clear()
        handler = GELFTCPHandler("127.0.0.1", receiver.port, sync=True, block_timeout_seconds=0.3)
        log = attach(handler)
        while handler.stats.connected is not False:
            log.error("x" * 100_000)
        assert handler.stats.queued
        receiver.reading.set()
        assert handler.flush(20)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_with_sync_a_signal_handler_that_logs_during_a_call_loses_nothing(run):
    with HTTPReceiver() as receiver:
        run(
            """
            import logging, signal, sys, gelf_handlers
            gelf_handlers.configure("orders", f"gelf+http://127.0.0.1:{sys.argv[1]}?sync=true")
            def on_alarm(*_):
                logging.error("signal")
                signal.setitimer(signal.ITIMER_REAL, 0.005)  # the next one, now that this one is done
            signal.signal(signal.SIGALRM, on_alarm)
            signal.setitimer(signal.ITIMER_REAL, 0.005)
            for number in range(200):
                logging.error("body")
            signal.signal(signal.SIGALRM, signal.SIG_IGN)
            signal.setitimer(signal.ITIMER_REAL, 0)
            """,
            receiver.port,
        )
        receiver.wait(200)
        assert receiver.texts.count("body") == 200
