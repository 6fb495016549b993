"""Identity: who asks, for routes that want to know."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request


def user_of(request: Request) -> str:
    """Return the name of who asks; ``admin`` where no login is needed."""
    identity = request.scope.get("identity")
    return "admin" if identity is None else str(identity.user)


TheUser = Annotated[str, Depends(user_of)]
