"""
The queue and the thread behind a handler.

Guarantee: a message accepted into the queue is sent in order, or counted: as sent, dropped (with a reason),
rejected by the destination, or possibly lost. `put` never blocks (unless ``when_full="block"``), takes no lock and
wakes the worker only when it sleeps deeply.

How the caller is kept fast. The worker shares the interpreter lock with the service. CPython hands the lock
over after 5 ms at the latest; a worker encoding for 5 ms at a stretch would make one log call in a few hundred wait
that long. So as long as nothing is overdue, the worker sleeps briefly after every `_SLICE_SECONDS` of work, longer when
it notices that the service was computing meanwhile: then each of its turns costs some log call a wait, and turns must
be rare. Once the oldest message is older than `_OVERDUE_SECONDS`, the queue is half full, or somebody flushes, it works
straight on.
"""

from __future__ import annotations

import logging
import math
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from gelf_handlers import lifecycle
from gelf_handlers.capture import Captured, Frozen, thaw
from gelf_handlers.stats import Counters
from gelf_handlers.transport import RetryLater, Transport

__all__ = ["WORKER_THREADS", "QueueSettings", "WhenFull", "Worker"]

WhenFull = Literal["drop_newest", "drop_oldest", "block"]

WORKER_THREADS: Final[set[int]] = set()
"""Idents of threads that are sending right now: what is logged there comes from us or from the client library
below us and is not sent, or each message would beget another."""

_SLICE_SECONDS: Final = 40e-6
_PAUSE_SECONDS: Final = 20e-6
_CONTENDED_SECONDS: Final = 1e-3
_YIELD_SECONDS: Final = 15e-3
_MAX_YIELDS: Final = 4
_OVERDUE_SECONDS: Final = 1.0
_ACTIVE_SECONDS: Final = 2.0
_REPORT_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.002
_FLUSHING_RETRY_SECONDS: Final = 0.25
_EXIT_PAUSE_SECONDS: Final = 1e-3
_EXIT_NOTICE_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """
    How a handler queues, retries and flushes.

    Attributes:
        max_queued: Messages kept while they cannot be sent; about half a KiB each. The default takes 100 000 at once.
        when_full: ``drop_newest`` and ``drop_oldest`` never block; ``block`` waits up to `block_timeout_seconds`.
        block_timeout_seconds: How long a full queue may hold the caller.
        linger_seconds: How long the worker dozes between looks at the queue while the service is logging.
        retry_min_seconds: First pause after a failure; doubled each time.
        retry_max_seconds: Longest pause.
        flush_timeout_seconds: `flush`, `close` and the exit of the interpreter wait this long *without progress*.
        exit_timeout_seconds: And this long in all.
        sync: Send in the caller: a call returns when its message has been handed over, or when that fails.
    """

    max_queued: int = 100_000
    when_full: WhenFull = "drop_newest"
    block_timeout_seconds: float = 1.0
    linger_seconds: float = 0.02
    retry_min_seconds: float = 0.1
    retry_max_seconds: float = 10.0
    flush_timeout_seconds: float = 5.0
    exit_timeout_seconds: float = 30.0
    sync: bool = False

    def __post_init__(self) -> None:
        if self.max_queued < 1:
            raise ValueError(f"max_queued must be at least 1, not {self.max_queued}")
        if self.when_full not in ("drop_newest", "drop_oldest", "block"):
            raise ValueError(f"when_full must be drop_newest, drop_oldest or block, not {self.when_full!r}")


class Worker:
    """A bounded queue, and the thread that encodes and sends what is in it."""

    def __init__(
        self,
        settings: QueueSettings,
        transport: Transport,
        encode: Callable[[Captured], bytes],
        drop_report: Callable[[int, dict[str, int]], bytes],
        counters: Counters,
    ) -> None:
        self.settings = settings
        self.transport = transport
        self.counters = counters
        self.queue: deque[Frozen] = deque()
        self.asleep = True
        # With `sync` and at exit every call has to see to it that its message is sent: `asleep` stays true.
        self._sync = self._notify_always = settings.sync
        self._exiting = False
        self._given_up = False
        self._encode = encode
        self._drop_report = drop_report
        self._batch: deque[bytes] = deque()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._make_locks()
        self._flushing = 0
        # Odd while a message is on its way from the queue to the batch, and so in neither.
        self._moves = 0
        # Messages taken off the queue; how many of them are settled, and how many drops are reported, for good.
        self._taken = 0
        self._done = 0
        self._told = 0
        # The thread that sends its own message (`sync`), and until when it may wait for the peer.
        self._sender = 0
        self._again = False
        self._until = math.inf
        self._contended = False
        self._stopping = False
        self._failures = 0
        self._next_try = 0.0
        self._delay = 0.0
        self._reported = 0
        self._report_at = 0.0
        transport.stopping = self._in_vain

    # The caller's side.

    def make_room(self) -> bool:
        """Apply the policy of a full queue; return whether the new message may be put in."""
        settings = self.settings
        if self._given_up:
            self.counters.drop("exit")
            return False
        if self._exiting and len(self.queue) < settings.max_queued:
            if threading.current_thread() is not threading.main_thread():
                time.sleep(_EXIT_PAUSE_SECONDS)  # or four threads that log without pause leave the worker no time
            return True
        if settings.when_full == "drop_oldest":
            while len(self.queue) >= settings.max_queued:
                try:
                    self.queue.popleft()
                except IndexError:
                    break
                self.counters.drop("queue_full")
            return True
        if settings.when_full == "block":
            deadline = time.monotonic() + settings.block_timeout_seconds
            while time.monotonic() < deadline:
                if self.asleep:
                    self.notify()
                time.sleep(_POLL_SECONDS)
                if len(self.queue) < settings.max_queued:
                    return True
        self.counters.drop("queue_full")
        return False

    def _make_locks(self) -> None:
        self._consuming = threading.Lock()
        self._wake = threading.Lock()
        self._wake.acquire()

    def _renew_locks(self) -> None:
        """
        Make the locks again if `threading` was monkey-patched since they were made.

        gunicorn loads an application first (`preload_app`) and has gevent patch its workers then: threads become
        greenlets, and one that waits for a lock of the system's stops all of them.
        """
        if type(threading.Lock()) is not type(self._wake):
            self._make_locks()

    def notify(self) -> None:
        """Wake the worker; start it first where there is none (lazily, so that forks before it cost nothing)."""
        if self._sync:
            self._send_now()
            return
        self.asleep = self._notify_always
        if self._alive():
            self._wake_up()
        else:
            self._start()

    def exit_begins(self) -> None:
        """From now on the interpreter may end at any moment, and with it the thread."""
        self._exiting = self._notify_always = self.asleep = True

    def send_in_caller(self) -> None:
        """From now on a call returns when its message is sent, as with ``sync``."""
        self._sync = self._notify_always = self.asleep = True

    def give_up(self) -> int:
        """Drop what could not be sent before exit, and whatever is logged later; return how many it was now."""
        left = self.queued()
        self.counters.drop("exit", left)
        self._given_up = True
        self.queue.clear()
        return left

    def queued(self) -> int:
        """Count the messages waiting, those being sent included."""
        return len(self.queue) + len(self._batch) + self._moves % 2

    def drain(self, stall_seconds: float, deadline: float) -> bool:
        """
        Wait until everything that is queued now is settled; what is logged meanwhile is not waited for.

        Args:
            stall_seconds: Give up after so long without progress.
            deadline: And at this moment in any case (monotonic clock).

        Returns:
            Whether all of it is settled.
        """
        if threading.get_ident() in WORKER_THREADS:
            return False
        counters = self.counters
        upto, drops = self._accepted(), counters.drops
        progress: object = None
        stalled_since = started = time.monotonic()
        self._flushing += 1
        try:
            while not self._reached(upto, drops):
                if not self._alive():
                    self._drain_here(stall_seconds, deadline)
                    break
                self._wake_up()
                now = time.monotonic()
                # Nothing that callers change: a service that goes on logging is not progress.
                latest = (counters.sent, counters.rejected, self._done)
                if latest != progress:
                    progress, stalled_since = latest, now
                if now - stalled_since >= stall_seconds or now >= deadline:
                    break
                if self._exiting and now - started >= _EXIT_NOTICE_SECONDS and self._failures:
                    counters.notice(
                        f"exit waits up to {stall_seconds:g} s for {self.queued()} unsent messages"
                        f" ({counters.last_error})",
                        topic="exit_wait",
                    )
                time.sleep(_POLL_SECONDS)
        finally:
            self._flushing -= 1
        return self._reached(upto, drops)

    def stop(self, join_seconds: float) -> None:
        """End the thread and close the transport; what is still queued stays there, readable as `queued`."""
        thread = self._thread
        if thread is None or not self._alive():
            if self._consuming.acquire(timeout=0 if sys.is_finalizing() else join_seconds):
                try:
                    self.transport.close()
                finally:
                    self._consuming.release()
            return
        if threading.get_ident() in WORKER_THREADS:
            return
        self._stopping = True
        self._wake_up()
        thread.join(join_seconds)

    def forget(self) -> None:
        """
        Do nothing any more, in a forked child: all of this is the parent's.

        Threads do not survive a fork, but greenlets that a monkey-patched `threading` has instead of them do.
        """
        self._stopping = True
        self.queue.clear()
        self._batch.clear()
        self._wake_up()

    # The worker's side.

    def _alive(self) -> bool:
        """Tell whether the thread runs. Python ends daemon threads without a trace when it finalizes."""
        thread = self._thread
        return thread is not None and thread.is_alive() and not sys.is_finalizing()

    def _start(self) -> None:
        """Start the thread; where that is impossible, send from here."""
        # At that point 3.11 starts threads that never run, and waits for them indefinitely; 3.12 and later refuse.
        if not sys.is_finalizing() and self._start_thread():
            return
        self.asleep = True
        self._stopping = False
        settings = self.settings
        self._drain_here(settings.flush_timeout_seconds, lifecycle.exit_deadline(settings.exit_timeout_seconds))

    def _start_thread(self) -> bool:
        """Start the thread unless it runs; return whether it does."""
        if not self._starting.acquire(blocking=False):
            return True  # another thread, or this one below a signal handler, is at it and will find the message
        try:
            if self._alive():
                self._wake_up()
                return True
            self._stopping = False
            self._renew_locks()
            thread = threading.Thread(target=self._run, name="gelf-handlers", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # 3.12 and later, at exit
                return False
            self._thread = thread
        finally:
            self._starting.release()
        lifecycle.worker_started()
        return True

    def _wake_up(self) -> None:
        try:
            self._wake.release()
        except RuntimeError:  # already awake
            return

    def _evicted(self) -> int:
        return self.counters.dropped["queue_full"] if self.settings.when_full == "drop_oldest" else 0

    def _accepted(self) -> int:
        """Count the messages accepted so far, and one more: it may be between queue and batch, in neither count."""
        waiting = len(self.queue) + 1
        return waiting + self._taken + self._evicted()

    def _reached(self, upto: int, drops: int) -> bool:
        """Tell whether so many messages are settled and so many drops reported, or nothing is left to do."""
        moves = self._moves
        empty = not self.queue and self._done == self._taken and moves % 2 == 0
        done = (empty and moves == self._moves) or self._done + self._evicted() >= upto
        return done and (self._failures > 0 or self._told >= drops)

    def _in_vain(self) -> bool:
        return self._stopping or time.monotonic() >= self._until

    def _run(self) -> None:
        ident = threading.get_ident()
        WORKER_THREADS.add(ident)
        try:
            last_active = time.monotonic()
            while not self._stopping:
                try:
                    worked = self._step()
                except Exception as error:  # whatever it is, the next message may fare better
                    self.counters.fail(error, topic="worker")
                    worked = False
                if worked:
                    last_active = time.monotonic()
                elif not self._stopping:
                    self._wait(last_active)
        finally:
            with self._consuming:
                self.transport.close()
            WORKER_THREADS.discard(ident)
            self.asleep = True

    def _wait(self, last_active: float) -> None:
        """Doze while the service is active; sleep until woken when it is not."""
        if self._batch:  # something failed: wait for the next try; a flush wakes us
            self._wake.acquire(timeout=max(0.001, min(self._pause_left(), 60.0)))
            return
        idle_seconds = self.transport.idle_seconds
        if time.monotonic() - last_active < _ACTIVE_SECONDS:
            self._wake.acquire(timeout=self.settings.linger_seconds)
            return
        self.asleep = True
        if not self.queue and not self._stopping:  # looked at after `asleep` is set: no wake-up is missed
            unreported = self.counters.drops != self._reported
            self._wake.acquire(timeout=1.0 if unreported else -1 if idle_seconds is None else idle_seconds)
        self.asleep = self._notify_always
        if idle_seconds is not None and not self.queue:
            try:
                self.transport.idle()
            except OSError as error:
                self.counters.fail(error)

    def _pause_left(self) -> float:
        delay = min(self._delay, _FLUSHING_RETRY_SECONDS) if self._flushing else self._delay
        return self._next_try - self._delay + delay - time.monotonic()

    def _step(self) -> bool:
        """Encode and send one batch; return whether anything was done."""
        with self._consuming:
            return self._advance()

    def _advance(self) -> bool:
        try:
            return self._send_batch()
        finally:
            self._done = self._taken - len(self._batch)
            if not self._batch:
                self._told = self._reported

    def _send_batch(self) -> bool:
        if self._batch and self._pause_left() > 0:
            return False
        self._report_drops()
        self._fill()
        if not self._batch:
            return False
        before = len(self._batch)
        try:
            self.transport.send(self._batch)
        except OSError as error:
            self._failed(error)
        except Exception as error:  # a fault of ours or of a client library: the worker must live on
            self._failed(error)
            if self._failures > 3 and self._batch:
                self._batch.popleft()
                self.counters.drop("unsendable")
        else:
            self._failures = 0
            self.counters.connected = True
        return len(self._batch) < before

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        counters, settings = self.counters, self.settings
        self._delay = min(settings.retry_min_seconds * 2 ** min(self._failures - 1, 16), settings.retry_max_seconds)
        if isinstance(error, RetryLater) and error.delay_seconds is not None:
            self._delay = max(self._delay, error.delay_seconds)  # "at once" must not become a loop without a pause
        self._next_try = time.monotonic() + self._delay
        counters.connected = False
        counters.last_error = f"{type(error).__name__}: {error}"
        if not self._stopping:
            counters.notice(
                f"{counters.last_error}; keeping up to {settings.max_queued} messages, trying again", topic="delivery"
            )

    def _fill(self) -> None:
        """Encode queued messages until the batch is full, giving way to the service in between."""
        batch, queue, encode = self._batch, self.queue, self._encode
        limit = self.transport.max_batch
        slice_end = time.perf_counter() + _SLICE_SECONDS
        created = 0.0
        yields = 0
        while len(batch) < limit:
            self._moves += 1
            try:
                frozen = queue.popleft()
            except IndexError:
                self._moves += 1
                return
            try:
                captured = thaw(frozen)
                created = captured[1].get("created", 0.0)
                batch.append(encode(captured))
            except Exception as error:
                self.counters.drop("unencodable")
                self.counters.fail(error, topic="encoding")
            self._taken += 1
            self._moves += 1
            if time.perf_counter() >= slice_end:
                if not self._hurried(created):
                    self._give_way()
                    yields += self._contended
                    if yields >= _MAX_YIELDS:
                        return
                slice_end = time.perf_counter() + _SLICE_SECONDS

    def _give_way(self) -> None:
        """Let the service run; longer if it was found computing, so that it gave the lock back only after 5 ms."""
        pause = _YIELD_SECONDS if self._contended else _PAUSE_SECONDS
        before = time.perf_counter()
        time.sleep(pause)
        self._contended = time.perf_counter() - before > pause + _CONTENDED_SECONDS

    def _hurried(self, created: float) -> bool:
        return (
            self._flushing > 0
            or time.time() - created > _OVERDUE_SECONDS
            or len(self.queue) * 2 > self.settings.max_queued
        )

    def _report_drops(self) -> None:
        """Put a message about drops in front of the batch, once things move again, at most every few seconds."""
        total = self.counters.drops
        if total == self._reported or self._failures or self._batch:
            return
        now = time.monotonic()
        if now < self._report_at and not self._flushing:
            return
        try:
            self._batch.append(self._drop_report(total - self._reported, dict(self.counters.dropped)))
        except Exception as error:
            self.counters.fail(error, topic="report")
        self._reported = total
        self._report_at = now + _REPORT_SECONDS

    def _drain_here(self, stall_seconds: float, deadline: float) -> None:
        """Do the worker's work in the calling thread, where there is no worker and cannot be one."""
        ident = threading.get_ident()
        patience = 0.0 if sys.is_finalizing() else stall_seconds  # who held it then, holds it indefinitely
        if ident in WORKER_THREADS or not self._consuming.acquire(timeout=patience):
            return
        self._consuming.release()
        upto, drops = self._accepted(), self.counters.drops
        WORKER_THREADS.add(ident)
        self._flushing += 1
        progress = time.monotonic()
        try:
            while not self._reached(upto, drops):
                now = time.monotonic()
                if now >= deadline or now - progress >= stall_seconds:
                    break
                if self._step():
                    progress = time.monotonic()
                else:
                    time.sleep(_POLL_SECONDS)
        finally:
            self._flushing -= 1
            WORKER_THREADS.discard(ident)

    def _send_now(self) -> None:
        """
        Send what is queued in the calling thread (``sync``).

        While the destination fails, nobody waits for the next attempt: the messages stay queued for the thread.
        """
        ident = threading.get_ident()
        if self._sender == ident:  # a signal handler's, or from a client library below us: sent by the loop further up
            self._again = True
            return
        self._renew_locks()
        deadline = time.monotonic() + self.settings.block_timeout_seconds
        upto, drops = self._accepted(), self.counters.drops
        while not self._failures and not self._reached(upto, drops) and time.monotonic() < deadline:
            if not self._consuming.acquire(timeout=self.settings.block_timeout_seconds):
                break
            self._sender, self._until = ident, deadline
            try:
                self._advance()
            finally:
                self._sender, self._until = 0, math.inf
                self._consuming.release()
            if self._again:
                self._again = False
                upto = self._accepted()
        if self.queue or self._batch:
            self._start()


def record_for(text: str, level: int, fields: dict[str, object]) -> Captured:
    """Return a message of our own, as if logged by ``gelf_handlers``."""
    record = logging.LogRecord("gelf_handlers", level, __file__, 0, text, None, None)
    record.__dict__["gelf_fields"] = fields
    return logging.LogRecord, record.__dict__, {}, None
