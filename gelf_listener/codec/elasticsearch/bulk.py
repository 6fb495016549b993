"""
Bulk: the lines of a bulk request -> operations, and their documents -> messages.

A line says what to do (``index`` or ``create``), the next one holds the document. Blank lines between them, which
rsyslog puts there, are left out. A request whose lines make no sense is refused whole, before any document is taken.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import msgspec

from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.text.carried import carried_message
from gelf_listener.codec.text.record_columns import RecordShapes, Stored
from gelf_listener.errors import Reason, Rejected
from gelf_listener.message import Message, ids_of
from gelf_listener.rows import Names, Row

MAX_OPERATIONS = 100_000
"""Most operations of one request: each costs memory of its own until it is answered."""

_TAKEN = frozenset(("index", "create"))
_KNOWN = frozenset(("index", "create", "update", "delete"))
_MAX_NAME = 512
"""Longest name of an index or a document; Elasticsearch's own bounds are 255 and 512 bytes."""

_loosely = json.JSONDecoder(strict=False, parse_constant=str)


class Head(NamedTuple):
    """
    What a line of a bulk request says is to be done.

    Attributes:
        action: ``index``, ``create``, ``update`` or ``delete``.
        index_name: Where the document belongs.
        id: Its name, if the client gives it one.
    """

    action: str
    index_name: str
    id: str

    @property
    def is_taken(self) -> bool:
        """Whether it adds a document; messages are not changed or deleted by clients."""
        return self.action in _TAKEN


class Operations(NamedTuple):
    """
    The operations of a bulk request, or some of them: two lists, for a client says the same of most documents.

    Attributes:
        heads: What is to be done.
        documents: As they came; None for a `delete`.
    """

    heads: list[Head]
    documents: list[bytes | None]


def parse_bulk(body: bytes, index: str = "") -> Operations:
    """
    Take a bulk request apart.

    Args:
        body: Its lines.
        index: Of operations that name none.

    Raises:
        Rejected: If there is nothing in it, or a line is not what it must be.
    """
    lines = body.removesuffix(b"\n").split(b"\n")
    if {line[:1] for line in lines} != {b"{"}:
        lines = [line for line in lines if line and not line.isspace()]
    if not lines:
        raise Rejected(Reason.EMPTY_PAYLOAD, "request body is required", body)
    if len(lines) > 2 * MAX_OPERATIONS:
        raise Rejected(Reason.TOO_COMPLEX, f"{len(lines)} lines, more than {2 * MAX_OPERATIONS}", body)
    reader = _Heads(index)
    head = reader.read(lines[0], 1)
    if head.action != "delete" and len(lines) % 2 == 0 and lines[::2].count(lines[0]) * 2 == len(lines):  # nearly all
        return Operations([head] * (len(lines) // 2), lines[1::2])  # type: ignore[arg-type]
    heads: list[Head] = []
    documents: list[bytes | None] = []
    at = 0
    while at < len(lines):
        head = reader.read(lines[at], at + 1)
        at += 1
        document = None
        if head.action != "delete":
            if at == len(lines):
                raise Rejected(
                    Reason.INVALID_JSON, f"the last line is an operation ({head.action}) without a document", body
                )
            document = lines[at]
            at += 1
        heads.append(head)
        documents.append(document)
    return Operations(heads, documents)


class _Heads:
    """
    Reads lines that say what to do, and remembers the last: clients repeat it.

    Args:
        index: Of operations that name none.
    """

    def __init__(self, index: str) -> None:
        self._index = index
        self._line = b""
        self._read = Head("", "", "")

    def read(self, line: bytes, number: int) -> Head:
        """
        Return what a line says.

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
        self._line, self._read = line, Head(action, *names)
        return self._read


def _name(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _malformed(number: int, why: str, line: bytes) -> Rejected:
    return Rejected(Reason.INVALID_JSON, f"Malformed action/metadata line [{number}]: {why}", line)


_NOTHING = Names(())
_shapes = RecordShapes()
"""Of the documents of all inputs of a process."""


def take_documents(operations: Operations, receipt: Receipt) -> list[str]:
    """
    Make messages of the documents of operations that add some, as `take_document` does: of those alike by columns.

    Returns:
        For each the id of the message; empty when the document was rejected.
    """
    documents = [document or b"" for document in operations.documents]
    batch = receipt.batch
    now, input, peer, peer_host = receipt.time, receipt.input, receipt.peer, receipt.host
    ids: list[str | None] = []
    made: list[Message] = []
    """Messages that give their documents their ids."""
    last: tuple[Stored | None, Head | None] = None, None
    names = _NOTHING
    own: tuple[str, ...] = ()
    for head, document, found in zip(operations.heads, documents, _shapes.read(documents, now), strict=True):
        if found is None:
            ids.append(take_document(document, head.index_name, head.id, receipt))
            continue
        stored, seconds, host, text, level, values = found
        if stored is not last[0] or head is not last[1]:
            last = stored, head
            fields = _own_fields(head.index_name, head.id)
            names, own = stored.behind((*fields,)), (*fields.values(),)
        time = now if seconds is None else seconds
        row = Row(names, own + values)
        message = Message(time, host or peer_host, text, None, level, document, now, input, peer, False, row)
        batch.messages.append(message)
        batch.size += len(document)
        if head.id:
            ids.append(head.id)
        else:
            ids.append(None)
            made.append(message)
    given = ids_of(made)
    if len(given) == len(ids):
        return given
    others = iter(given)
    return [next(others) if id is None else id for id in ids]


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
