"""
``gelf-listener pipe``: runs a service that logs to standard output, and ships what it prints.

What the command writes goes on unchanged, byte for byte and at once; a copy goes to the `Shipper`. A stream that is a
terminal stays one for the command, which therefore colours and flushes as it would without us.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import selectors
import signal
import socket
import subprocess
import sys
import termios
import tty
from collections.abc import Callable, Sequence
from types import FrameType

from gelf_listener.commands.send import parse_field
from gelf_listener.commands.shipper import Shipper
from gelf_listener.errors import ConfigError, describe
from gelf_listener.quantities import counted
from gelf_listener.settings import check_charset, zone_named

_READ_BYTES = 256 * 1024
_PIPE_BYTES = 1024 * 1024
"""Room between the command and us, so that it seldom waits when we are busy (see `make bench`, pipe)."""

_F_SETPIPE_SZ = 1031
_QUIET_SECONDS = 0.1
"""How long a stream that a child of the command holds open must say nothing, once the command has ended."""

_FORWARDED = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGTSTP", "SIGCONT")
_OF_TERMINALS = ("SIGINT", "SIGQUIT", "SIGTSTP")
"""A terminal sends them to us and to the command alike."""


def run_piped(
    command: Sequence[str],
    *,
    to: str,
    fields: Sequence[str],
    drain_seconds: float,
    timezone: str = "",
    charset: str = "",
) -> int:
    """
    Run a command, pass its output on, and ship it.

    Args:
        command: Program and arguments.
        to: Address of a listener.
        fields: ``name=value``, for every message that is not a GELF document.
        drain_seconds: Time to send the rest when the command has ended.
        timezone: Name of the zone of times without an offset; empty: this machine's.
        charset: Of lines that are not UTF-8; empty: none.

    Returns:
        The command's exit status; 128 and the number of the signal that ended it; 127 when there is no such command.

    Raises:
        ConfigError: If the address, a field, the zone or the character set is unusable.
    """
    given = dict(map(parse_field, fields))
    try:
        zone = zone_named(timezone)
    except ValueError as error:
        raise ConfigError(f"--timezone {timezone}: {error}") from None
    try:
        check_charset(charset)
    except ValueError as error:
        raise ConfigError(f"--charset {charset}: {error}") from None
    shipper = Shipper(to, given, drain_seconds, zone, charset)
    shipper.start()
    passed = _Passed(command)
    try:
        passed.start()
    except OSError as error:
        print(f"gelf-listener: {command[0]}: {describe(error)}", file=sys.stderr)
        shipper.close()
        return 127 if isinstance(error, FileNotFoundError) else 126
    status = passed.run(shipper.take)
    shipper.close()
    if shipper.dropped:
        why = shipper.problem or "it takes nothing, or too slowly"
        print(
            f"gelf-listener: {counted(shipper.dropped, 'line')} did not reach {shipper.address}: {why}", file=sys.stderr
        )
    if shipper.kept:
        print(f"gelf-listener: {counted(shipper.kept)} left in the buffer: {shipper.problem}", file=sys.stderr)
    return status if status >= 0 else 128 - status


class _Passed:
    """A command whose output passes through us."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes]
        self._streams: dict[int, tuple[str, int]] = {}
        """What we read: the stream's name and where it goes on to."""
        self._terminals: list[int] = []

    def start(self) -> None:
        """
        Start the command.

        Raises:
            OSError: If it cannot be started.
        """
        theirs: list[int] = []
        for name, target in (("stdout", 1), ("stderr", 2)):
            ours, child = self._terminal(target) if os.isatty(target) else self._pipe()
            self._streams[ours] = (name, target)
            theirs.append(child)
        try:
            self._process = subprocess.Popen(self._command, stdout=theirs[0], stderr=theirs[1])  # noqa: S603
        finally:
            for child in theirs:
                os.close(child)

    def run(self, take: Callable[[str, bytes], None]) -> int:
        """Pass everything on until the command has ended; return its status as `subprocess` gives it."""
        woken, waker = socket.socketpair()
        for end in (woken, waker):
            end.setblocking(False)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        before = {number: signal.signal(number, self._forward) for number in self._signals()}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(woken, selectors.EVENT_READ)
                for stream in self._streams:
                    selector.register(stream, selectors.EVENT_READ)
                self._pass_on(selector, woken, take)
            return self._process.wait()
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in before.items():
                signal.signal(number, handler)
            woken.close()
            waker.close()

    def _pass_on(
        self, selector: selectors.BaseSelector, woken: socket.socket, take: Callable[[str, bytes], None]
    ) -> None:
        while self._streams:
            ended = self._process.poll() is not None
            ready = selector.select(_QUIET_SECONDS if ended else None)
            if ended and not ready:
                break  # a child of the command holds the stream open
            for key, _ in ready:
                if key.fileobj is woken:
                    woken.recv(4096)
                    continue
                stream = key.fd
                name, target = self._streams[stream]
                try:
                    data = os.read(stream, _READ_BYTES)
                except OSError:  # EIO: how a terminal says that its other side is closed
                    data = b""
                read = bool(data) and _write(target, data)
                if data:
                    take(name, data)
                if read:
                    continue
                selector.unregister(stream)
                del self._streams[stream]
                os.close(stream)  # the command learns that nobody reads, as it would have without us

    def _signals(self) -> list[signal.Signals]:
        return [getattr(signal, name) for name in _FORWARDED if hasattr(signal, name)]

    def _forward(self, number: int, _frame: FrameType | None) -> None:
        """Pass a signal on, unless the terminal has already."""
        if number == signal.SIGWINCH:
            for terminal in self._terminals:
                _copy_size(terminal)
        told = signal.Signals(number).name in _OF_TERMINALS and _in_foreground()
        if not told and self._process.poll() is None:
            self._process.send_signal(number)
        if number == signal.SIGTSTP:  # we stop too, where the system lets us, until SIGCONT
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            signal.signal(number, self._forward)

    def _pipe(self) -> tuple[int, int]:
        ours, child = os.pipe()
        if sys.platform == "linux":
            with contextlib.suppress(OSError):  # more than this user may have: 64 KiB will do
                fcntl.fcntl(child, _F_SETPIPE_SZ, _PIPE_BYTES)
        return ours, child

    def _terminal(self, target: int) -> tuple[int, int]:
        """Make a terminal that changes nothing, of the size of ours."""
        ours, child = os.openpty()
        tty.setraw(child)
        self._terminals.append(ours)
        _copy_size(ours, target)
        return ours, child


def _copy_size(terminal: int, source: int = 1) -> None:
    with contextlib.suppress(OSError, termios.error):  # no size to copy
        termios.tcsetwinsize(terminal, termios.tcgetwinsize(source))


def _in_foreground() -> bool:
    """Whether we run in the foreground of a terminal, which then sends its signals to the command too."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def _write(target: int, data: bytes) -> bool:
    """Write all of it; return whether somebody reads."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(target, view) :]
        except BlockingIOError:
            with selectors.DefaultSelector() as selector:  # somebody made the stream non-blocking
                selector.register(target, selectors.EVENT_WRITE)
                selector.select()
        except OSError:
            return False
    return True
