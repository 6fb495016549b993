"""
Bulk: the lines of a bulk request -> operations, and their documents -> messages.

A line says what to do (``index`` or ``create``), the next one holds the document. Blank lines between them, which
rsyslog puts there, are left out. A request whose lines make no sense is refused whole, before any document is taken.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.text.carried import carried_message
from gelf_listener.codec.text.record_columns import RecordShapes, Stored
from gelf_listener.errors import Reason, Rejected
from gelf_listener.message import Message
from gelf_listener.rows import Names, Row

__all__ = ["MAX_OPERATIONS", "Operation", "parse_bulk", "take_document", "take_documents"]

MAX_OPERATIONS = 100_000
"""Most operations of one request: each costs memory of its own until it is answered."""

_TAKEN = frozenset(("index", "create"))
_KNOWN = frozenset(("index", "create", "update", "delete"))
_MAX_NAME = 512
"""Longest name of an index or a document; Elasticsearch's own bounds are 255 and 512 bytes."""

_loosely = json.JSONDecoder(strict=False, parse_constant=str)


class Operation(NamedTuple):
    """
    One operation of a bulk request.

    Attributes:
        action: ``index``, ``create``, ``update`` or ``delete``.
        index_name: Where the document belongs.
        id: Its name, if the client gives it one.
        document: As it came; None for a `delete`.
    """

    action: str
    index_name: str
    id: str
    document: bytes | None

    @property
    def is_taken(self) -> bool:
        """Whether it adds a document; messages are not changed or deleted by clients."""
        return self.action in _TAKEN


def parse_bulk(body: bytes, index: str = "") -> list[Operation]:
    """
    Take a bulk request apart.

    Args:
        body: Its lines.
        index: Of operations that name none.

    Raises:
        Rejected: If there is nothing in it, or a line is not what it must be.
    """
    lines = [line for line in body.split(b"\n") if line and not line.isspace()]
    if not lines:
        raise Rejected(Reason.EMPTY_PAYLOAD, "request body is required", body)
    if len(lines) > 2 * MAX_OPERATIONS:
        raise Rejected(Reason.TOO_COMPLEX, f"{len(lines)} lines, more than {2 * MAX_OPERATIONS}", body)
    heads = _Heads(index)
    action, where, id = heads.read(lines[0], 1)
    if action != "delete" and len(lines) % 2 == 0 and lines[::2].count(lines[0]) * 2 == len(lines):  # as nearly all
        return [Operation(action, where, id, document) for document in lines[1::2]]
    operations = []
    at = 0
    while at < len(lines):
        action, where, id = heads.read(lines[at], at + 1)
        at += 1
        document = None
        if action != "delete":
            if at == len(lines):
                raise Rejected(
                    Reason.INVALID_JSON, f"the last line is an operation ({action}) without a document", body
                )
            document = lines[at]
            at += 1
        operations.append(Operation(action, where, id, document))
    return operations


class _Heads:
    """
    Reads lines that say what to do, and remembers the last: clients repeat it.

    Args:
        index: Of operations that name none.
    """

    def __init__(self, index: str) -> None:
        self._index = index
        self._line = b""
        self._read = ("", "", "")

    def read(self, line: bytes, number: int) -> tuple[str, str, str]:
        """
        Return action, index and id.

        Raises:
            Rejected: If the line is anything else.
        """
        if line == self._line:
            return self._read
        try:
            value: Any = msgspec.json.decode(line)
        except (ValueError, RecursionError) as error:
            raise _malformed(number, str(error), line) from None
        actions = [name for name in value if name in _KNOWN] if type(value) is dict else []
        if len(actions) != 1:  # winston-elasticsearch has a count of its own beside it
            raise _malformed(number, "expected an object with one operation: index, create, update or delete", line)
        action = actions[0]
        where = value[action]
        if not isinstance(where, dict):
            raise _malformed(number, f"expected an object in {action}", line)
        names = (_name(where.get("_index")) or self._index, _name(where.get("_id")))
        if any(len(name) > _MAX_NAME for name in names):
            raise _malformed(number, f"a name longer than {_MAX_NAME} characters", line)
        self._line, self._read = line, (action, *names)
        return self._read


def _name(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _malformed(number: int, why: str, line: bytes) -> Rejected:
    return Rejected(Reason.INVALID_JSON, f"Malformed action/metadata line [{number}]: {why}", line)


_NOTHING = Names(())
_shapes = RecordShapes()
"""Of the documents of all inputs of a process."""


def take_documents(operations: Sequence[Operation], receipt: Receipt) -> list[str]:
    """
    Make messages of the documents of operations that add some, as `take_document` does: of those alike by columns.

    Returns:
        For each the id of the message; empty when the document was rejected.
    """
    documents = [operation.document or b"" for operation in operations]
    batch, ids = receipt.batch, []
    now, input, peer, peer_host = receipt.time, receipt.input, receipt.peer, receipt.host
    last: tuple[Stored, str] | None = None
    names = _NOTHING
    before: tuple[str, ...] = ()
    for (_, index, id, _), document, found in zip(operations, documents, _shapes.read(documents, now), strict=True):
        if found is None:
            ids.append(take_document(document, index, id, receipt))
            continue
        stored, seconds, host, text, level, values = found
        if id or last is None or stored is not last[0] or index != last[1]:
            own = _own_fields(index, id)
            names, before = stored.behind((*own,)), (*own.values(),)
            last = None if id else (stored, index)
        time = now if seconds is None else seconds
        row = Row(names, before + values)
        message = Message(time, host or peer_host, text, None, level, document, now, input, peer, False, row)
        batch.messages.append(message)
        batch.size += len(document)
        ids.append(id or message.id)
    return ids


def _own_fields(index: str, id: str) -> dict[str, str]:
    """Return what an operation says beside its document, as fields."""
    fields = {"index": index} if index else {}
    if id:
        fields["document_id"] = id
    return fields


def take_document(document: bytes, index: str, id: str, receipt: Receipt) -> str:
    """
    Make a message of a document, or reject it.

    Args:
        document: JSON.
        index: A field of the message.
        id: The client's name for it, a field too; empty: none.
        receipt: Takes the result.

    Returns:
        The id of the message; empty when the document was rejected.
    """
    strict = True
    try:
        value: Any = msgspec.json.decode(document)
    except (ValueError, RecursionError):
        strict = False
        try:
            value = _loosely.decode(document.decode("utf-8", "replace").strip())
        except (ValueError, RecursionError) as error:
            receipt.reject(Reason.INVALID_JSON, f"a document that is not valid JSON: {error}", document)
            return ""
    if type(value) is not dict:
        receipt.reject(Reason.NOT_AN_OBJECT, f"a document that is {type(value).__name__}, not an object", document)
        return ""
    if not value:
        receipt.reject(Reason.NO_MESSAGE, "an empty document", document)
        return ""
    message = carried_message(receipt, document, value, fields=_own_fields(index, id), strict=strict)
    receipt.add(message)
    return id or message.id
