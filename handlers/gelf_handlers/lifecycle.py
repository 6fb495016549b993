"""
A process's beginning and end: flush at exit, start afresh after a fork.

At exit: `atexit` runs callbacks last-in first-out and `logging` registered its own when it was imported, so
ours runs before `logging.shutdown`. Worker threads are daemons and still run then; a thread can no longer be
*started* on Python 3.12 ("can't create new thread at interpreter shutdown"), so a handler without a worker
drains in the calling thread. `multiprocessing` and billiard (Celery) children end with ``os._exit``: there the
flush is registered as one of their finalizers, and runs before SIGTERM ends them (`sigterm`).

After a fork: the child has a copy of the parent's queue, its sockets and its TLS state, but not its thread.
The parent keeps them; the child starts with an empty queue and a connection of its own.
"""

from __future__ import annotations

import atexit
import os
import sys
import time
from typing import Final, Protocol
from weakref import WeakSet

from gelf_handlers import sigterm

__all__ = ["exit_deadline", "exit_on_sigterm", "register", "worker_started"]


class Flushable(Protocol):
    """A handler as seen from here."""

    def exit_begins(self) -> None:
        """Prepare for the end of the interpreter."""

    def flush_at_exit(self) -> None:
        """Send what is queued, within the handler's limits."""

    def end_is_near(self) -> None:
        """Send what is queued, and from now on whatever is logged in the call."""

    def start_afresh(self) -> None:
        """Forget the parent process's queue and connection."""


_handlers: WeakSet[Flushable] = WeakSet()
_FINALIZER_MODULES: Final = ("multiprocessing.util", "billiard.util")
_finalizers_of: dict[str, int] = {}
_exit_started: list[float] = []


def register(handler: Flushable) -> None:
    """Flush this handler at exit and renew it after a fork."""
    if not _handlers:
        # Once is enough; exit callbacks registered earlier run later and may still log: close() drains again.
        atexit.unregister(_flush_all)
        atexit.register(_flush_all)
    _handlers.add(handler)


def worker_started() -> None:
    """Register the flush with child processes that skip `atexit`; called when a worker starts."""
    for name in _FINALIZER_MODULES:
        util = sys.modules.get(name)
        if util is not None and _finalizers_of.get(name) != os.getpid():
            _finalizers_of[name] = os.getpid()
            # The lowest priority of those that run at all: after the service's own finalizers.
            util.Finalize(None, _flush_all, exitpriority=-1000)
    sigterm.end_child_on_sigterm(_flush_all)
    sigterm.flush_after_serving(_end_is_near)


def exit_deadline(limit_seconds: float) -> float:
    """Return when flushing has to end, on the monotonic clock; the first call at exit starts the time for all."""
    if not _exit_started:
        return time.monotonic() + limit_seconds
    return _exit_started[0] + limit_seconds


def exit_on_sigterm() -> None:
    """Turn SIGTERM into a normal exit, so that what is queued is flushed; see `sigterm.exit_on_sigterm`."""
    sigterm.exit_on_sigterm(_flush_all)


def _flush_all() -> None:
    if not sigterm.is_flushing():
        sigterm.uninterrupted(_flush_each)


def _flush_each() -> None:
    if not _exit_started:
        _exit_started.append(time.monotonic())
    handlers = list(_handlers)
    for handler in handlers:
        handler.exit_begins()
    for handler in handlers:
        try:
            handler.flush_at_exit()
        except Exception as error:
            sys.stderr.write(f"gelf-handlers: flush at exit: {type(error).__name__}: {error}\n")


def _end_is_near() -> None:
    for handler in list(_handlers):
        handler.end_is_near()


def _after_fork_in_child() -> None:
    _exit_started.clear()
    sigterm.after_fork()
    for handler in list(_handlers):
        handler.start_afresh()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=sigterm.before_fork,
        after_in_parent=sigterm.after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
