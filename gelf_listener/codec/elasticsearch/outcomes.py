"""Outcomes: what became of the operations of a bulk request, and `filter_path`, which shortens the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

import msgspec

from gelf_listener.codec.elasticsearch.bulk import Head

_SHARDS = {"total": 1, "successful": 1, "failed": 0}
_MAX_PATTERNS = 50


def item_of(head: Head, id: str, number: int, error: str = "") -> dict[str, Any]:
    """
    Write what became of an operation as an item of the answer.

    Args:
        head: What was to be done.
        id: Of the document; empty when it was not taken.
        number: Of the operation in its request.
        error: Why it was not taken; empty when it was.
    """
    action, index, asked = head
    if error:
        kind = "document_parsing_exception" if head.is_taken else "illegal_argument_exception"
        return {
            action: {"_index": index, "_id": asked or None, "status": 400, "error": {"type": kind, "reason": error}}
        }
    return {
        action: {
            "_index": index,
            "_id": id,
            "_version": 1,
            "result": "created",
            "_shards": _SHARDS,
            "_seq_no": number,
            "_primary_term": 1,
            "status": 201,
        }
    }


def bulk_answer(
    heads: Sequence[Head], ids: Sequence[str], errors: Mapping[int, str], milliseconds: int, filter_path: str = ""
) -> bytes:
    """
    Write the answer to a bulk request.

    Args:
        heads: What was to be done.
        ids: Of the documents; empty for those that were not taken.
        errors: Why they were not, by the number of the operation.
        milliseconds: How long it took.
        filter_path: See `filtered`.
    """
    if not filter_path and not errors:  # as nearly always: the items differ in ids and numbers
        return _answer_of_taken(heads, ids, milliseconds)
    items = [
        item_of(head, id, number, errors.get(number, ""))
        for number, (head, id) in enumerate(zip(heads, ids, strict=True))
    ]
    answer = {"errors": bool(errors), "took": milliseconds, "items": items}
    return msgspec.json.encode(filtered(answer, filter_path) if filter_path else answer)


def _answer_of_taken(heads: Sequence[Head], ids: Sequence[str], milliseconds: int) -> bytes:
    """Write the answer to a request of which everything was taken."""
    last: Head | None = None
    before = between = behind = ""
    parts = []
    for number, (head, id) in enumerate(zip(heads, ids, strict=True)):
        if head is not last:
            last = head
            before, between, behind = _texts_of_item(head.action, head.index_name)
        name = msgspec.json.encode(id).decode() if head.id else f'"{id}"'
        parts.append(f"{before}{name}{between}{number}{behind}")
    return f'{{"errors":false,"took":{milliseconds},"items":[{",".join(parts)}]}}'.encode()


@lru_cache(maxsize=64)
def _texts_of_item(action: str, index: str) -> tuple[str, str, str]:
    """Return what stands before, between and behind the id and the number of an item."""
    item = msgspec.json.encode(item_of(Head(action, index, ""), _ID, _NUMBER)).decode()
    before, _, rest = item.rpartition(f'"{_ID}"')
    between, _, behind = rest.rpartition(str(_NUMBER))
    return before, between, behind


_ID, _NUMBER = "0123456789ABCDEFGHJKMNPQRS", 1234567890123456789
"""Of an item that is a pattern for others."""


def filtered(answer: Any, filter_path: str) -> Any:
    """
    Keep what `filter_path` names.

    Args:
        answer: JSON.
        filter_path: Names with dots between them, separated by commas; ``*`` stands for any part of a name, ``**`` for
            any names, and what begins with ``-`` is left out.
    """
    patterns = [tuple(part.strip().split(".")) for part in filter_path.split(",") if part.strip()][:_MAX_PATTERNS]
    kept = [pattern for pattern in patterns if pattern[0][:1] != "-"]
    dropped = [(pattern[0][1:], *pattern[1:]) for pattern in patterns if pattern[0][:1] == "-"]
    if dropped:
        answer = _drop(answer, dropped)
    if kept:
        answer = _keep(answer, kept)
    return {} if answer is None else answer


_Patterns = list[tuple[str, ...]]


def _next(patterns: _Patterns, name: str) -> _Patterns:
    """Return what is left of the patterns that a name matches; an empty one matches all that is below it."""
    left: _Patterns = []
    for pattern in patterns:
        if pattern[0] == "**":
            left.append(pattern)
            if len(pattern) > 1 and fnmatchcase(name, pattern[1]):
                left.append(pattern[2:])
        elif fnmatchcase(name, pattern[0]):
            left.append(pattern[1:])
    return left


def _keep(value: Any, patterns: _Patterns) -> Any:
    if isinstance(value, list):
        kept = [each for each in (_keep(each, patterns) for each in value) if each is not None]
        return kept or None
    if not isinstance(value, dict):
        return value if ("**",) in patterns else None
    found = {}
    for name, inner in value.items():
        left = _next(patterns, name)
        each = inner if () in left else _keep(inner, left) if left else None
        if each is not None:
            found[name] = each
    return found or None


def _drop(value: Any, patterns: _Patterns) -> Any:
    if isinstance(value, list):
        return [_drop(each, patterns) for each in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for name, inner in value.items():
        left = _next(patterns, name)
        if () not in left:
            found[name] = _drop(inner, left) if left else inner
    return found
