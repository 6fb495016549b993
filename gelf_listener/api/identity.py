"""Identity: who asks, for routes that want to know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

if TYPE_CHECKING:
    from typing import TypeAlias

__all__ = ["TheUser", "user_of"]


def user_of(request: Request) -> str:
    """Return the name of who asks; ``admin`` where nobody need say."""
    identity = request.scope.get("identity")
    return "admin" if identity is None else str(identity.user)


if TYPE_CHECKING:
    TheUser: TypeAlias = str
else:
    TheUser = Annotated[str, Depends(user_of)]
