"""
The base of all handlers here: graypy's message building made clean GELF 1.1, and a queue instead of a blocking emit.

graypy's override points keep working: ``_make_gelf_dict``, ``_pack_gelf_dict``, ``_object_to_json``,
``_resolve_host``, ``_add_full_message`` and its siblings are called by the worker, with a private copy of the record.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, TypedDict

from graypy.handler import BaseGELFHandler

from gelf_handlers import gelf, lifecycle
from gelf_handlers.builder import CONTEXT_ATTRIBUTE, MessageBuilder
from gelf_handlers.capture import Captured, capture, restore, unformatted_text
from gelf_handlers.stats import Counters, HandlerStats
from gelf_handlers.transport import Transport
from gelf_handlers.worker import WORKER_THREADS, QueueSettings, WhenFull, Worker, record_for

__all__ = ["HandlerOptions", "QueuedGELFHandler"]

_get_ident = threading.get_ident


class HandlerOptions(TypedDict, total=False):
    """
    Keyword arguments every handler takes: graypy's, then ours.

    Attributes:
        debugging_fields: graypy's: add ``_file``, ``_line``, ``_function``, ``_pid``, thread, process, task names.
        extra_fields: graypy's: add what ``extra=`` put into the record.
        fqdn: graypy's: use the fully qualified name as ``host`` (looked up once, in the worker).
        localname: graypy's: use this as ``host``.
        facility: graypy's: ``_facility``; the logger's name is then in ``_logger``.
        level_names: graypy's: add ``_level_name``.
        fields: Additional fields of every message.
        context_vars: Field name to context variable, read when a message is logged.
        max_queued: See `QueueSettings`, as for all that follow.
        when_full: ``drop_newest``, ``drop_oldest`` or ``block``.
        block_timeout_seconds: Longest wait of a caller under ``block``.
        linger_seconds: The worker's doze between looks at the queue.
        retry_min_seconds: First pause after a failure.
        retry_max_seconds: Longest pause.
        flush_timeout_seconds: Longest wait without progress when flushing.
        exit_timeout_seconds: Longest wait in all.
        sync: Send in the caller.
    """

    debugging_fields: bool
    extra_fields: bool
    fqdn: bool
    localname: str | None
    facility: str | None
    level_names: bool
    fields: Mapping[str, Any] | None
    context_vars: Mapping[str, ContextVar[Any]] | None
    max_queued: int
    when_full: WhenFull
    block_timeout_seconds: float
    linger_seconds: float
    retry_min_seconds: float
    retry_max_seconds: float
    flush_timeout_seconds: float
    exit_timeout_seconds: float
    sync: bool


_GRAYPY_OPTIONS = frozenset(
    {"debugging_fields", "extra_fields", "fqdn", "localname", "facility", "level_names", "compress"}
)


class QueuedGELFHandler(MessageBuilder, BaseGELFHandler):
    """
    A graypy handler whose ``emit`` only puts the captured record on a bounded queue.

    Guarantee: nothing raises into the application and nothing is lost silently; what cannot be delivered is
    counted in `stats` and reported in a message of its own once messages flow again.
    """

    _worker: Worker
    _max_queued: int

    @staticmethod
    def _split_options(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Part graypy's keyword arguments from ours."""
        theirs = {key: value for key, value in options.items() if key in _GRAYPY_OPTIONS}
        return theirs, {key: value for key, value in options.items() if key not in theirs}

    def _start_queue(
        self,
        label: str,
        *,
        fields: Mapping[str, Any] | None = None,
        context_vars: Mapping[str, ContextVar[Any]] | None = None,
        **settings: Any,
    ) -> None:
        """Set up the queue; to be called last in a constructor."""
        self.fields = {key: gelf.snapshot(value, self._object_to_json) for key, value in (fields or {}).items()}
        self.context_vars = dict(context_vars or {})
        self._label = label
        self._queue_settings = QueueSettings(**settings)
        self._max_queued = self._queue_settings.max_queued
        self._worker = self._new_worker()
        lifecycle.register(self)

    def _new_worker(self) -> Worker:
        counters = Counters(self._label)
        transport = self._new_transport(counters)
        return Worker(self._queue_settings, transport, self._encode, self._encode_drop_report, counters)

    def _new_transport(self, counters: Counters) -> Transport:
        """Make the transport; called again in a forked child."""
        raise NotImplementedError

    # The caller's side.

    def handle(self, record: logging.LogRecord) -> bool | logging.LogRecord:
        """Filter and emit without `logging.Handler`'s lock: a queue needs none, and a slow thread blocks no other."""
        if self.filters:
            passed = self.filter(record)
            if not passed:
                return False
            if isinstance(passed, logging.LogRecord):  # Python 3.12: a filter may replace the record
                record = passed
        self.emit(record)
        return record

    def emit(self, record: logging.LogRecord) -> None:
        """Capture a record and queue it; never raises."""
        thread = record.thread
        if thread in WORKER_THREADS or (thread is None and _get_ident() in WORKER_THREADS):
            return  # from our own worker, or the client library below it, be it by way of a QueueListener
        worker = self._worker
        try:
            captured = capture(record, self.formatter, self._object_to_json, self.context_vars)
        except Exception as error:
            worker.counters.drop("unencodable")
            worker.counters.fail(error, topic="capture")
            return
        queue = worker.queue
        if len(queue) >= self._max_queued and not worker.make_room():
            return
        queue.append(captured)
        if worker.asleep:
            worker.notify()

    @property
    def stats(self) -> HandlerStats:
        """What this handler has done so far in this process."""
        worker = self._worker
        counters = worker.counters
        return HandlerStats(
            sent=counters.sent,
            dropped=dict(counters.dropped),
            rejected=counters.rejected,
            possibly_lost=counters.possibly_lost,
            queued=worker.queued(),
            reconnects=max(0, counters.connections - 1),
            connected=counters.connected,
            last_error=counters.last_error,
        )

    def flush(self, timeout_seconds: float | None = None) -> bool:
        """
        Wait until everything that is queued now is sent.

        Args:
            timeout_seconds: In all; by default the handler's own limits hold.

        Returns:
            Whether all of it is sent, or counted as dropped or rejected.
        """
        settings = self._queue_settings
        if self._given_up:  # at exit, once: logging.shutdown flushes and closes again
            timeout_seconds = 0.0
        if timeout_seconds is not None:
            return self._worker.drain(timeout_seconds, time.monotonic() + timeout_seconds)
        deadline = lifecycle.exit_deadline(settings.exit_timeout_seconds)
        return self._worker.drain(settings.flush_timeout_seconds, deadline)

    def exit_begins(self) -> None:
        """Send every call to the worker's `make_room`, where calls of other threads are slowed down."""
        self._max_queued = 0
        self._worker.exit_begins()

    def flush_at_exit(self) -> None:
        """Flush; what has to be left behind is counted as dropped and said on standard error."""
        if not self.flush() and self._worker.queued():
            left = self._worker.give_up()
            self._worker.counters.notice(f"{left} messages could not be sent before exit", topic="exit")
            self._given_up = True

    _given_up = False

    def end_is_near(self) -> None:
        """Flush, and send in the caller from now on: the process may end after any call."""
        self._worker.send_in_caller()
        self.flush()

    def close(self) -> None:
        """Flush, end the worker and close the connection; a message logged later opens both again."""
        worker = getattr(self, "_worker", None)
        if worker is not None and _get_ident() not in WORKER_THREADS:
            if not self._given_up and not self.flush() and worker.queued():
                worker.counters.notice(f"closed with {worker.queued()} messages unsent", topic="close")
            worker.stop(0.0 if self._given_up else 2.0)
        logging.Handler.close(self)

    def start_afresh(self) -> None:
        """Begin again in a forked child: nothing of the parent's queue, thread, counts or connection is kept."""
        WORKER_THREADS.clear()
        abandoned = self._worker
        self._given_up = False
        self._max_queued = self._queue_settings.max_queued
        self._worker = self._new_worker()
        abandoned.transport.abandon()
        abandoned.forget()

    # The worker's side.

    def _encode(self, captured: Captured) -> bytes:
        """Return what goes to the transport for one message."""
        return bytes(self.makePickle(self._restore(captured)))

    def _restore(self, captured: Captured) -> logging.LogRecord:
        """Return the captured record, with what was captured beside it where ``_make_gelf_dict`` looks for it."""
        _, _, context, exception = captured
        record = restore(captured)
        if exception is not None:
            record.exc_text = gelf.exception_text(exception)
        if context:
            record.__dict__[CONTEXT_ATTRIBUTE] = context
        return record

    def _encode_drop_report(self, count: int, dropped: dict[str, int]) -> bytes:
        reasons = ", ".join(f"{reason} {number}" for reason, number in sorted(dropped.items()))
        text = f"gelf-handlers dropped {count} message{'' if count == 1 else 's'} (in all: {reasons})"
        return self._encode(record_for(text, logging.WARNING, {"dropped_messages": count, "dropped": dropped}))

    def makePickle(self, record: logging.LogRecord) -> bytes:
        """Return a record's bytes as graypy does: GELF JSON, zlib-compressed if ``compress``."""
        return super().makePickle(record)  # type: ignore[no-any-return]

    def _message_text(self, record: logging.LogRecord) -> tuple[str, str | None]:
        """Return the message's text without traceback, and the traceback an upstream QueueHandler merged into it."""
        ready = record.__dict__.pop("gelf_text", None)
        if ready is not None:
            return str(ready), None
        try:
            if self.formatter is None:
                text = record.getMessage()
            else:
                kept = record.exc_info, record.exc_text, record.stack_info
                record.exc_info = record.exc_text = record.stack_info = None
                try:
                    text = self.formatter.format(record)
                finally:
                    record.exc_info, record.exc_text, record.stack_info = kept
        except Exception as error:
            text = unformatted_text(record, error)
            self._worker.counters.notice(f"{record.pathname}:{record.lineno}: {text}", topic="formatting")
        if record.exc_text or record.exc_info:
            return text, None
        return gelf.split_traceback(text)
