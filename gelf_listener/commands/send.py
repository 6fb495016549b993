"""``gelf-listener send``: a GELF client, for trying things out and for load."""

from __future__ import annotations

import base64
import contextlib
import difflib
import errno
import gzip
import http.client
import re
import select
import socket
import ssl
import sys
import time
import zlib
from collections.abc import Iterable, Iterator
from typing import Protocol, Self

import msgspec

from gelf_listener.address import Address
from gelf_listener.codec.gelf.chunking import split
from gelf_listener.codec.levels import LEVEL_NAMES
from gelf_listener.errors import ConfigError, OutputError, Retry, describe

__all__ = ["Sender", "make_sender", "parse_field", "parse_level", "send_messages"]

_PATH = "/gelf"
_PORTS = {"gelf+udp": 12201, "gelf+tcp": 12201, "gelf+tls": 12204, "gelf+http": 12203, "gelf+https": 12203}
_TIMEOUT_SECONDS = 10.0
_REFUSALS = (400, 413)
"""Answers that mean this very payload; all others may be mended on the far side."""

_COMPRESSIONS = {"none": "", "zlib": "deflate", "gzip": "gzip"}
"""Names, and what HTTP calls them."""
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
"""A number as JSON writes it."""
_LARGEST_INTEGER = 2**63 - 1
_TLS_SETTINGS = frozenset(("ca", "cert", "key", "verify"))
_SETTINGS = {
    "gelf+udp": frozenset[str](),
    "gelf+tcp": frozenset[str](),
    "gelf+tls": _TLS_SETTINGS,
    "gelf+http": frozenset(("token",)),
    "gelf+https": _TLS_SETTINGS | {"token"},
}
"""Settings an address may have."""


class Sender(Protocol):
    """Sends payloads to one address."""

    def send(self, payload: bytes) -> None:
        """
        Send one GELF document.

        Raises:
            Retry: If the far side does not take it now; by UDP it may be the one before that nobody took.
            OutputError: If the far side refuses it.
            OSError: If it cannot be reached.
        """

    def close(self) -> None:
        """Send what is pending and hang up."""


def parse_field(text: str) -> tuple[str, str | int | float]:
    """
    Read ``name=value``; what JSON calls a number becomes one, as long as every peer can hold it.

    Raises:
        ConfigError: If there is no name or no ``=``.
    """
    name, equals, value = text.partition("=")
    name = name.strip().removeprefix("_")
    if not name or not equals:
        raise ConfigError(f"setting 'field' is {text!r}: expected name=value")
    if _NUMBER.fullmatch(value):
        if value.lstrip("-").isdigit():
            number = int(value) if len(value) < 20 else _LARGEST_INTEGER + 1
            return (name, number) if abs(number) <= _LARGEST_INTEGER else (name, value)
        if abs(float(value)) != float("inf"):
            return name, float(value)
    return name, value


def parse_level(text: str) -> int:
    """
    Read a severity as number or name.

    Raises:
        ConfigError: If it is neither.
    """
    if text in tuple("01234567"):
        return int(text)
    level = LEVEL_NAMES.get(text.lower())
    if level is None:
        raise ConfigError(f"setting 'level' is {text!r}: expected 0 to 7 or one of {', '.join(sorted(LEVEL_NAMES))}")
    return level


class _UdpSender:
    def __init__(self, address: Address, chunk_bytes: int) -> None:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM)
        # UDP cannot tell which family is listened on; of localhost's, a container publishes IPv4 for certain.
        family, kind, _, _, where = min(found, key=lambda info: info[0] != socket.AF_INET)
        self._socket = socket.socket(family, kind)
        self._socket.connect(where)
        self._chunk_bytes = chunk_bytes

    def send(self, payload: bytes) -> None:
        try:
            datagrams = list(split(payload, self._chunk_bytes))
        except ValueError as error:
            raise OutputError(str(error)) from None
        for datagram in datagrams:
            try:
                self._socket.send(datagram)
            except ConnectionRefusedError:
                raise Retry("nobody listens there (connection refused)") from None

    def close(self) -> None:
        time.sleep(0.01)  # an ICMP refusal of the last datagram needs a moment
        error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self._socket.close()
        if error:
            raise Retry("nobody listens there (connection refused)")


class _StreamSender:
    def __init__(self, address: Address) -> None:
        self._socket: socket.socket = socket.create_connection((address.host, address.port or 0), _TIMEOUT_SECONDS)
        if address.scheme == "gelf+tls":
            plain = self._socket
            try:
                self._socket = _client_context(address).wrap_socket(plain, server_hostname=address.host)
            except BaseException:
                plain.close()
                raise

    def send(self, payload: bytes) -> None:
        if not isinstance(self._socket, ssl.SSLSocket) and select.select([self._socket], [], [], 0)[0]:
            # A listener writes nothing: it has gone, and what we sent now would be lost without a word.
            self._socket.recv(1)
            raise ConnectionResetError(errno.ECONNRESET, "the listener has closed the connection")
        self._socket.sendall(payload + b"\0")

    def close(self) -> None:
        self._socket.close()


class _HttpSender:
    def __init__(self, address: Address, compress: str) -> None:
        if address.scheme == "gelf+https":
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                address.host, address.port, timeout=_TIMEOUT_SECONDS, context=_client_context(address)
            )
        else:
            self._connection = http.client.HTTPConnection(address.host, address.port, timeout=_TIMEOUT_SECONDS)
        self._path = address.path or _PATH
        self._headers = {"Content-Type": "application/json"}
        if _COMPRESSIONS[compress]:
            self._headers["Content-Encoding"] = _COMPRESSIONS[compress]
        if address.user:
            pair = base64.b64encode(f"{address.user}:{address.password}".encode()).decode()
            self._headers["Authorization"] = f"Basic {pair}"
        if "token" in address.settings:
            self._headers["Authorization"] = f"Bearer {address.settings['token']}"

    def send(self, payload: bytes) -> None:
        if "Content-Encoding" not in self._headers and not payload.endswith(b"\n"):
            payload += b"\n"  # a Graylog input with bulk receiving drops a body without an end of line
        self._connection.request("POST", self._path, payload, self._headers)
        response = self._connection.getresponse()
        body = response.read(4096)
        if response.status >= 300:
            text = body.decode("utf-8", "replace").strip()
            failure = OutputError if response.status in _REFUSALS else Retry
            raise failure(f"the server answered {response.status} {response.reason}: {text}")

    def close(self) -> None:
        self._connection.close()


def _client_context(address: Address) -> ssl.SSLContext:
    """Verify with the system's CAs, or with ``ca=FILE``; ``verify=no`` for tests."""
    context = ssl.create_default_context(cafile=address.settings.get("ca"))
    if address.settings.get("verify") in ("no", "false", "0"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if "cert" in address.settings:
        context.load_cert_chain(address.settings["cert"], address.settings.get("key"))
    return context


def shown(address: Address) -> str:
    """Return where is sent to without what is secret in it; the usual path is none."""
    return address.shown(path=address.path in ("", "/", _PATH))


def make_sender(to: str, chunk_bytes: int, compress: str = "none") -> Sender:
    """
    Open a sender.

    Args:
        to: Address.
        chunk_bytes: Largest datagram.
        compress: How payloads will be compressed.

    Raises:
        ConfigError: If the address is none that takes GELF, or does not fit the compression.
        OSError: If the far side cannot be reached.
    """
    address = Address.parse(to)
    if address.scheme not in _PORTS:
        raise ConfigError(f"setting 'to' is {str(address)!r}: expected one of {', '.join(_PORTS)}")
    known = _SETTINGS[address.scheme]
    for name in address.settings:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known settings: {', '.join(sorted(known)) or 'none'}"
            raise ConfigError(f"{shown(address)}: unknown setting {name!r}; {hint}")
    if address.port is None:
        address = address._replace(port=_PORTS[address.scheme])
    address = address._replace(host=address.host or "localhost")
    if address.scheme in ("gelf+tcp", "gelf+tls"):
        if compress != "none":
            raise ConfigError(
                f"setting 'compress' is {compress!r}: GELF over TCP is not compressed; only UDP and HTTP are"
            )
        return _StreamSender(address)
    return _UdpSender(address, chunk_bytes) if address.scheme == "gelf+udp" else _HttpSender(address, compress)


def send_messages(
    message: str | None,
    *,
    fields: list[str],
    to: str,
    level: str,
    host: str | None,
    full_message: str | None,
    compress: str,
    chunk_bytes: int,
    count: int,
    rate: float,
) -> None:
    """
    Send a message, or one for each line of standard input, `count` times.

    Raises:
        ConfigError: If a setting is unusable.
        OutputError: If the far side cannot be reached or refuses.
    """
    if compress not in _COMPRESSIONS:
        raise ConfigError(f"setting 'compress' is {compress!r}: expected {', '.join(_COMPRESSIONS)}")
    document: dict[str, object] = {"version": "1.1", "host": host or socket.gethostname() or "localhost"}
    document["level"] = parse_level(level)
    if full_message is not None:
        document["full_message"] = full_message
    document.update({f"_{name}": value for name, value in map(parse_field, fields)})
    lines = _texts(message)
    address = Address.parse(to)
    total = count if isinstance(lines, tuple) else None
    sent = 0
    try:
        with contextlib.ExitStack() as stack:
            sender = make_sender(to, chunk_bytes, compress)
            stack.callback(sender.close)
            progress = stack.enter_context(_Progress(total))
            pace = _Pace(rate)
            for text in lines:
                for _ in range(count):
                    pace.wait()
                    document["short_message"] = text
                    document["timestamp"] = round(time.time(), 6)
                    sender.send(_compressed(msgspec.json.encode(document), compress))
                    sent += 1
                    progress.advance()
    except OSError as error:
        raise OutputError(f"{shown(address)}: {describe(error)}") from None
    except http.client.HTTPException as error:
        raise OutputError(f"{shown(address)}: does not answer in HTTP: {error!r}") from None
    except OutputError as error:
        raise OutputError(address.scrubbed(f"{shown(address)}: {error}")) from None
    print(f"sent {sent} message{'' if sent == 1 else 's'} to {shown(address)}", file=sys.stderr)


def _texts(message: str | None) -> Iterable[str]:
    """Return the texts to send: the argument, or the lines of standard input."""
    if message is not None and message != "-":
        return (message,)
    if message is None and sys.stdin.isatty():
        raise ConfigError("no message: give one as an argument, or pipe lines into standard input")
    return _stdin_lines()


def _stdin_lines() -> Iterator[str]:
    for line in sys.stdin:
        text = line.rstrip("\r\n")
        if text.strip():
            yield text


def _compressed(payload: bytes, compress: str) -> bytes:
    if compress == "none":
        return payload
    return zlib.compress(payload) if compress == "zlib" else gzip.compress(payload)


class _Pace:
    """Keeps to a rate by sleeping until the next message is due."""

    def __init__(self, rate: float) -> None:
        self._interval = 1 / rate if rate else 0.0
        self._due = time.monotonic()

    def wait(self) -> None:
        if not self._interval:
            return
        pause = self._due - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        self._due += self._interval


class _Progress:
    """A progress bar on stderr for long runs on a terminal; nothing otherwise."""

    _SHOW_FROM = 1000

    def __init__(self, total: int | None) -> None:
        self._shown = sys.stderr.isatty() and (total is None or total >= self._SHOW_FROM)
        self._total = total
        self._count = 0

    def __enter__(self) -> Self:
        if self._shown:
            from rich.console import Console
            from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            counted = (MofNCompleteColumn(), TextColumn("messages"), TimeElapsedColumn())
            columns = (*Progress.get_default_columns(), *counted)
            self._bar = Progress(*columns, console=Console(stderr=True))
            self._bar.start()
            self._task = self._bar.add_task("sending", total=self._total)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._shown:
            self._bar.update(self._task, completed=self._count)
            self._bar.stop()

    def advance(self) -> None:
        self._count += 1
        if self._shown and self._count % 100 == 0:
            self._bar.update(self._task, completed=self._count)
