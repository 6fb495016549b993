"""
Context: what every route may ask for.

A route that has a parameter annotated with `TheService` or `TheStore` is given it.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from gelf_listener.api.contract import Listener
from gelf_listener.api.errors import ApiError
from gelf_listener.store import Store
from gelf_listener.store.deadline import begin_answer


async def service_of(request: Request) -> Listener:
    """Return the listener that is shown."""
    service: Listener = request.app.state.service
    return service


async def store_of(request: Request) -> Store:
    """
    Return the store that is searched; all that the route asks it has one time together (`store.deadline`).

    Raises:
        ApiError: If there is none.
    """
    store = (await service_of(request)).store
    if store is None:
        raise ApiError(503, "no store configured; add the output store:")
    begin_answer(request.scope.get("asked_at"))
    return store


TheService = Annotated[Listener, Depends(service_of)]
TheStore = Annotated[Store, Depends(store_of)]
