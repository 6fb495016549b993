"""Pools of processes: their parents end them with SIGTERM, and what they logged arrives all the same."""

import os
import subprocess
import sys

import pytest
from conftest import HANDLERS
from receivers import TCPReceiver

SERVICE = """
import concurrent.futures, logging, multiprocessing, os, signal, sys, time
import gelf_handlers

def work(number):
    logging.info("record %d", number)
    return number

def begin(port):
    if sys.argv[1:2] != ["fork"]:
        gelf_handlers.configure("pool", f"gelf+tcp://127.0.0.1:{port}")

if __name__ == "__main__":
    method, kind, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    gelf_handlers.configure("pool", f"gelf+tcp://127.0.0.1:{port}")
    context = multiprocessing.get_context(method)
    if kind == "pool":
        with context.Pool(4, begin, (port,)) as pool:
            pool.map(work, range(30))
    elif kind == "executor":
        with concurrent.futures.ProcessPoolExecutor(4, context, begin, (port,)) as pool:
            list(pool.map(work, range(30)))
    else:
        children = []
        for number in range(30):
            pid = os.fork()
            if not pid:
                work(number)
                if kind == "killed":
                    os.kill(os.getpid(), signal.SIGTERM)
                    time.sleep(60)
                sys.exit()
            children.append(pid)
        ends = {os.waitpid(pid, 0)[1] for pid in children}
        assert ends == {signal.SIGTERM if kind == "killed" else 0}, ends
"""

ALL = [(method, kind) for method in ("fork", "spawn", "forkserver") for kind in ("pool", "executor")]
ALL += [("fork", "forked"), ("fork", "killed")]


def run_once(script, method, kind):
    with TCPReceiver() as receiver:
        subprocess.run(
            [sys.executable, str(script), method, kind, str(receiver.port)],
            check=True,
            timeout=60,
            env={**os.environ, "PYTHONPATH": str(HANDLERS)},
            stderr=subprocess.PIPE,
        )
        receiver.wait(30)
        assert sorted(receiver.texts) == sorted(f"record {number}" for number in range(30))


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "service.py"
    path.write_text(SERVICE)
    return path


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
@pytest.mark.parametrize(("method", "kind"), ALL)
def test_all_records_arrive_and_nothing_hangs(method, kind, script):
    run_once(script, method, kind)
    run_once(script, method, kind)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("method", "kind"), ALL)
def test_two_hundred_times(method, kind, script):
    for _ in range(200):
        run_once(script, method, kind)


EARLY = """
    import os, signal, sys

    def blocked():
        return signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, [])

    seen = []
    def early():                        # before the handlers' own, as a signal may come
        seen.append(blocked())
        if sys.argv[2] == "kill":
            os.kill(os.getpid(), signal.SIGTERM)

    os.register_at_fork(after_in_child=early)
    import gelf_handlers
    gelf_handlers.configure("orders", f"gelf+tcp://127.0.0.1:{sys.argv[1]}")
    pid = os.fork()
    if not pid:
        os._exit(0 if seen == [True] and not blocked() else 1)
    print(os.waitpid(pid, 0)[1], blocked())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
@pytest.mark.parametrize(("what", "end"), [("look", 0), ("kill", 15)])
def test_a_child_is_ended_however_early(run, what, end):
    """Python forgets a signal that comes before a child has its own handlers; a pool would wait for its end forever."""
    with TCPReceiver() as receiver:
        assert run(EARLY, receiver.port, what).stdout.split() == [str(end), "False"]


SIGNALS = """
    import logging, os, signal, sys, threading, time
    import gelf_handlers
    handler = gelf_handlers.configure("orders", f"gelf+tcp://127.0.0.1:{sys.argv[1]}")
    for number in range(200):
        logging.info("%d", number)
    def signals():                      # while the flush waits for the server
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            time.sleep(0.3)
            os.kill(os.getpid(), number)
    threading.Thread(target=signals, daemon=True).start()
"""


def test_a_flush_is_not_interrupted_by_signals(run):
    """SIGTERM and Ctrl-C that come during the flush at exit end it neither early nor with a traceback."""
    import threading

    from receivers import free_port

    port = free_port()
    late = []
    timer = threading.Timer(1.5, lambda: late.append(TCPReceiver(port=port)))
    timer.start()
    try:
        done = run(SIGNALS, port)
        assert "Traceback" not in done.stderr
        late[0].wait(200)
    finally:
        timer.join()
        for receiver in late:
            receiver.close()
