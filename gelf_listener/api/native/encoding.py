"""Encoding: messages, notes and rejections as the native routes write them."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from gelf_listener.api.standing import rejected_document
from gelf_listener.codec.lint import Verdict
from gelf_listener.message import Message
from gelf_listener.notes import Note
from gelf_listener.query.fields import KNOWN_FIELDS
from gelf_listener.store import Store

_UNNAMED = tuple(known for known in KNOWN_FIELDS if not known.property)

_encode = msgspec.json.Encoder().encode


def json_response(document: Any, status: int = 200) -> Response:
    """Answer with JSON; several times faster than through a model, and there may be ten thousand messages in it."""
    return Response(_encode(document), status, media_type="application/json")


def missing_document(store: Store | None) -> dict[str, Any] | None:
    """Return what the search just made could not look at (`MissingShape`); None when that is nothing."""
    missing = None if store is None else store.missing()
    return None if not missing else missing._asdict() | {"text": str(missing)}


def chosen(fields: str | None) -> frozenset[str] | None:
    """Read a list of field names, separated by commas; None is all of them."""
    if fields is None:
        return None
    return frozenset(name.strip().removeprefix("_") for name in fields.split(",") if name.strip())


def message_document(
    message: Message, fields: frozenset[str] | None = None, characters: int | None = None
) -> dict[str, Any]:
    """
    Return a message (`MessageShape`).

    Args:
        message: Whatever its size.
        fields: Additional fields that are wanted; None is all of them.
        characters: Longest text; what is longer is cut.
    """
    added = message.fields
    if fields is not None:
        added = {name: value for name, value in added.items() if name in fields}
    document = {
        "id": message.id,
        "timestamp": message.timestamp,
        "received_at": message.received_at,
        "host": message.host,
        "short_message": message.short_message,
        "full_message": message.full_message,
        "level": message.level,
        "fields": added,
        "known": {known.name: value for known in _UNNAMED if (value := known.get(message)) is not None},
        "input": message.input,
        "peer": None if message.peer is None else str(message.peer),
    }
    return document if characters is None else _cut(document, characters)


def _cut(document: dict[str, Any], characters: int) -> dict[str, Any]:
    """Cut the texts of a message that are too long."""
    for name in ("short_message", "full_message", "host"):
        text = document[name]
        if text is not None and len(text) > characters:
            document[name] = text[:characters]
    document["fields"] = {
        name: value[:characters] if isinstance(value, str) and len(value) > characters else value
        for name, value in document["fields"].items()
    }
    return document


def note_document(note: Note) -> dict[str, Any]:
    """Return a note (`NoteShape`)."""
    return {
        "deviation": note.deviation.label,
        "field": note.field,
        "detail": note.detail,
        "text": str(note),
        "graylog": note.deviation.graylog,
        "advice": note.deviation.advice,
        "cause": note.deviation.cause,
    }


def lint_document(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict (`LintShape`)."""
    return {
        "clean": verdict.clean,
        "text": verdict.lines(),
        "notes": [note_document(note) for note in verdict.notes],
        "messages": [message_document(message) for message in verdict.messages],
        "rejected": [rejected_document(rejected) for rejected in verdict.rejected],
        "graylog_messages": [message_document(message) for message in verdict.stored],
        "graylog_rejected": [rejected_document(rejected) for rejected in verdict.refused],
    }
