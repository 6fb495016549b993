"""Messages: one with everything that is known of it, its surroundings, deleting and importing."""

from __future__ import annotations

import asyncio
import base64
import time
from collections import Counter
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gelf_listener.api.context import TheService, TheStore
from gelf_listener.api.errors import ApiError
from gelf_listener.api.native.encoding import json_response, lint_document, message_document, note_document
from gelf_listener.api.native.parameters import TheAsked
from gelf_listener.api.native.shapes.messages import Deleted, Imported, LintShape, MessageDetail, Surrounding
from gelf_listener.codec.batch import Batch
from gelf_listener.codec.clients import guess_client
from gelf_listener.codec.gelf.lenient import LenientGelf
from gelf_listener.codec.lint import Verdict, lint
from gelf_listener.inputs import Input
from gelf_listener.message import FieldValue, Message
from gelf_listener.pipeline import Pipeline
from gelf_listener.query.fields import getter
from gelf_listener.query.nodes import Node, Phrase
from gelf_listener.settings import Duration
from gelf_listener.store import Store
from gelf_listener.store.parameters import Sort, Span

router = APIRouter(prefix="/api/gelf", tags=["messages"])

_TYPES = {str: "string", bool: "boolean", int: "number", float: "number"}
_INSTANT = 1e-6
_MOST_NEIGHBOURS = 200
_MOST_EQUAL = 1000
"""Messages of one timestamp that are put in order by their ids."""
_MOST_LINT_BYTES = 8 * 1024 * 1024
_LINES_A_STEP = 256
_MOST_LINE_BYTES = 8 * 1024 * 1024
_CHOOSING = ("query", "since", "from", "to", "keyword", "zone")
"""Parameters of `asked`."""


async def _room(pipeline: Pipeline) -> None:
    """Wait as other senders do while outputs fall behind."""
    if pipeline.crowded:
        calm = asyncio.Event()
        pipeline.when_calm(calm.set)
        await calm.wait()


async def _safe(pipeline: Pipeline) -> str | None:
    """Wait until everything is in the buffers that keep it on disk; what went wrong, None when nothing did."""
    safe: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
    pipeline.when_safe(lambda problem: None if safe.done() else safe.set_result(problem))
    return await safe


async def stored(store: Store, id: str) -> Message:
    """
    Return the message with an id.

    Raises:
        ApiError: If there is none.
    """
    message = await store.get(id)
    if message is None:
        raise ApiError(404, f"no message has the id {id[:80]!r}")
    return message


@router.get("/messages/{id}", response_model=MessageDetail)
async def message(service: TheService, store: TheStore, id: str) -> Response:
    """Return a message with its types, raw bytes and notes, and what a real Graylog would do with it."""
    found = await stored(store, id)
    verdict = _verdict(found, service.inputs)
    document = message_document(found) | {
        "types": {name: _TYPES[type(value)] for name, value in found.fields.items()},
        "notes": [note_document(note) for note in found.notes],
        "raw_text": found.raw.decode("utf-8", "replace"),
        "raw_base64": base64.b64encode(found.raw).decode(),
        "raw_bytes": len(found.raw),
        "client": guess_client(found.raw) or None,
        "exact": found.exact,
        "graylog": None if verdict is None else lint_document(verdict),
    }
    return json_response(document)


def _verdict(message: Message, inputs: Sequence[Input]) -> Verdict | None:
    """Judge a message's payload as GELF; None where it came another way: by syslog, as a line, as a form."""
    urls = [url for input in inputs if input.name == message.input for url in input.listening]
    if urls and not urls[0].startswith("gelf+"):
        return None
    verdict = lint(message.raw, message.peer)
    return verdict if verdict.messages else None  # what is not GELF to anybody did not come as GELF


@router.get("/messages/{id}/surrounding", response_model=Surrounding)
async def surrounding(
    store: TheStore,
    id: str,
    field: Annotated[str, Query(description="Messages that have the same value of this field.")] = "source",
    before: Annotated[int, Query(ge=0, le=_MOST_NEIGHBOURS)] = 10,
    after: Annotated[int, Query(ge=0, le=_MOST_NEIGHBOURS)] = 10,
    seconds: Annotated[
        Duration, Query(gt=0, le=1e9, description="How far away they may be: seconds, 10m, 1d.")
    ] = 3600.0,
) -> Response:
    """Return the messages before and after one that have the same value of a field."""
    found = await stored(store, id)
    value = getter(field)(found)
    if value is None:
        raise ApiError(400, f"the message has no field {field!r}")
    node = same(field, value)
    at = found.timestamp
    older = await _neighbours(store, node, Span(at - seconds, at + _INSTANT), found, before, descending=True)
    newer = await _neighbours(store, node, Span(at, at + seconds + _INSTANT), found, after, descending=False)
    return json_response(
        {
            "field": field,
            "value": value,
            "before": [message_document(each) for each in reversed(older)],
            "after": [message_document(each) for each in newer],
        }
    )


def same(field: str, value: FieldValue) -> Node:
    """Return the query for messages that have a value; a phrase is compared as it stands."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return Phrase(field, text)


async def _neighbours(
    store: Store, node: Node, span: Span, middle: Message, most: int, *, descending: bool
) -> list[Message]:
    """Return the nearest messages on one side; those of the same timestamp are told apart by their ids."""
    if not most:
        return []
    hits = await store.search(node, span, limit=most + _MOST_EQUAL, sort=Sort("timestamp", descending))
    own = (middle.timestamp, middle.id)
    found = []
    for each in hits.messages:
        key = (each.timestamp, each.id)
        if key < own if descending else key > own:
            found.append(each)
    return found[:most]


@router.delete("/messages", response_model=Deleted)
async def delete(store: TheStore, asked: TheAsked, request: Request) -> Response:
    """Delete the messages that match; a query has to be given, so that nothing goes by accident."""
    if not request.query_params.get("query", "").strip():
        raise ApiError(400, "query is missing; query=* deletes everything")
    unknown = next((name for name in request.query_params if name not in _CHOOSING), None)
    if unknown is not None:  # "until" for "to" would delete what was to be kept
        raise ApiError(400, f"unknown parameter {unknown[:100]!r}; expected {', '.join(_CHOOSING)}")
    return json_response({"deleted": await store.delete(asked.node, asked.span)})


@router.post(
    "/import",
    response_model=Imported,
    openapi_extra={
        "requestBody": {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}, "required": True}
    },
)
async def import_lines(service: TheService, request: Request) -> Response:
    """
    Take a file of GELF, a JSON object on each line, as an input would.

    Each line goes through the codec and into the pipeline, so every output gets it; what is not a message is counted
    and kept as rejected. The body is read as it comes, whatever its size, and no faster than outputs write.
    """
    gelf = LenientGelf("import")
    reasons: Counter[str] = Counter()
    taken = 0
    rest = b""

    async def hand_over(lines: list[bytes]) -> None:
        nonlocal taken
        batch = Batch()
        gelf.decode_all(((line, None) for line in lines if line.strip()), time.time(), batch)
        for rejected in batch.rejected:
            reasons[rejected.reason.value] += 1
        taken += len(batch.messages)
        batch.hand_over(service.pipeline)
        await _room(service.pipeline)

    async for piece in request.stream():
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > _MOST_LINE_BYTES:
            raise ApiError(413, f"a line is longer than {_MOST_LINE_BYTES} bytes; {taken} messages were taken")
        for start in range(0, len(lines), _LINES_A_STEP):
            await hand_over(lines[start : start + _LINES_A_STEP])
            await asyncio.sleep(0)  # others have their turn
    await hand_over([rest])
    problem = await _safe(service.pipeline)
    if problem is not None:
        raise ApiError(503, f"taken, but not safe: {problem}", headers={"Retry-After": "1"})
    return json_response({"messages": taken, "rejected": reasons.total(), "reasons": dict(reasons)})


@router.post(
    "/lint",
    response_model=LintShape,
    openapi_extra={
        "requestBody": {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
    },
)
async def lint_payload(request: Request) -> Response:
    """Judge a payload as it would come from the wire, compressed or not."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST_LINT_BYTES:
            raise ApiError(413, f"longer than {_MOST_LINT_BYTES} bytes")
    return json_response(lint_document(lint(bytes(body))))
