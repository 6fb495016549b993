"""
gRPC as a server speaks it, over HTTP/2: one message in, one out (grpc.io, "gRPC over HTTP2").

h2 does the frames. A call is taken when its message is whole, one after another and some of it at a time, and answered
when the messages in it are safe, as everything that a session answers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Mapping
from urllib.parse import quote

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, DataReceived, RequestReceived, StreamEnded, StreamReset
from h2.exceptions import H2Error
from h2.settings import SettingCodes, Settings

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.encodings import unpack
from gelf_listener.codec.inflater import Inflater
from gelf_listener.codec.otlp.export import Code
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.session import Session
from gelf_listener.errors import Reason, Rejected

_ENCODINGS = ("identity", "deflate", "gzip", "snappy", "zstd")
"""SDKs have the first three, OpenTelemetry's collector and Rust's SDK the others."""

Method = Callable[[bytes, Receipt], Generator[None, None, bytes]]
"""Takes the message of a call, with a `yield` where others may have their turn, and returns the answer's."""

_MAX_STREAMS = 32
_MAX_HEADER_BYTES = 16 * 1024
_WINDOW_BYTES = 1024 * 1024
_FRAME_BYTES = 128 * 1024
_HEAD_BYTES = 9
_PREFACE_BYTES = 24
_HEADERS_FRAME, _CONTINUATION_FRAME = 1, 9
_PREFIX_BYTES = 5
_STEPS_A_TURN = 4
"""Steps of calls before other connections have their turn."""
_PRINTABLE = " !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~"
"""What `grpc-message` may hold besides letters and digits."""


class _Call:
    """A call whose message is on its way."""

    __slots__ = ("data", "encoding", "method", "stream")

    def __init__(self, stream: int, method: Method, encoding: str) -> None:
        self.stream = stream
        self.method = method
        self.encoding = encoding
        """How a message is compressed that says it is."""
        self.data = bytearray()


class GrpcSession(Session):
    """
    One connection of gRPC.

    Args:
        methods: By path, for example ``/package.Service/Method``.
        max_message_bytes: Longest message as sent.
        inflater: Inflates messages, within its bounds.
        authorized: Whether a call may send that has this ``authorization``.
    """

    def __init__(
        self,
        methods: Mapping[str, Method],
        max_message_bytes: int,
        inflater: Inflater,
        authorized: Callable[[str], bool],
    ) -> None:
        self._methods = methods
        self._max_message_bytes = max_message_bytes
        self._inflater = inflater
        self._authorized = authorized
        self._own = Receipt("", None, 0.0, Batch())
        """Of what is read now; calls that are taken in steps keep it."""
        self._calls: dict[int, _Call] = {}
        self._whole: deque[_Call] = deque()
        """Calls whose message has come, in order."""
        self._current: tuple[int, Generator[None, None, bytes]] | None = None
        """The stream of the call that is being taken, and what takes it."""
        self._rest = bytearray()
        """The beginning of a frame that has not come whole."""
        self._is_greeted = False
        """Whether the client's preface has come, which is not a frame."""
        self._header_bytes = 0
        """Of the headers that are on their way."""
        self._is_over = False
        """Whether the client has said goodbye: h2 sends nothing any more, but what has come is taken."""
        config = H2Configuration(client_side=False, header_encoding="utf-8", validate_outbound_headers=False)
        self._http = H2Connection(config)
        self._http.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.MAX_CONCURRENT_STREAMS: _MAX_STREAMS,
                SettingCodes.MAX_HEADER_LIST_SIZE: _MAX_HEADER_BYTES,
                SettingCodes.INITIAL_WINDOW_SIZE: _WINDOW_BYTES,
                SettingCodes.MAX_FRAME_SIZE: _FRAME_BYTES,
            },
        )
        self._http.max_inbound_frame_size = _FRAME_BYTES
        self._http.initiate_connection()
        self._http.increment_flow_control_window(_WINDOW_BYTES)
        self.greeting = self._http.data_to_send()

    @property
    def pending_bytes(self) -> int:
        """Bytes of messages that are not taken yet."""
        calls = [*self._calls.values(), *self._whole]
        return len(self._rest) + sum(len(call.data) for call in calls)

    def feed(self, data: bytes, receipt: Receipt) -> bytes:
        """Take bytes; and go on with the call that is being taken."""
        own = self._own
        own.input, own.peer, own.time, own.batch = receipt.input, receipt.peer, receipt.time, receipt.batch
        try:
            if data:
                self._receive(data)
            self._go_on()
        except H2Error as error:
            raise Rejected(
                Reason.UNEXPECTED_PROTOCOL, f"not HTTP/2: {type(error).__name__} {error}".rstrip(), data
            ) from None
        self.has_more = self._current is not None or bool(self._whole)
        self.ended = self._is_over and not self.has_more
        return self._http.data_to_send()

    def _cut(self, data: bytes) -> bytes:
        """
        Return the frames that are whole.

        h2 looks at the length of a frame only once all of it has come: up to 16 MiB on every connection.

        Raises:
            Rejected: If a frame, or the headers of a call, are too long.
        """
        self._rest += data
        rest = self._rest
        at = 0 if self._is_greeted else _PREFACE_BYTES
        if len(rest) < at:
            return b""
        while len(rest) - at >= _HEAD_BYTES:
            length, kind = int.from_bytes(rest[at : at + 3]), rest[at + 3]
            begun = self._header_bytes if kind == _CONTINUATION_FRAME else 0
            is_header = kind in (_HEADERS_FRAME, _CONTINUATION_FRAME)
            most = _MAX_HEADER_BYTES - begun if is_header else _FRAME_BYTES
            if length > most:
                what = "headers" if is_header else "a frame"
                raise Rejected(Reason.FRAME_TOO_LARGE, f"{what} of HTTP/2 longer than {most} bytes", rest[at:])
            if len(rest) - at < _HEAD_BYTES + length:
                break
            if is_header:
                self._header_bytes = begun + length
            at += _HEAD_BYTES + length
        self._is_greeted = True
        whole = bytes(rest[:at])
        del rest[:at]
        return whole

    def _receive(self, data: bytes) -> None:
        """Take frames."""
        try:
            events = self._http.receive_data(self._cut(data))
        except UnicodeDecodeError as error:  # which h2 lets through
            raise Rejected(Reason.UNEXPECTED_PROTOCOL, f"headers that are not UTF-8: {error}", data) from None
        for event in events:
            if isinstance(event, RequestReceived):
                headers = {str(name): str(value) for name, value in event.headers or ()}
                self._open(event.stream_id or 0, headers)
            elif isinstance(event, DataReceived):
                self._http.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
                self._add(event.stream_id or 0, event.data or b"")
            elif isinstance(event, StreamEnded):
                call = self._calls.pop(event.stream_id or 0, None)
                if call is not None:
                    self._whole.append(call)
            elif isinstance(event, StreamReset):
                self._forget(event.stream_id or 0)
            elif isinstance(event, ConnectionTerminated):
                self._is_over = True

    def _open(self, stream: int, headers: dict[str, str]) -> None:
        """Begin a call, or say why not."""
        method = self._methods.get(headers.get(":path", ""))
        encoding = headers.get("grpc-encoding", "identity").lower()
        if not headers.get("content-type", "").startswith("application/grpc"):
            self._http.send_headers(stream, [(":status", "415")], end_stream=True)
        elif method is None or headers.get(":method") != "POST":
            self._fail(stream, Code.UNIMPLEMENTED, f"no such method: {headers.get(':path', '')[:200]}")
        elif not self._authorized(headers.get("authorization", "")):
            self._fail(stream, Code.UNAUTHENTICATED, "authorization is missing or wrong; nothing was stored")
        elif encoding not in _ENCODINGS:
            self._fail(stream, Code.UNIMPLEMENTED, f"grpc-encoding {encoding[:50]} is not supported")
        else:
            self._calls[stream] = _Call(stream, method, encoding)

    def _add(self, stream: int, data: bytes) -> None:
        """Take a part of a message, within bounds."""
        call = self._calls.get(stream)
        if call is None:
            return  # it has failed
        call.data += data
        if len(call.data) > self._max_message_bytes + _PREFIX_BYTES:
            detail = f"message longer than {self._max_message_bytes} bytes"
            self._own.reject(Reason.PAYLOAD_TOO_LARGE, detail, call.data)
            del self._calls[stream]
            self._fail(stream, Code.INVALID_ARGUMENT, detail)

    def _forget(self, stream: int) -> None:
        """Drop a call that its client has given up; what of it was taken stays."""
        self._calls.pop(stream, None)
        self._whole = deque(call for call in self._whole if call.stream != stream)
        if self._current is not None and self._current[0] == stream:
            self._current = None

    def _go_on(self) -> None:
        """Take calls, as far as their steps allow."""
        for _ in range(_STEPS_A_TURN):
            if self._current is None:
                if not self._whole:
                    return
                call = self._whole.popleft()
                self._current = (call.stream, self._take(call))
            stream, steps = self._current
            try:
                next(steps)
            except StopIteration as end:
                self._answer(stream, end.value)
            except Rejected as rejected:
                self._own.add_rejection(rejected)
                self._fail(stream, Code.INVALID_ARGUMENT, rejected.detail)
            else:
                continue
            self._current = None

    def _take(self, call: _Call) -> Generator[None, None, bytes]:
        """Take a call whose message has come."""
        message = yield from self._message(call)
        return (yield from call.method(message, self._own))

    def _message(self, call: _Call) -> Generator[None, None, bytes]:
        """
        Return the message of a call.

        Raises:
            Rejected: If it is not one, is damaged or too large.
        """
        data = call.data
        if len(data) < _PREFIX_BYTES or int.from_bytes(data[1:_PREFIX_BYTES]) != len(data) - _PREFIX_BYTES:
            raise Rejected(Reason.FRAME_TRUNCATED, "not one whole message of gRPC", data)
        message = bytes(data[_PREFIX_BYTES:])
        if not data[0]:
            return message
        if call.encoding == "identity":
            raise Rejected(Reason.UNKNOWN_COMPRESSION, "a compressed message without grpc-encoding", message)
        plain = yield from unpack(message, call.encoding.encode(), self._inflater, self._own)
        if plain is message:
            raise Rejected(Reason.CORRUPT_COMPRESSION, f"a message that is not {call.encoding}", message)
        return plain

    def _answer(self, stream: int, message: bytes) -> None:
        """Answer a call with success."""
        data = b"\0" + len(message).to_bytes(4) + message
        if not self._is_open(stream) or self._http.local_flow_control_window(stream) < len(data):
            return  # nobody reads answers with a window as small as that
        self._http.send_headers(stream, _HEADERS)
        self._http.send_data(stream, data)
        self._http.send_headers(stream, [("grpc-status", "0")], end_stream=True)

    def _fail(self, stream: int, code: Code, detail: str) -> None:
        """Answer a call with an error; the rest of its message is not wanted."""
        if not self._is_open(stream):
            return
        trailers = [("grpc-status", str(int(code))), ("grpc-message", quote(detail[:1000], safe=_PRINTABLE))]
        self._http.send_headers(stream, [*_HEADERS, *trailers], end_stream=True)
        if self._is_open(stream):
            self._http.reset_stream(stream, ErrorCodes.NO_ERROR)

    def _is_open(self, stream: int) -> bool:
        known = self._http.streams.get(stream)
        return known is not None and not known.closed and not self._is_over


_HEADERS = [
    (":status", "200"),
    ("content-type", "application/grpc"),
    ("grpc-accept-encoding", ",".join(_ENCODINGS)),
]
