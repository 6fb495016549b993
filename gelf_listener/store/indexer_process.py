"""
Indexer process: an `Indexer` in a process of its own, and how it is asked.

Laws:

* The process is started by the first order and ended by `close`, by `release`, or when its parent is gone, however
  that ended: it reads the end of its standard input.
* Orders and reports are msgpack, each with its length before it (4 bytes, big endian), over standard input and output.
* When it dies, the order is answered with an error, and the next order starts another one, which says first where it
  goes on. What it dies of is searched for in smaller and smaller steps, each committed, until one message is left.
* A message is left out when the process died three times with nothing else in hand, and once more of that message in an
  index of its own. When it does not die of it there, or dies while it opens the index, the index is made again instead;
  only if it dies of the same message in the new one too, that is left out.
"""

from __future__ import annotations

import contextlib
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

from gelf_listener.message import OpenFields
from gelf_listener.store.documents import OpenDocument
from gelf_listener.store.indexer import Indexer, Order, Report

_MODULE = "gelf_listener.indexer"
"""What the child runs: it knows how payloads are read, which a store does not."""
_LENGTH = struct.Struct(">I")
_NICENESS = 5
"""Receiving goes first: datagrams that are not read in time are lost, the index only comes a little later."""
_CLOSE_SECONDS = 10.0

_NARROWING = 8
"""After a death so much fewer messages are taken at a time."""
_DEATHS = 3
"""How often it has to die of one message, and nothing else, or while it opens an index: people kill processes, too."""

_encode = msgspec.msgpack.Encoder().encode
_decode_order = msgspec.msgpack.Decoder(Order).decode
_decode_report = msgspec.msgpack.Decoder(Report).decode


class _Suspect(NamedTuple):
    """
    What it may have died of.

    Attributes:
        path: The partition.
        place: After which place; None while it opened the index, and had no message in hand.
        end: The last place that it may have had in hand.
        most: How many messages are taken at a time until `end` is behind it.
        deaths: How often it died of this.
    """

    path: str
    place: int | None
    end: int
    most: int
    deaths: int


class IndexerProcess:
    """
    Has orders carried out by a child; has the methods of `Indexer`, each of which blocks until it is done.

    Attributes:
        deaths: How often the child ended without being told to.
    """

    def __init__(self) -> None:
        self.deaths = 0
        self._child: subprocess.Popen[bytes] | None = None
        self._given: dict[str, int] = {}
        """The last place that the index of the partition that the child has open was given, as it told."""
        self._suspect: _Suspect | None = None
        self._acquitted: set[tuple[str, int]] = set()
        """Messages that it died of beside others, and not in an index of their own."""

    @property
    def pid(self) -> int | None:
        """The child's process id; None while there is none."""
        return None if self._child is None else self._child.pid

    def work(self, order: Order) -> Report:
        """Carry out an order; see `Indexer.work`."""
        suspect = self._suspect
        if suspect is not None and suspect.path == order.path:
            # Committed each time: or it might answer first and die of it later.
            order = msgspec.structs.replace(order, most=min(order.most, suspect.most), commit=True)
        try:
            self._started()
            if order.path not in self._given:
                opened = self._ask(Order(order.path, order.upto, 0))
                if opened.error:
                    return opened
                self._given = {order.path: opened.given}
            report = self._ask(order)
        except OSError:
            return self._died(order)
        if report.given >= 0:
            self._given = {order.path: report.given}
        if suspect is not None and suspect.path == order.path and report.given >= suspect.end:
            self._suspect = None
        return report

    def release(self) -> None:
        """Let go of every partition."""
        self.close()

    def close(self) -> None:
        """End the child. May be called twice."""
        child, self._child = self._child, None
        self._given = {}
        if child is None:
            return
        with contextlib.suppress(OSError):
            _pipe(child.stdin).close()
        try:
            child.wait(_CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        _pipe(child.stdout).close()

    def _ask(self, order: Order) -> Report:
        child = self._started()
        _send(_pipe(child.stdin), _encode(order))
        answer = _receive(_pipe(child.stdout))
        if answer is None:
            raise OSError("it gave no answer")
        return _decode_report(answer)

    def _died(self, order: Order) -> Report:
        """Say that an order was not carried out, and by which message, once that is certain."""
        self.deaths += 1
        place = self._given.get(order.path)
        why = f"the store's indexer ended with status {self._bury()}"
        before = self._suspect if self._suspect is not None and self._suspect.path == order.path else None
        # Without a suspect what it was given before may not be committed, and be the reason.
        certain = place is None or (order.most == 1 and before is not None)
        deaths = int(certain)
        if certain and before is not None and before.place == place:
            deaths += before.deaths
        if place is not None:
            end, most = place + order.most, max(1, order.most // _NARROWING)
        else:
            end, most = (-1, order.most) if before is None else (before.end, before.most)
        self._suspect = _Suspect(order.path, place, end, most, deaths)
        if deaths < _DEATHS:
            return Report(-1, -1, error=why)
        self._suspect = None
        if place is None or not self._is_to_blame(order.path, place + 1):
            return Report(-1, -1, error=why, damaged=True)
        return Report(place, -1, [(place + 1, why)])

    def _is_to_blame(self, path: str, place: int) -> bool:
        """Whether it dies of a message that is alone in an index, or did so in two indexes beside others."""
        if (path, place) in self._acquitted:
            return True
        try:
            self._started()
            self._ask(Order(path, place, 1, alone=True))
        except OSError:
            self._bury()
            return True
        self._acquitted.add((path, place))
        return False

    def _bury(self) -> int | None:
        """Let go of a dead child; return its status."""
        child, self._child = self._child, None
        self._given = {}
        if child is None:
            return None
        child.kill()
        for pipe in (child.stdin, child.stdout):
            with contextlib.suppress(OSError):
                _pipe(pipe).close()
        return child.wait()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self._given = {}
            self._child = subprocess.Popen(  # noqa: S603  (our own module)
                [sys.executable, "-m", _MODULE],
                cwd=Path(__file__).parents[
                    2
                ],  # where it is found, rather than whatever has its name where we were started
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for its parent
            )
        return self._child


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise OSError("there is no pipe to the store's indexer")
    return pipe


def _send(pipe: IO[bytes], data: bytes) -> None:
    pipe.write(_LENGTH.pack(len(data)) + data)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> bytes | None:
    """Read what `_send` wrote; None at the end."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = pipe.read(length)
    return data if len(data) == length else None


def serve(open_fields: OpenFields, open_document: OpenDocument | None = None) -> None:
    """
    Carry out the orders on standard input until it ends: what the child does.

    Args:
        open_fields: Reads the additional fields of payloads that are in order.
        open_document: See `Documents`.
    """
    with contextlib.suppress(OSError, AttributeError):
        os.nice(_NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    orders, reports = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what anything prints is not a report
    indexer = Indexer(open_fields, open_document)
    with contextlib.suppress(BrokenPipeError):  # whoever asked is gone
        while (data := _receive(orders)) is not None:
            _send(reports, _encode(indexer.work(_decode_order(data))))
    indexer.close()
