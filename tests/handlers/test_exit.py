"""The last messages: interpreter exit, SIGTERM, late loggers, no thread to be had, forks, child processes."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from receivers import HTTPReceiver, TCPReceiver, UDPReceiver, free_port, wait_for

BURST = """
    import logging, sys
    import gelf_handlers
    kind, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    handler = {
        "tcp": lambda: gelf_handlers.GELFTCPHandler("127.0.0.1", port),
        "tls": lambda: gelf_handlers.GELFTLSHandler("localhost", port),
        "http": lambda: gelf_handlers.GELFHTTPHandler("127.0.0.1", port),
        "bulk": lambda: gelf_handlers.GELFHTTPHandler("127.0.0.1", port, bulk=True),
    }[kind]()
    log = logging.getLogger(); log.setLevel(20); log.addHandler(handler)
    for number in range(count):
        log.info("%d", number)
"""


def receiver_for(kind, server_context, port=0):
    if kind in ("http", "bulk"):
        return HTTPReceiver(port=port, bulk=kind == "bulk")
    return TCPReceiver(port=port, context=server_context if kind == "tls" else None)


def numbers(receiver):
    return [int(text) for text in receiver.texts if text.isdigit()]


def burst(run, kind, count, server_context):
    with receiver_for(kind, server_context) as receiver:
        run(BURST, kind, receiver.port, count, timeout=300)
        receiver.wait(count, 60)
        assert numbers(receiver) == list(range(count))


@pytest.mark.parametrize("kind", ["tcp", "tls", "http", "bulk"])
def test_a_burst_followed_by_normal_exit_arrives_whole(kind, run, server_context):
    burst(run, kind, 10_000, server_context)


@pytest.mark.soak
@pytest.mark.timeout(400)
@pytest.mark.parametrize("kind", ["tcp", "tls", "http", "bulk"])
def test_a_burst_of_a_hundred_thousand_followed_by_normal_exit_arrives_whole(kind, run, server_context):
    burst(run, kind, 100_000, server_context)


RESTART = (
    BURST
    + """
    handler.flush(60)
    print(handler.stats.possibly_lost, handler.stats.dropped_total, handler.stats.reconnects)
"""
)


def burst_with_restart(run, kind, count, server_context):
    """Close the server when a third has arrived, start it again on the same port, and compare."""
    first = receiver_for(kind, server_context)
    result = []
    thread = threading.Thread(target=lambda: result.append(run(RESTART, kind, first.port, count, timeout=300)))
    thread.start()
    assert wait_for(lambda: len(first.payloads) >= count // 3, 60)
    first.close()
    time.sleep(0.3)
    with receiver_for(kind, server_context, first.port) as second:
        thread.join(300)
        possibly_lost, dropped, reconnects = map(int, result[0].stdout.split())
        assert wait_for(lambda: numbers(second)[-1:] == [count - 1], 20)
        arrived = numbers(first) + numbers(second)
    assert reconnects >= 1
    assert dropped == 0
    missing = set(range(count)) - set(arrived)
    return missing, possibly_lost, arrived


def no_gap_but_one(missing):
    """What TCP loses is one stretch: what the kernel held when the connection broke."""
    return not missing or max(missing) - min(missing) + 1 == len(missing)


@pytest.mark.parametrize("kind", ["tcp", "tls"])
def test_a_restart_in_the_middle_loses_at_most_the_kernels_buffer(kind, run, server_context):
    missing, _, arrived = burst_with_restart(run, kind, 20_000, server_context)
    assert no_gap_but_one(missing)
    assert len(missing) * 200 < 8 << 20, "more than the kernel's buffers can have held"
    assert sorted(set(arrived)) == arrived, "in order, nothing twice"


@pytest.mark.parametrize("kind", ["http", "bulk"])
def test_a_restart_in_the_middle_loses_nothing_over_http(kind, run, server_context):
    missing, _, _ = burst_with_restart(run, kind, 10_000, server_context)
    assert not missing


@pytest.mark.soak
@pytest.mark.timeout(400)
@pytest.mark.parametrize("kind", ["tcp", "tls", "http", "bulk"])
def test_a_restart_in_a_burst_of_a_hundred_thousand(kind, run, server_context):
    missing, possibly_lost, _ = burst_with_restart(run, kind, 100_000, server_context)
    print(kind, "missing", len(missing), "counted as possibly lost", possibly_lost)
    if kind in ("http", "bulk"):
        assert not missing
    else:
        assert no_gap_but_one(missing)


def test_exit_with_the_server_down_takes_the_time_limit_and_says_what_was_lost(run):
    started = time.monotonic()
    done = run(
        """
        import logging, sys, gelf_handlers
        handler = gelf_handlers.GELFTCPHandler("127.0.0.1", int(sys.argv[1]), flush_timeout_seconds=0.5)
        logging.getLogger().addHandler(handler)
        logging.error("into the void")
        """,
        free_port(),
    )
    assert time.monotonic() - started < 15
    assert "1 messages could not be sent before exit" in done.stderr
    assert "Traceback" not in done.stderr


def test_two_handlers_share_the_time_limit(run):
    started = time.monotonic()
    run(
        """
        import logging, sys, gelf_handlers
        for _ in range(6):
            handler = gelf_handlers.GELFTCPHandler(
                "127.0.0.1", int(sys.argv[1]), flush_timeout_seconds=30, exit_timeout_seconds=1
            )
            logging.getLogger().addHandler(handler)
        logging.error("into the void")
        """,
        free_port(),
    )
    assert time.monotonic() - started < 20


def test_a_server_that_comes_back_during_exit_gets_everything(run):
    port = free_port()
    holder = []
    timer = threading.Timer(1.0, lambda: holder.append(TCPReceiver(port=port)))
    timer.start()
    run(
        """
        import logging, sys, gelf_handlers
        logging.getLogger().addHandler(gelf_handlers.GELFTCPHandler("127.0.0.1", int(sys.argv[1]), flush_timeout_seconds=20))
        for number in range(100):
            logging.error("%d", number)
        """,
        port,
    )
    timer.join()
    holder[0].wait(100)
    holder[0].close()


def test_messages_logged_by_other_exit_callbacks_arrive(run):
    """One registered before the handler runs after its flush; logging.shutdown's close drains again."""
    with TCPReceiver() as receiver:
        run(
            """
            import atexit, logging, sys
            atexit.register(lambda: logging.error("early callback"))
            import gelf_handlers
            logging.getLogger().addHandler(gelf_handlers.GELFTCPHandler("127.0.0.1", int(sys.argv[1])))
            atexit.register(lambda: logging.error("late callback"))
            logging.error("body")
            """,
            receiver.port,
        )
        receiver.wait(3)
        assert receiver.texts == ["body", "late callback", "early callback"]


@pytest.mark.parametrize("kind", ["udp", "tcp", "http"])
def test_first_message_at_exit_is_sent_though_no_thread_can_start(kind, run):
    """Python 3.12 refuses to start threads at shutdown."""
    with {"udp": UDPReceiver, "tcp": TCPReceiver, "http": HTTPReceiver}[kind]() as receiver:
        run(
            """
            import atexit, logging, sys, gelf_handlers
            kind = {"udp": "GELFUDPHandler", "tcp": "GELFTCPHandler", "http": "GELFHTTPHandler"}[sys.argv[1]]
            logging.getLogger().addHandler(getattr(gelf_handlers, kind)("127.0.0.1", int(sys.argv[2])))
            atexit.register(lambda: logging.error("only at exit"))
            """,
            kind,
            receiver.port,
        )
        receiver.wait(1)


def test_a_thread_that_cannot_start_is_replaced_by_the_caller(attach, monkeypatch):
    from gelf_handlers import GELFTCPHandler

    start = threading.Thread.start

    def refuse(self):
        if self.name == "gelf-handlers":
            raise RuntimeError("can't create new thread at interpreter shutdown")
        start(self)

    with TCPReceiver() as receiver:
        log = attach(GELFTCPHandler("127.0.0.1", receiver.port))
        monkeypatch.setattr(threading.Thread, "start", refuse)
        try:
            log.info("one")
            log.info("two")
        finally:
            monkeypatch.undo()
        receiver.wait(2)


def test_an_exception_that_ends_the_program_is_the_last_message(run):
    with TCPReceiver() as receiver:
        done = run(
            """
            import logging, sys, gelf_handlers
            gelf_handlers.configure("orders", f"gelf+tcp://127.0.0.1:{sys.argv[1]}")
            try:
                raise RuntimeError("fatal")
            except RuntimeError:
                logging.critical("going down", exc_info=True)
                raise
            """,
            receiver.port,
            check=False,
        )
        assert done.returncode == 1
        assert receiver.wait(1)[0]["full_message"].endswith("RuntimeError: fatal")


def test_sigterm_becomes_a_normal_exit_and_flushes():
    with TCPReceiver() as receiver:
        code = (
            "import logging, sys, time, gelf_handlers\n"
            "gelf_handlers.configure('orders', f'gelf+tcp://127.0.0.1:{sys.argv[1]}')\n"
            "for n in range(2000): logging.info('%d', n)\n"
            "print('ready', flush=True)\n"
            "time.sleep(30)\n"
        )
        from conftest import HANDLERS

        process = subprocess.Popen(
            [sys.executable, "-c", code, str(receiver.port)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(HANDLERS)},
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 143
        process.stdout.close()
        receiver.wait(2000)


def test_a_sigterm_handler_of_the_services_own_is_left_alone(run):
    done = run(
        """
        import signal, gelf_handlers
        mine = lambda *a: None
        signal.signal(signal.SIGTERM, mine)
        gelf_handlers.configure("orders", "gelf+tcp://127.0.0.1:9")
        print(signal.getsignal(signal.SIGTERM) is mine)
        """
    )
    assert done.stdout.strip() == "True"


FORK = """
    import logging, os, sys, gelf_handlers
    kind, port = sys.argv[1], int(sys.argv[2])
    name = {"udp": "GELFUDPHandler", "tcp": "GELFTCPHandler", "http": "GELFHTTPHandler"}[kind]
    handler = getattr(gelf_handlers, name)("127.0.0.1", port, linger_seconds=0.2)
    log = logging.getLogger(); log.setLevel(20); log.addHandler(handler)
    log.info("before"); handler.flush()
    for number in range(20):
        log.info("queued %d", number)      # still in the parent's queue when the children are made
    children = []
    for child in range(3):
        pid = os.fork()
        if pid == 0:
            assert handler.stats.queued == 0 and handler.stats.sent == 0
            for number in range(20):
                log.info("child %d %d", child, number)
            sys.exit(0)
        children.append(pid)
    for pid in children:
        assert os.waitpid(pid, 0)[1] == 0
    log.info("after")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
@pytest.mark.parametrize("kind", ["udp", "tcp", "http"])
def test_fork_parent_keeps_its_queue_children_start_afresh_nothing_twice(kind, run):
    with {"udp": UDPReceiver, "tcp": TCPReceiver, "http": HTTPReceiver}[kind]() as receiver:
        run(FORK, kind, receiver.port)
        expected = [
            "before",
            "after",
            *(f"queued {n}" for n in range(20)),
            *(f"child {c} {n}" for c in range(3) for n in range(20)),
        ]
        receiver.wait(len(expected))
        time.sleep(0.1)
        assert sorted(receiver.texts) == sorted(expected)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_children_flush_at_their_end(method, tmp_path, run):
    import multiprocessing

    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} on this platform")
    script = tmp_path / "service.py"
    script.write_text(
        "import logging, multiprocessing, sys\n"
        "import gelf_handlers\n"
        "def work(port, name):\n"
        "    gelf_handlers.configure('orders', f'gelf+tcp://127.0.0.1:{port}')\n"
        "    for n in range(300): logging.info('%s %d', name, n)\n"
        "def inherit(name):\n"
        "    for n in range(300): logging.info('%s %d', name, n)\n"
        "if __name__ == '__main__':\n"
        "    context = multiprocessing.get_context(sys.argv[1])\n"
        "    port = int(sys.argv[2])\n"
        "    if sys.argv[1] == 'fork':\n"
        "        gelf_handlers.configure('orders', f'gelf+tcp://127.0.0.1:{port}')\n"
        "        logging.info('parent')\n"
        "        processes = [context.Process(target=inherit, args=(f'p{i}',)) for i in range(2)]\n"
        "    else:\n"
        "        processes = [context.Process(target=work, args=(port, f'p{i}')) for i in range(2)]\n"
        "    for p in processes: p.start()\n"
        "    for p in processes: p.join()\n"
        "    assert all(p.exitcode == 0 for p in processes)\n"
    )
    with TCPReceiver() as receiver:
        run(f"import runpy, sys; sys.argv = [{str(script)!r}, *sys.argv[1:]]", "x")
        from conftest import HANDLERS

        subprocess.run(
            [sys.executable, str(script), method, str(receiver.port)],
            check=True,
            timeout=60,
            env={**os.environ, "PYTHONPATH": str(HANDLERS)},
        )
        receiver.wait(600 + (method == "fork"))
        texts = receiver.texts
        assert sorted(t for t in texts if t != "parent") == sorted(f"p{i} {n}" for i in range(2) for n in range(300))


def test_closing_tls_with_unread_session_tickets_loses_nothing(run, server_context):
    """A close over unread bytes sends a reset, and a reset makes the server drop what it has not read."""
    for _ in range(3):
        with TCPReceiver(context=server_context) as receiver:
            receiver.reading.clear()
            timer = threading.Timer(0.7, receiver.reading.set)
            timer.start()
            run(BURST, "tls", receiver.port, 300)
            receiver.wait(300)
            timer.join()
