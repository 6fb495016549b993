"""
splunk+hec, splunk+hec+tls: Splunk's HTTP Event Collector.

Events and raw lines, tokens as all its clients show them, channels with acknowledgements, and answers with Splunk's
numbers and words.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Generator
from typing import Any, ClassVar, NamedTuple

from pydantic import Field

from gelf_listener.codec import Receipt
from gelf_listener.codec.hec import faults
from gelf_listener.codec.hec.acks import Acks
from gelf_listener.codec.hec.event_columns import take_events
from gelf_listener.codec.hec.events import HecError, split_events, split_usual, take_event, take_raw
from gelf_listener.codec.hec.faults import Fault
from gelf_listener.errors import Reason
from gelf_listener.inputs.http_server.answers import Response
from gelf_listener.inputs.http_server.requests import Request
from gelf_listener.inputs.http_server.responder import Responder, run_steps
from gelf_listener.inputs.http_server.server import HttpServerInput
from gelf_listener.inputs.http_server.settings import HttpServerSettings
from gelf_listener.inputs.tls import TlsSettings
from gelf_listener.intake import Intake
from gelf_listener.settings import Size

_EVENTS_A_STEP = 64
"""Events of a long request that are read before other connections have their turn."""

_ROOT = "/services/collector"
_KINDS = {"": "event", "/event": "event", "/raw": "raw", "/ack": "ack", "/health": "health"}
_META = ("host", "source", "sourcetype", "index", "time")
"""Parameters of a request that stand for what is around its events."""
_MAX_CHANNEL = 128
_MAX_ASKED = 10_000


class SplunkHecSettings(HttpServerSettings):
    """Settings of `splunk+hec://`."""

    port: int = Field(8088, ge=0, le=65535, description="Port to bind; 0 picks a free one.")
    token: str = Field(
        "",
        description="Token that requests must carry: in an Authorization header, or as `token` in the query.",
        repr=False,
    )
    max_body_bytes: Size = Field(32 * 1024 * 1024, ge=1024, description="Largest body as sent; 413 beyond it.")
    max_payload_bytes: Size = Field(32 * 1024 * 1024, ge=1024, description="Largest body after inflating.")


class SplunkHecTlsSettings(SplunkHecSettings, TlsSettings):
    """Settings of `splunk+hec+tls://`."""


class _Taken(NamedTuple):
    """A request whose messages are taken, but may not be safe yet."""

    channel: str
    id: int


class HecResponder(Responder):
    """
    Takes events and raw lines, and says which requests are safe.

    Args:
        settings: Of the input.
        input: Its name.
    """

    methods: ClassVar[str] = "GET, POST, OPTIONS"
    cors_headers: ClassVar[str] = "Authorization, *"

    def __init__(self, settings: SplunkHecSettings, input: str) -> None:
        super().__init__(settings, input)
        self._token = settings.token.encode()
        self._acks = Acks()
        self.intake: Intake | None = None
        """Whose buffers are full when the collector is not healthy."""

    def authorized(self, request: Request) -> bool:  # noqa: ARG002
        """Leave it to `check`, which knows how Splunk says no."""
        return True

    def check(self, request: Request) -> Response | None:
        """Refuse other paths, and who does not show the token."""
        path = request.path.rstrip("/").removesuffix("/1.0")
        kind = _KINDS.get(path.removeprefix(_ROOT)) if path.startswith(_ROOT) else None
        if kind is None:
            return self.error(
                request, 404, f"The requested URL was not found on this server; send events to {_ROOT}/event"
            )
        if kind == "health":
            return self._answer(faults.UNHEALTHY if self.intake is not None and self.intake.full else faults.HEALTHY)
        fault = self._refused(request)
        if fault is not None:
            return self._answer(fault)
        if request.method != "POST":
            return self.error(request, 405, "send events with POST")
        if kind == "ack" and not _channel(request):
            return self._answer(faults.CHANNEL_MISSING)
        request.context = kind
        return None

    def respond(self, request: Request, receipt: Receipt) -> Response:
        """Take a request at once."""
        return run_steps(self.respond_in_steps(request, receipt))

    def respond_in_steps(self, request: Request, receipt: Receipt) -> Generator[None, None, Response]:
        """Take a request some events at a time."""
        if request.context == "ack":
            return self._acknowledge(request)
        if not request.body.strip():
            raise _no_data(request)
        query = request.query
        meta = {name: query[name] for name in _META if query.get(name)}
        if request.context == "raw":
            yield from take_raw(request.body, meta, receipt)
            return self._taken(request)
        return (yield from self._take_events(request, meta, receipt))

    def rejection(self, request: Request, reason: Reason, detail: str) -> Response:
        """Answer a request that was rejected as a whole."""
        if isinstance(request.context, Fault):
            return self._answer(request.context)
        return super().rejection(request, reason, detail)

    def encode(self, request: Request) -> bytes:
        """Write an answer, which goes out when the request's messages are safe: now its id is true."""
        taken, response = request.context, request.response
        if isinstance(taken, _Taken) and response is not None and response.status == 200:
            self._acks.confirm(*taken)
        return super().encode(request)

    def error_body(
        self,
        request: Request,  # noqa: ARG002
        status: int,
        detail: str,
        reason: Reason | None,  # noqa: ARG002  (its form has no place for it)
    ) -> tuple[bytes, str]:
        """Write an error in Splunk's form."""
        codes = {413: faults.TOO_LARGE.code, 500: faults.INTERNAL_ERROR.code, 503: faults.BUSY.code, 404: 404, 405: 404}
        code = codes.get(status, faults.INVALID_FORMAT.code)
        return json.dumps({"text": detail, "code": code}).encode(), "application/json"

    def _take_events(self, request: Request, meta: dict[str, str], receipt: Receipt) -> Generator[None, None, Response]:
        """Take all events that are right; the first that is not is named in the answer."""
        usual = None if meta else split_usual(request.body)
        steps = _take_each(request.body, meta, receipt) if usual is None else _take_usual(usual, receipt)
        count, errors = yield from steps
        if errors:
            number, error = errors[0]
            return self._answer(error.fault, **{"invalid-event-number": number})
        if not count:
            raise _no_data(request)
        return self._taken(request)

    def _taken(self, request: Request) -> Response:
        """Answer a request that is taken; one with a channel gets an id, which is true once its messages are safe."""
        channel = _channel(request)
        if not channel:
            return _SUCCESS
        taken = request.context = _Taken(channel, self._acks.new(channel))
        return Response.json(200, {"text": "Success", "code": 0, "ackId": taken.id})

    def _acknowledge(self, request: Request) -> Response:
        """Say which requests of a channel are safe."""
        try:
            asked: Any = json.loads(request.body or b"{}")
            ids = asked["acks"]
        except (ValueError, RecursionError, KeyError, TypeError):
            return self._answer(faults.INVALID_FORMAT)
        if not isinstance(ids, list) or len(ids) > _MAX_ASKED or not all(type(id) is int for id in ids):
            return self._answer(faults.INVALID_FORMAT)
        return Response.json(200, {"acks": self._acks.ask(_channel(request), ids)})

    def _refused(self, request: Request) -> Fault | None:
        """Return why a request may not send; None when it may."""
        if not self._token and not self._secrets:
            return None
        authorization = request.headers.get(b"authorization", b"")
        given = _given_token(authorization) or request.query.get("token", "").encode()
        if self._token and given and hmac.compare_digest(given, self._token):
            return None
        if super().authorized(request):
            return None
        if not authorization and not given:
            return faults.TOKEN_REQUIRED
        return faults.INVALID_TOKEN if given else faults.INVALID_AUTHORIZATION

    def _answer(self, fault: Fault, **more: object) -> Response:
        headers = [("WWW-Authenticate", "Splunk")] if fault.status == 401 else ()
        return Response.json(fault.status, {"text": fault.text, "code": fault.code, **more}, headers)


_SUCCESS = Response.json(200, {"text": "Success", "code": 0})


class SplunkHecInput(HttpServerInput):
    """
    Takes events as Splunk's HTTP Event Collector does.

    Guarantee: a request that is answered with success is in the buffers of all outputs, and safe there
    (`Intake.when_safe`); only then is its acknowledgement id true.
    """

    Settings: ClassVar[type[SplunkHecSettings]] = SplunkHecSettings
    scheme: ClassVar[str] = "splunk+hec"
    settings: SplunkHecSettings

    def shared_port(self) -> None:
        """Return nothing: a client may ask for its acknowledgements on another connection; see `SharesPorts`."""

    def responder(self) -> HecResponder:
        """Make what answers the requests of all connections."""
        self._hec = HecResponder(self.settings, self.name)
        return self._hec

    async def start(self, intake: Intake) -> None:
        """Listen; see `Input.start`."""
        self._hec.intake = intake
        await super().start(intake)


class SplunkHecTlsInput(SplunkHecInput):
    """
    Takes events by HTTPS.

    Guarantee: as `SplunkHecInput`.
    """

    Settings: ClassVar[type[SplunkHecTlsSettings]] = SplunkHecTlsSettings
    scheme: ClassVar[str] = "splunk+hec+tls"


_Outcome = tuple[int, list[tuple[int, HecError]]]
"""How many events there were, and the errors of some, by number."""


def _take_usual(events: list[bytes], receipt: Receipt) -> Generator[None, None, _Outcome]:
    """Take events that are objects."""
    errors: list[tuple[int, HecError]] = []
    for start in range(0, len(events), _EVENTS_A_STEP):
        errors += [
            (start + place, error) for place, error in take_events(events[start : start + _EVENTS_A_STEP], receipt)
        ]
        yield
    return len(events), errors


def _take_each(body: bytes, meta: dict[str, str], receipt: Receipt) -> Generator[None, None, _Outcome]:
    """Take any events, one by one, up to the first that is not JSON."""
    errors: list[tuple[int, HecError]] = []
    number = 0
    events = split_events(body)
    while True:
        try:
            value, raw = next(events)
            take_event(value, raw, meta, receipt)
        except StopIteration:
            return number, errors
        except HecError as error:
            receipt.add_rejection(error)
            errors.append((number, error))
        number += 1
        if number % _EVENTS_A_STEP == 0:
            yield


def _no_data(request: Request) -> HecError:
    """Make the error of a request that has nothing in it."""
    request.context = faults.NO_DATA
    return HecError(faults.NO_DATA, Reason.EMPTY_PAYLOAD, "a request without events", request.body)


def _channel(request: Request) -> str:
    """Return the channel of a request, of its header or its query; empty when it has none."""
    return (request.header("x-splunk-request-channel") or request.query.get("channel", "")).strip()[:_MAX_CHANNEL]


def _given_token(authorization: bytes) -> bytes:
    """Return the token in a header: behind the word Splunk (or Bearer), or as the password of any user."""
    scheme, _, value = authorization.strip().partition(b" ")
    value = value.strip()
    if scheme.lower() in (b"splunk", b"bearer"):
        return value
    if scheme.lower() != b"basic":
        return b""
    try:
        return base64.b64decode(value, validate=True).partition(b":")[2]
    except ValueError:
        return b""
