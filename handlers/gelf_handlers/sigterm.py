"""
SIGTERM: flush before the end.

In the main process the signal becomes a normal exit, so that everything that runs at exit runs. A child process is
ended with SIGTERM by its parent (``with multiprocessing.Pool()`` always does), in the middle of anything. There an
exception from the signal handler would come out of whatever the child is doing, so the handler flushes, and then the
signal does what it does by default. A child that has logged nothing has nothing to flush, and no handler.

Python runs a handler in the main thread, between two of its instructions. A main thread that is about to wait for a
semaphore when the signal comes does not notice, and waits on: in a pool, for a lock that a child took with it when it
ended. So a thread watches for the signal (`signal.set_wakeup_fd`) and interrupts the main thread until the handler ran.

uvicorn has a handler of its own while it serves. When it is done it restores those that it found, the default in its
workers and in gunicorn's, and raises the signal once more: the process ends at once. So the flush comes at the end of
the server's `shutdown`.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Final
from weakref import WeakSet

__all__ = [
    "after_fork",
    "after_fork_in_parent",
    "before_fork",
    "end_child_on_sigterm",
    "exit_on_sigterm",
    "flush_after_serving",
    "is_flushing",
    "uninterrupted",
]

_CHILD_MODULES: Final = ("multiprocessing.process", "billiard.process")
_POKE_SECONDS: Final = 0.05

_flush: list[Callable[[], None]] = []
_main_process: list[int] = []
"""The process in which SIGTERM becomes an exit, or one that it was forked from."""
_flushing: list[int] = []
"""The process that is flushing: a forked child has to tell its own flush from its parent's."""
_followed: WeakSet[Any] = WeakSet()
"""Servers whose end is flushed."""
_wakeup: list[socket.socket] = []
_forking = threading.local()
"""The mask of signals that a thread had before it forks."""


def exit_on_sigterm(flush: Callable[[], None]) -> None:
    """
    Turn SIGTERM into a normal exit, status 143, so that what is queued is flushed.

    Python's default is to end at once, without `atexit`. A handler of the service's own is left alone, and other
    threads than the main one cannot set any. Servers that restore and re-raise the signal they caught (uvicorn) end
    here too. In child processes the signal ends the process as by default, after the flush.
    """
    if not _is_child():
        _main_process[:] = [os.getpid()]
        _set(flush)


def end_child_on_sigterm(flush: Callable[[], None]) -> None:
    """Flush before SIGTERM ends this process, if it is a child; called when there is something to flush."""
    if _is_child() and _set(flush):
        _watch()


def flush_after_serving(flush: Callable[[], None]) -> None:
    """Flush when a signal has ended the uvicorn that serves here; called when there is something to flush."""
    uvicorn = sys.modules.get("uvicorn.server")
    server: Any = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    if uvicorn is None or not isinstance(server, uvicorn.Server) or server in _followed:
        return
    _followed.add(server)
    shut_down = server.shutdown

    async def shutdown(*arguments: Any, **options: Any) -> None:
        await shut_down(*arguments, **options)
        if getattr(server, "_captured_signals", ()):  # nobody else ends the process
            flush()

    server.shutdown = shutdown


def is_flushing() -> bool:
    """Whether this process is flushing because it ends."""
    return os.getpid() in _flushing


def uninterrupted(flush: Callable[[], None]) -> None:
    """Flush, and let signals that ask for an end wait for that; the flush has a time limit of its own."""
    _flushing[:] = [os.getpid()]
    main = threading.current_thread() is threading.main_thread()
    interrupt = signal.getsignal(signal.SIGINT) if main else None
    try:
        if main:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        flush()
    finally:
        _flushing.clear()
        if main and interrupt is not None:
            signal.signal(signal.SIGINT, interrupt)


def before_fork() -> None:
    """
    Let SIGTERM wait for `after_fork`, in both processes.

    Python forgets what comes to a child while its handlers are still the parent's, and the pool that ended the child
    with it waits for that indefinitely.
    """
    if signal.getsignal(signal.SIGTERM) is _on_sigterm:
        _forking.mask = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))


def after_fork_in_parent() -> None:
    """Go on as before."""
    mask, _forking.mask = getattr(_forking, "mask", None), None
    if mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def after_fork() -> None:
    """Forget, in a forked child, what the parent was doing."""
    _flushing.clear()
    if signal.getsignal(signal.SIGTERM) is _on_sigterm:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    after_fork_in_parent()
    if _wakeup:  # or our signals would be the parent's
        _wakeup.clear()
        signal.set_wakeup_fd(-1)


def _set(flush: Callable[[], None]) -> bool:
    """Set the handler where it may be set; return whether it is set."""
    if threading.current_thread() is not threading.main_thread():
        return False
    _flush[:] = [flush]
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _on_sigterm)
    return signal.getsignal(signal.SIGTERM) is _on_sigterm


def _on_sigterm(number: int, _frame: FrameType | None) -> None:
    if is_flushing():
        return  # the end is near, and bounded
    if not _is_child():
        sys.exit(128 + number)
    for flush in _flush:
        flush()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _is_child() -> bool:
    """Whether `multiprocessing` or billiard started this process, or it was forked from one that exits on SIGTERM."""
    if _main_process and os.getpid() not in _main_process:
        return True
    for name in _CHILD_MODULES:
        module = sys.modules.get(name)
        if module is not None and type(module.current_process()).__name__ != "_MainProcess":
            return True
    return False


def _watch() -> None:
    """Interrupt the main thread when SIGTERM comes; an event loop that watches for signals needs no help."""
    if _wakeup:
        return
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    if before != -1:
        signal.set_wakeup_fd(before)
        reader.close()
        writer.close()
        return
    _wakeup[:] = [reader, writer]
    threading.Thread(target=_poke, args=(reader,), name="gelf-handlers-sigterm", daemon=True).start()


def _poke(reader: socket.socket) -> None:
    main = threading.main_thread().ident
    while signal.SIGTERM not in reader.recv(64):
        pass
    while main is not None and signal.getsignal(signal.SIGTERM) is _on_sigterm:
        time.sleep(_POKE_SECONDS)
        signal.pthread_kill(main, signal.SIGTERM)
