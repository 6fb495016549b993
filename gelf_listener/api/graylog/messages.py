"""Messages: one by its id, words of a text, and what a codec makes of a payload."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from gelf_listener.api.context import TheService, TheStore
from gelf_listener.api.errors import ApiError
from gelf_listener.api.graylog.message_detail import detail
from gelf_listener.api.graylog.message_encoding import INDEX, answer, flat
from gelf_listener.api.graylog.search_parameters import TheStreams
from gelf_listener.api.node import node_id
from gelf_listener.codec.batch import Batch
from gelf_listener.codec.gelf.graylog import GraylogGelf
from gelf_listener.message import Message, Peer
from gelf_listener.query.words import words

router = APIRouter(prefix="/api/messages", tags=["Messages"])

_INDICES = frozenset((INDEX, "graylog_deflector"))


class ParseRequest(BaseModel):
    """A payload and how to read it."""

    message: str
    codec: str = Field(description="gelf, syslog or raw.", max_length=100)
    remote_address: str = Field(max_length=100)
    configuration: dict[str, Any] | None = None


@router.post("/parse")
async def parse(service: TheService, body: ParseRequest) -> Response:
    """Return what a codec makes of a payload, as a Graylog would."""
    peer = Peer(body.remote_address, 0)
    batch = Batch()
    payload = body.message.encode("utf-8", "replace")
    if body.codec in ("gelf", "gelf-udp", "gelf-tcp", "gelf-http"):
        GraylogGelf("").decode(payload, time.time(), peer, batch)
    elif body.codec == "syslog":
        from gelf_listener.codec.syslog.graylog import GraylogSyslog  # few ask

        GraylogSyslog("").decode_all([(payload, peer)], time.time(), batch)
    elif body.codec == "raw":
        now = time.time()
        batch.messages.append(Message(now, body.remote_address, body.message, None, None, b"", now))
    else:
        raise ApiError(400, f"Unknown codec {body.codec[:100]!r}; there are gelf, syslog and raw")
    if not batch.messages:
        why = batch.rejected[0].detail if batch.rejected else "it is empty"
        raise ApiError(400, f"Could not decode message: {why}")
    message = batch.messages[0]
    stored = flat(message, (), node_id(service))
    fields = {name: value for name, value in stored.items() if not name.startswith("gl2_") and name != "streams"}
    return answer({"message": detail(fields, len(payload)), "index": None})


@router.get("/{index}/analyze")
async def analyze(index: str, string: Annotated[str, Query(min_length=1)], analyzer: str = "standard") -> Response:
    """Return the words of a text, as a search sees them."""
    _check(index)
    if analyzer != "standard":
        raise ApiError(400, f"Unknown analyzer {analyzer[:100]!r}; there is standard")
    return answer({"tokens": words(string)})


@router.get("/{index}/{message_id}")
async def get(service: TheService, store: TheStore, streams: TheStreams, index: str, message_id: str) -> Response:
    """Return a message."""
    _check(index)
    message = await store.get(message_id)
    if message is None:
        raise ApiError(404, f"Message {message_id[:100]} does not exist in index {index}")
    found = streams.of(message)
    shown = detail(flat(message, found, node_id(service)), len(message.raw), found, message.input or None)
    return answer({"message": shown, "index": INDEX})


def _check(index: str) -> None:
    if index not in _INDICES:
        raise ApiError(404, f"Index {index[:100]} does not exist; all messages are in {INDEX}.")
