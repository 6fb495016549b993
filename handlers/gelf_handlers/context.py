"""Fields bound to the current context (thread, task, request): added to every message logged inside."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar, Token
from types import MappingProxyType, TracebackType
from typing import Any, Final, Self

from gelf_handlers.gelf import snapshot

__all__ = ["bind", "bound_fields"]

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


def bound_fields() -> Mapping[str, Any]:
    """Return the fields bound in the current context."""
    return MappingProxyType(dict(CONTEXT.get()))
