"""Messages: one by its id, words of a text, and what a codec makes of a payload."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from gelf_listener.api.context import TheService, TheStore
from gelf_listener.api.errors import ApiError
from gelf_listener.api.graylog.message_encoding import INDEX, answer, flat
from gelf_listener.api.graylog.search_parameters import TheStreams
from gelf_listener.api.node import node_id
from gelf_listener.codec.batch import Batch
from gelf_listener.codec.gelf.graylog import GraylogGelf
from gelf_listener.message import Message, Peer
from gelf_listener.query.words import words

__all__ = ["router"]

router = APIRouter(prefix="/api/messages", tags=["Messages"])

_INDICES = frozenset((INDEX, "graylog_deflector"))


class ParseRequest(BaseModel):
    """A payload and how to read it."""

    message: str
    codec: str = Field("gelf", description="gelf, or syslog.", max_length=100)
    remote_address: str | None = Field("127.0.0.1", max_length=100)
    configuration: dict[str, Any] | None = None


@router.post("/parse")
async def parse(service: TheService, body: ParseRequest) -> Response:
    """Return what a codec makes of a payload, as a Graylog would."""
    peer = Peer(body.remote_address or "127.0.0.1", 0)
    batch = Batch()
    payload = body.message.encode("utf-8", "replace")
    if body.codec in ("gelf", "gelf-udp", "gelf-tcp", "gelf-http"):
        GraylogGelf("").decode(payload, time.time(), peer, batch)
    elif body.codec == "syslog":
        from gelf_listener.codec.syslog.decoder import SyslogDecoder  # few ask

        SyslogDecoder("").decode_all([(payload, peer)], time.time(), batch)
    else:
        raise ApiError(400, f"Unknown codec {body.codec!r}; there are gelf and syslog")
    if not batch.messages:
        why = batch.rejected[0].detail if batch.rejected else "it is empty"
        raise ApiError(400, f"Could not decode message: {why}")
    return answer({"message": _document(batch.messages[0], [], node_id(service)), "index": ""})


@router.get("/{index}/analyze")
async def analyze(index: str, string: str, analyzer: str = "standard") -> Response:  # noqa: ARG001  (there is one)
    """Return the words of a text, as a search sees them."""
    _check(index)
    return answer({"tokens": words(string)})


@router.get("/{index}/{message_id}")
async def get(service: TheService, store: TheStore, streams: TheStreams, index: str, message_id: str) -> Response:
    """Return a message."""
    _check(index)
    message = await store.get(message_id)
    if message is None:
        raise ApiError(404, f"Message {message_id[:100]} does not exist in index {index}")
    return answer({"message": _document(message, streams.of(message), node_id(service)), "index": INDEX})


def _check(index: str) -> None:
    if index not in _INDICES:
        raise ApiError(404, f"Index {index[:100]} not found; all messages are in {INDEX}")


def _document(message: Message, streams: list[str], node: str) -> dict[str, Any]:
    fields = flat(message, streams, node)
    return {
        "id": message.id,
        "timestamp": fields["timestamp"],
        "message": message.short_message,
        "source": message.host,
        "source_input_id": message.input or None,
        "stream_ids": streams,
        "fields": fields,
    }
