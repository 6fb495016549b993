"""Responder: what requests mean, and what they are answered with. One for each protocol on top of HTTP."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Generator, Sequence
from typing import ClassVar, Protocol, TypeVar

from gelf_listener.codec import Receipt
from gelf_listener.codec.inflater import Inflater
from gelf_listener.errors import Reason
from gelf_listener.inputs.http_server.answers import Response, cors_lines
from gelf_listener.inputs.http_server.requests import Request
from gelf_listener.inputs.http_server.settings import HttpServerSettings

Result = TypeVar("Result")

_STATUS = {Reason.PAYLOAD_TOO_LARGE: 413, Reason.TOO_COMPLEX: 413, Reason.UNKNOWN_COMPRESSION: 415}


_QUICK_BYTES = 4096
_QUICK_LINES = 32
_COMPRESSED = (b"\x1f", b"\x78", b"\x28")
"""First bytes of gzip, zlib and zstd: a hundred bytes of these may be a second of work."""


class BodyReader(Protocol):
    """Takes a body piece by piece, for requests that are longer than memory."""

    @property
    def pending_bytes(self) -> int:
        """Bytes held for a message that has not ended; those of all connections together are bounded."""

    def feed(self, data: bytes, receipt: Receipt) -> None:
        """
        Take bytes, cut anywhere, without their Content-Encoding.

        Raises:
            Rejected: If the rest cannot be read either: the request is refused and the connection closed.
        """

    def finish(self, receipt: Receipt) -> Response:
        """End the body; see `Responder.respond`."""


class Responder:
    """
    Answers the requests of one input. Subclasses say what they mean.

    The server around it reads requests, refuses what is too large, undoes encodings, waits when buffers are crowded,
    and sends each answer as soon as the messages of its request are safe. When they could not be made safe it answers
    with `busy_status` instead, in the words of `error_body`.

    Args:
        settings: Of the input.
        input: Its name.
    """

    methods: ClassVar[str] = "POST, OPTIONS"
    """What the `Allow` header says."""

    cors_headers: ClassVar[str] = "Authorization, Content-Type"
    """Headers that pages of other origins may send."""

    undoes_encoding: ClassVar[bool] = False
    """Whether `respond` wants bodies as they were sent, because it undoes their Content-Encoding itself."""

    drains: ClassVar[bool] = False
    """Whether a body that is announced as too long is read and thrown away, rather than the connection closed."""

    busy_status: ClassVar[int] = 503
    """Status of answers that ask to try again later."""

    def __init__(self, settings: HttpServerSettings, input: str) -> None:
        self.settings = settings
        self.input = input
        self.inflater = Inflater(settings.max_payload_bytes)
        self._secrets = _secrets(settings)

    def authorized(self, request: Request) -> bool:
        """Whether a request shows the user and password or the token of the settings, if they have any."""
        return not self._secrets or _knows(request.headers.get(b"authorization", b""), self._secrets)

    def check(self, request: Request) -> Response | None:  # noqa: ARG002  (for subclasses)
        """Look at a request's method, target and headers; return a response to refuse it before its body is read."""
        return None

    def reader(self, request: Request) -> BodyReader | None:  # noqa: ARG002  (for subclasses)
        """Return what takes the body of a request piece by piece; None to have it whole."""
        return None

    def is_quick(self, request: Request) -> bool:
        """Whether a request is taken at once: what is in its body takes a few milliseconds, whatever it is."""
        body = request.body
        return (
            len(body) <= _QUICK_BYTES
            and body.count(b"\n") <= _QUICK_LINES
            and b"content-encoding" not in request.headers
            and body[:1] not in _COMPRESSED
        )

    def respond(self, request: Request, receipt: Receipt) -> Response:
        """
        Take a request with its body.

        Args:
            request: Whole.
            receipt: Makes and takes messages and rejections.

        Raises:
            Rejected: If the request makes no sense: counted and kept, and answered by `rejection`.
        """
        raise NotImplementedError

    def respond_in_steps(self, request: Request, receipt: Receipt) -> Generator[None, None, Response]:
        """
        Take a long request; each `yield` lets other connections have their turn.

        A step should take a millisecond at most. See `respond`, which this calls unless a subclass knows better.
        """
        yield
        return self.respond(request, receipt)

    def rejection(self, request: Request, reason: Reason, detail: str) -> Response:
        """Answer a request that was rejected as a whole."""
        return self.error(request, _STATUS.get(reason, 400), detail, reason)

    def error(
        self,
        request: Request,
        status: int,
        detail: str,
        reason: Reason | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> Response:
        """
        Make the answer to a request that failed, with the headers that belong to its status.

        Args:
            request: The request; of one that is not HTTP, what was understood.
            status: HTTP status.
            detail: One sentence for a person.
            reason: Why it was rejected, if that is why it failed.
            headers: More headers.
        """
        own: list[tuple[str, str]] = []
        if status == 401:
            own.append(("WWW-Authenticate", 'Basic realm="gelf-listener"'))
        elif status == 405 and not headers:
            own.append(("Allow", self.methods))
        elif status in (429, 503):
            own.append(("Retry-After", "1"))
        body, content_type = self.error_body(request, status, detail, reason)
        return Response(status, body, content_type, [*own, *headers])

    @property
    def held_bytes(self) -> int:
        """What a responder of one connection holds between requests."""
        return 0

    def end(self, receipt: Receipt) -> None:
        """Take what is left when a connection ends, for responders of one connection that hold something."""

    def encode(self, request: Request) -> bytes:
        """Write the answer of a request as its client needs it."""
        response = request.response
        assert response is not None  # noqa: S101  (they are answered)
        origin = request.headers.get(b"origin")
        if origin is None and not request.closes and not request.old and request.method != "HEAD":
            return response.plain
        more = b""
        if origin is not None and self.settings.cors:
            more = cors_lines(origin, self.methods, self.cors_headers)
        if request.closes:
            more += b"Connection: close\r\n"
        elif request.old:
            more += b"Connection: keep-alive\r\n"
        return response.encode(more, head=request.method == "HEAD")

    def error_body(
        self,
        request: Request,  # noqa: ARG002  (for subclasses)
        status: int,
        detail: str,
        reason: Reason | None,
    ) -> tuple[bytes, str]:
        """Return body and media type of an error, in the form that clients of the protocol read."""
        error = {"message": detail} | ({} if reason is None else {"reason": reason.value})
        return Response.json(status, error).body, "application/json"


def run_steps(steps: Generator[None, None, Result]) -> Result:
    """Do at once what can be done in steps, such as taking a request; see `Responder.respond_in_steps`."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result


def _secrets(settings: HttpServerSettings) -> tuple[bytes, ...]:
    """Return the Authorization values that open the input."""
    secrets = []
    if settings.user:
        pair = f"{settings.user}:{settings.password}".encode()
        secrets.append(b"Basic " + base64.b64encode(pair))
    if settings.token:
        secrets.append(b"Bearer " + settings.token.encode())
    return tuple(secrets)


def _knows(authorization: bytes, secrets: tuple[bytes, ...]) -> bool:
    """Compare in constant time, with every secret."""
    scheme, _, value = authorization.partition(b" ")
    given = scheme.capitalize() + b" " + value.strip()
    return any([hmac.compare_digest(given, secret) for secret in secrets])
