"""
Context: what every route may ask for.

A route that has a parameter annotated with `TheService` or `TheStore` is given it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request

from gelf_listener.api.errors import ApiError

if TYPE_CHECKING:
    from typing import TypeAlias

    from gelf_listener.service import Service
    from gelf_listener.store import Store

__all__ = ["TheService", "TheStore", "service_of", "store_of"]


def service_of(request: Request) -> Any:
    """Return the service that is shown."""
    return request.app.state.service


def store_of(request: Request) -> Any:
    """
    Return the store that is searched.

    Raises:
        ApiError: If there is none.
    """
    store = request.app.state.service.store
    if store is None:
        raise ApiError(503, "nothing is stored: there is no output 'store:'")
    return store


if TYPE_CHECKING:
    TheService: TypeAlias = Service
    TheStore: TypeAlias = Store
else:
    TheService = Annotated[Any, Depends(service_of)]
    TheStore = Annotated[Any, Depends(store_of)]
