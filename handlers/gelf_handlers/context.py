"""Fields bound to the current context (thread, task, request): added to every message logged inside."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar, Token
from types import MappingProxyType, TracebackType
from typing import Any, Final, Self

from gelf_handlers.gelf import snapshot

__all__ = ["attach_fields", "bind", "bound_fields", "fields_of"]

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})

CONTEXT: Final[ContextVar[Mapping[str, Any]]] = ContextVar("gelf_handlers_fields", default=_NOTHING)
"""Never changed in place: each bind sets a new mapping, so a handler may keep a reference to it."""


class bind:  # noqa: N801 - reads as a statement: `with bind(...)`
    """
    Add fields to every message logged inside a ``with`` block.

    Values are copied when bound. Blocks nest, an inner one wins; each asyncio task and each thread has its
    own context, as `contextvars` has it.

    Example:
        >>> with bind(request_id="r-17"):
        ...     bound_fields()["request_id"]
        'r-17'
    """

    __slots__ = ("_fields", "_token")

    def __init__(self, **fields: Any) -> None:
        self._fields = {key: snapshot(value) for key, value in fields.items()}
        self._token: list[Token[Mapping[str, Any]]] = []

    def __enter__(self) -> Self:
        self._token.append(CONTEXT.set({**CONTEXT.get(), **self._fields}))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            CONTEXT.reset(self._token.pop())
        except ValueError:  # left in another context (an async generator closed by the loop): it died with its own
            return


_ATTACHED: Final = "__gelf_fields__"
_MAX_CAUSES: Final = 16


def attach_fields(error: BaseException, fields: Mapping[str, Any]) -> None:
    """
    Add fields to whichever message will carry this exception's traceback.

    Servers log what a request raised when the request, and with it the fields bound to it, is over.
    """
    try:
        setattr(error, _ATTACHED, {**getattr(error, _ATTACHED, {}), **fields})
    except Exception:  # a class with slots, or a __setattr__ of its own: only these fields are missing
        return


def fields_of(exc_info: Any) -> Mapping[str, Any]:
    """Return the fields attached to an exception, to what it was raised from, or to the only member of its group."""
    error = exc_info[1] if isinstance(exc_info, tuple) and len(exc_info) == 3 else exc_info
    for _ in range(_MAX_CAUSES):
        if not isinstance(error, BaseException):
            break
        fields = getattr(error, _ATTACHED, None)
        if isinstance(fields, dict):
            return fields
        if isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        else:
            error = error.__cause__ or error.__context__
    return {}


def bound_fields() -> Mapping[str, Any]:
    """Return the fields bound in the current context."""
    return MappingProxyType(dict(CONTEXT.get()))
