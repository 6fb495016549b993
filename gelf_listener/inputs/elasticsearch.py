"""
elasticsearch+http, elasticsearch+https: Elasticsearch's bulk API, for everything that sends logs there.

Beats, Logstash, Fluent Bit, Vector, rsyslog, syslog-ng and the clients of a dozen languages look at the server before
they send (`cluster`); then they send documents, which are read as the reader of lines reads ECS and other JSON.
"""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Generator, Sequence
from typing import ClassVar

import msgspec
from pydantic import Field

from gelf_listener.codec import Receipt
from gelf_listener.codec.elasticsearch.bulk import Head, Operations, parse_bulk, take_document, take_documents
from gelf_listener.codec.elasticsearch.cluster import Answer, Asked, answer, error_of
from gelf_listener.codec.elasticsearch.outcomes import bulk_answer, filtered, item_of
from gelf_listener.errors import Reason
from gelf_listener.inputs.http_server.answers import Response
from gelf_listener.inputs.http_server.requests import Request
from gelf_listener.inputs.http_server.responder import Responder, run_steps
from gelf_listener.inputs.http_server.server import HttpServerInput
from gelf_listener.inputs.http_server.settings import HttpServerSettings
from gelf_listener.inputs.tls import TlsSettings
from gelf_listener.settings import Size

_DOCUMENTS_A_STEP = 64
"""Documents of a long request that are read before other connections have their turn."""

_PRODUCT = ("X-Elastic-Product", "Elasticsearch")
"""Without it the clients of Elasticsearch 7.14 and later refuse to go on."""
_COMPATIBLE = "application/vnd.elasticsearch+"
_WRITES = frozenset(("_doc", "_create", "_update"))
_KINDS = {
    401: "security_exception",
    413: "content_too_long_exception",
    415: "media_type_header_exception",
    429: "es_rejected_execution_exception",
}


class ElasticsearchHttpSettings(HttpServerSettings):
    """Settings of `elasticsearch+http://`."""

    port: int = Field(9200, ge=0, le=65535, description="Port to bind; 0 picks a free one.")
    max_body_bytes: Size = Field(32 * 1024 * 1024, ge=1024, description="Largest body as sent; 413 beyond it.")
    max_payload_bytes: Size = Field(32 * 1024 * 1024, ge=1024, description="Largest body after inflating.")
    server_version: str = Field(
        "9.1.0",
        pattern=r"^\d+\.\d+\.\d+$",
        description="Version of Elasticsearch to claim: some clients refuse one that is older than they are.",
    )


class ElasticsearchHttpsSettings(ElasticsearchHttpSettings, TlsSettings):
    """Settings of `elasticsearch+https://`."""


class ElasticsearchResponder(Responder):
    """
    Takes documents by the bulk API and one by one, and answers what clients ask first.

    Args:
        settings: Of the input.
        input: Its name.
    """

    methods: ClassVar[str] = "GET, HEAD, POST, PUT, DELETE, OPTIONS"
    cors_headers: ClassVar[str] = "Authorization, *"
    busy_status: ClassVar[int] = 429
    """Which clients of Elasticsearch send again after a while."""

    settings: ElasticsearchHttpSettings

    def __init__(self, settings: ElasticsearchHttpSettings, input: str) -> None:
        super().__init__(settings, input)
        self._token = settings.token.encode()

    def authorized(self, request: Request) -> bool:
        """Take the token as an API key too, alone or behind an id, as clients send it."""
        scheme, _, value = request.headers.get(b"authorization", b"").partition(b" ")
        if self._token and scheme.lower() == b"apikey":
            return any([hmac.compare_digest(key, self._token) for key in _keys(value.strip())])
        return super().authorized(request)

    def check(self, request: Request) -> Response | None:
        """Answer what has no documents before its body is read."""
        parts = tuple(part for part in request.path.split("/") if part)
        if _is_write(request.method, parts):
            request.context = parts
            return None
        asked = Asked(
            request.method,
            parts,
            request.query,
            request.header("host", f"localhost:{self.settings.port}"),
            self.settings.server_version,
            "opensearch" in request.header("user-agent").lower(),
        )
        found = answer(asked)
        if found is None:
            detail = f"no handler found for uri [{request.path[:200]}] and method [{request.method}]"
            return self.error(request, 400, detail)
        if request.method in ("PUT", "POST", "DELETE"):
            request.context = found  # its body is read, and forgotten
            return None
        return self._response(request, *found)

    def respond(self, request: Request, receipt: Receipt) -> Response:
        """Take documents at once."""
        return run_steps(self.respond_in_steps(request, receipt))

    def respond_in_steps(self, request: Request, receipt: Receipt) -> Generator[None, None, Response]:
        """Take documents some at a time."""
        found = request.context
        if isinstance(found, Answer):
            return self._response(request, *found)
        parts: tuple[str, ...] = found  # type: ignore[assignment]  # `check` put it there
        if parts[-1] != "_bulk":
            return self._single(request, parts, receipt)
        began = time.perf_counter()
        operations = parse_bulk(request.body, parts[0] if len(parts) > 1 else "")
        request.body = b""
        heads, documents = operations
        ids: list[str] = []
        errors: dict[int, str] = {}
        for start in range(0, len(heads), _DOCUMENTS_A_STEP):
            yield
            end = start + _DOCUMENTS_A_STEP
            _take(Operations(heads[start:end], documents[start:end]), ids, errors, receipt)
        took = int((time.perf_counter() - began) * 1000)
        answer = bulk_answer(heads, ids, errors, took, request.query.get("filter_path", ""))
        return Response(200, answer, _media_type(request), [_PRODUCT])

    def rejection(self, request: Request, reason: Reason, detail: str) -> Response:
        """Answer a request that makes no sense."""
        status = 413 if reason in (Reason.PAYLOAD_TOO_LARGE, Reason.TOO_COMPLEX) else 400
        return self.error(request, 415 if reason is Reason.UNKNOWN_COMPRESSION else status, detail, reason)

    def error(
        self,
        request: Request,
        status: int,
        detail: str,
        reason: Reason | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> Response:
        """Say that it is Elasticsearch that fails, or its clients would say that it is something else."""
        return super().error(request, status, detail, reason, [*headers, _PRODUCT])

    def error_body(
        self,
        request: Request,
        status: int,
        detail: str,
        reason: Reason | None,  # noqa: ARG002  (its form has no place for it)
    ) -> tuple[bytes, str]:
        """Write an error in Elasticsearch's form."""
        kind = _KINDS.get(status, "illegal_argument_exception" if status < 500 else "exception")
        return json.dumps(error_of(kind, detail, status)).encode(), _media_type(request)

    def _single(self, request: Request, parts: tuple[str, ...], receipt: Receipt) -> Response:
        """Take a document that comes by itself."""
        id = parts[2] if len(parts) > 2 else ""
        head, ids, errors = Head(_action(request.method, parts), parts[0], id), list[str](), dict[int, str]()
        _take(Operations([head], [request.body]), ids, errors, receipt)
        if errors:
            return self.error(request, 400, errors[0])
        return self._response(request, 201, item_of(head, ids[0], 0)[head.action])

    def _response(self, request: Request, status: int, value: object) -> Response:
        if isinstance(value, str):
            return Response(status, value.encode(), "text/plain; charset=UTF-8", [_PRODUCT])
        filter_path = request.query.get("filter_path")
        if filter_path:
            value = filtered(value, filter_path)
        return Response(status, msgspec.json.encode(value), _media_type(request), [_PRODUCT])


class ElasticsearchHttpInput(HttpServerInput):
    """
    Takes documents as Elasticsearch does.

    Guarantee: a document whose item says 201 is in the buffers of all outputs, and safe there (`Intake.when_safe`).
    """

    Settings: ClassVar[type[ElasticsearchHttpSettings]] = ElasticsearchHttpSettings
    scheme: ClassVar[str] = "elasticsearch+http"
    settings: ElasticsearchHttpSettings

    def responder(self) -> ElasticsearchResponder:
        """Make what answers the requests of all connections."""
        return ElasticsearchResponder(self.settings, self.name)


class ElasticsearchHttpsInput(ElasticsearchHttpInput):
    """
    Takes documents by HTTPS.

    Guarantee: as `ElasticsearchHttpInput`.
    """

    Settings: ClassVar[type[ElasticsearchHttpsSettings]] = ElasticsearchHttpsSettings
    scheme: ClassVar[str] = "elasticsearch+https"


def _is_write(method: str, parts: tuple[str, ...]) -> bool:
    """Whether a request brings documents, in bulk or one, below `_doc` or an old type; or would change one."""
    if method not in ("POST", "PUT", "DELETE") or not parts:
        return False
    if parts[-1] == "_bulk":
        return method != "DELETE" and parts[0] != "_monitoring"
    if parts[0][:1] == "_" or len(parts) < 2 or (method == "DELETE" and len(parts) != 3):
        return False
    if len(parts) == 4:
        return parts[3] in _WRITES
    return len(parts) < 4 and (parts[1] in _WRITES or parts[1][:1] != "_")


def _action(method: str, parts: tuple[str, ...]) -> str:
    """Return what a request for one document would do to it, in the words of bulk requests."""
    if method == "DELETE":
        return "delete"
    return "update" if "_update" in (parts[1], parts[-1]) else "index"


def _take(operations: Operations, ids: list[str], errors: dict[int, str], receipt: Receipt) -> None:
    """
    Do operations, if they are done here.

    Args:
        operations: Some of a request, in order.
        ids: Of the documents before those, which theirs are put behind; empty for one that is not taken.
        errors: Why documents are not taken, by number.
        receipt: Takes messages and rejections.
    """
    rejected = receipt.batch.rejected
    before, first = len(rejected), len(ids)
    if all([head.is_taken for head in set(operations.heads)]):
        ids += take_documents(operations, receipt)
    else:
        ids += [_take_one(head, document, receipt) for head, document in zip(*operations, strict=True)]
    if len(rejected) > before:
        why = iter(rejected[before:])
        errors.update({number: next(why).detail for number in range(first, len(ids)) if not ids[number]})


def _take_one(head: Head, document: bytes | None, receipt: Receipt) -> str:
    """Do an operation; return the id of its document, empty when it is not taken."""
    if not head.is_taken or document is None:
        detail = f"{head.action} is not supported: messages are only added"
        receipt.reject(Reason.UNEXPECTED_PROTOCOL, detail, document or b"")
        return ""
    return take_document(document, head.index_name, head.id, receipt)


def _keys(value: bytes) -> list[bytes]:
    """Return what may be the key in an ApiKey: the text itself, or what stands behind the id in its base64."""
    try:
        decoded = base64.b64decode(value, validate=True)
    except ValueError:
        return [value]
    return [value, decoded.partition(b":")[2]]


def _media_type(request: Request) -> str:
    """Answer in the media type that the client accepts: with its own version of Elasticsearch's, or plain JSON."""
    accepted = request.header("accept").partition(",")[0].strip()
    return accepted if accepted.startswith(_COMPATIBLE + "json") and len(accepted) < 100 else "application/json"
