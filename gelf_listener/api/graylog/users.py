"""Users, their tokens and their sessions."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from gelf_listener.api.auth import COOKIE, Auth, TooManyAttempts
from gelf_listener.api.context import TheService
from gelf_listener.api.contract import Listener
from gelf_listener.api.errors import ApiError
from gelf_listener.api.graylog.message_encoding import answer
from gelf_listener.api.passwords import equal, hash_token, new_token
from gelf_listener.rendering.graylog_times import iso

router = APIRouter(prefix="/api", tags=["Users"])


class LoginRequest(BaseModel):
    """Who logs in."""

    username: str | None = Field(None, max_length=1000)
    password: str | None = Field(None, max_length=4096)
    host: str | None = Field("", max_length=1000)


_DURATION = re.compile(r"P(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,6})S)?)?", re.ASCII)


class TokenRequest(BaseModel):
    """How long a token is good for."""

    token_ttl: str | None = Field(None, description="P30D, PT12H, ...; until it is deleted without.", max_length=100)


def _auth(service: Listener) -> Auth:
    if service.auth is None:
        raise ApiError(503, "the API is off")
    return service.auth


def _cookie_path(request: Request) -> str:
    """Return the path of the API as the browser sees it."""
    return f"{request.scope.get('base_path', '')}/api"


@router.post("/system/sessions")
async def log_in(request: Request, service: TheService, body: LoginRequest) -> Response:
    """Begin a session; its id is a user name with the password ``session``, or the cookie."""
    address = request.client.host if request.client else ""
    missing = [name for name in ("username", "password") if getattr(body, name) is None]
    if missing:
        raise ApiError(400, f"Missing required properties: {', '.join(missing)}.")
    try:
        session = await _auth(service).log_in(body.username or "", body.password or "", address)
    except TooManyAttempts as error:
        raise ApiError(429, str(error), headers={"Retry-After": f"{error.seconds:.0f}"}) from None
    if session is None:
        return Response(status_code=401)
    response = answer(
        {
            "valid_until": iso(session.valid_until),
            "session_id": session.id,
            "username": session.user,
            "user_id": _id(session.user),
        }
    )
    response.set_cookie(
        COOKIE,
        session.id,
        path=_cookie_path(request),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response


@router.get("/system/sessions")
async def session(request: Request) -> Response:
    """Tell whether who asks is logged in."""
    identity = request.scope.get("identity")
    if identity is None or identity.kind == "open":
        return answer({"is_valid": identity is not None, "session_id": None,
                       "username": None if identity is None else identity.user})  # fmt: skip
    session_id = identity.session_id or ""
    return answer({"is_valid": bool(session_id), "session_id": session_id, "username": identity.user})


@router.delete("/system/sessions", status_code=204)
async def log_out(request: Request, service: TheService) -> Response:
    """End the session of who asks."""
    identity = request.scope.get("identity")
    if identity is not None and identity.session_id:
        _auth(service).sessions.end(identity.session_id)
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, path=_cookie_path(request))
    return response


@router.delete("/system/sessions/{session_id}", response_class=Response)
async def end_session(request: Request, service: TheService, session_id: str) -> Response:
    """End a session."""
    _auth(service).sessions.end(session_id)
    response = Response()
    response.delete_cookie(COOKIE, path=_cookie_path(request))
    return response


@router.get("/users")
async def users(service: TheService) -> Response:
    """Return who can log in."""
    return answer({"users": [_user(name) for name in _auth(service).users]})


@router.get("/users/paginated")
async def paginated(
    service: TheService,
    page: Annotated[int, Query(ge=1)] = 1,
    per_page: Annotated[int, Query(ge=1, le=1000)] = 50,
    query: str = "",
) -> Response:
    """Return a page of the users whose name has a text in it; the user admin stands apart."""
    names = [name for name in _auth(service).users if name != "admin"]
    found = [name for name in names if query.lower() in name.lower()]
    shown = found[(page - 1) * per_page : page * per_page]
    admin = [_overview("admin")] if "admin" in _auth(service).users else []
    return answer(
        {
            "total": len(found),
            "page": page,
            "per_page": per_page,
            "count": len(shown),
            "users": [_overview(name) for name in shown],
            "query": query,
            "context": {"admin_user": admin[0] if admin else None},
        }
    )


@router.get("/users/id/{user_id}")
async def user_by_id(service: TheService, user_id: str) -> Response:
    """Return a user, by id."""
    return answer(_user(_name(service, user_id)))


@router.get("/users/{user_id}/tokens")
async def tokens(service: TheService, user_id: str) -> Response:
    """Return the tokens of a user; the tokens themselves are not known any more."""
    name = _name(service, user_id)
    found = [_token(each) for each in service.catalog.all("tokens").values() if each["user"] == name]
    return answer({"tokens": found})


@router.post("/users/{user_id}/tokens/{token_name}")
async def create_token(
    service: TheService,
    user_id: str,
    token_name: str,
    body: TokenRequest | None = None,
) -> Response:
    """Make a token; this answer is the only one that shows it."""
    lifetime = _seconds(body.token_ttl) if body is not None and body.token_ttl else None
    token = new_token()
    now = time.time()
    document: dict[str, Any] = {
        "id": secrets.token_hex(12),
        "name": token_name,
        "user": _name(service, user_id),
        "hash": hash_token(token),
        "created_at": now,
        "expires_at": None if lifetime is None else now + lifetime,
    }
    await service.catalog.put("tokens", document["id"], document)
    shown = _token(document)
    return answer({name: shown[name] for name in ("id", "name", "last_access")} | {"token": token})


@router.delete("/users/{user_id}/tokens/{token_id}", status_code=204)
async def revoke_token(service: TheService, user_id: str, token_id: str) -> Response:
    """Delete a token, named by its id or by itself."""
    name = _name(service, user_id)
    hashed = hash_token(token_id)
    for id, document in list(service.catalog.all("tokens").items()):
        if document["user"] == name and (id == token_id or equal(document["hash"], hashed)):
            await service.catalog.remove("tokens", id)
            return Response(status_code=204)
    raise ApiError(404, "Couldn't find access token.")


@router.get("/users/{user_id}")
async def user(service: TheService, user_id: str) -> Response:
    """Return a user, by name."""
    return answer(_user(_known(service, user_id)))


async def owner_of(service: Listener, token: str) -> str | None:
    """Return whose token it is; None when it is nobody's, or no longer. Its hash is looked up: time tells nothing."""
    hashed = hash_token(token)
    found = next((each for each in service.catalog.all("tokens").values() if each["hash"] == hashed), None)
    if found is None or found["user"] not in _auth(service).users:
        return None
    expires_at = found.get("expires_at")
    return None if expires_at is not None and expires_at <= time.time() else str(found["user"])


def _seconds(duration: str) -> float:
    """Read a duration of ISO 8601."""
    match = _DURATION.fullmatch(duration)
    parts = match.groups("0") if match is not None else ()
    seconds = sum(int(part) * unit for part, unit in zip(parts, (86400, 3600, 60, 1), strict=False))
    if not seconds:
        raise ApiError(400, f"token_ttl is {duration[:50]!r}; write a duration such as P30D or PT12H")
    return float(seconds)


def _id(name: str) -> str:
    return f"local:{name}"


def _name(service: Listener, user_id: str) -> str:
    """Return the name of the user with an id."""
    if not user_id.startswith("local:"):
        _known(service, user_id)
        raise ApiError(400, f"{user_id[:100]} is the name of a user; their id is wanted: {_id(user_id)}")
    return _known(service, user_id.removeprefix("local:"))


def _known(service: Listener, name: str) -> str:
    if name not in _auth(service).users:
        raise ApiError(404, f"Couldn't find user {name[:100]}")
    return name


def _user(name: str) -> dict[str, Any]:
    return {
        "id": _id(name),
        "username": name,
        "full_name": "Administrator" if name == "admin" else name,
        "first_name": None,
        "last_name": None,
        "email": "",
        "permissions": ["*"],
        "roles": ["Admin"],
        "grn_permissions": [],
        "preferences": {"updateUnfocussed": False, "enableSmartSearch": True},
        "timezone": "UTC",
        "session_timeout_ms": 8 * 3600 * 1000,
        "read_only": True,
        "external": False,
        "startpage": None,
        "service_account": False,
        "account_status": "enabled",
        "session_active": True,
        "last_activity": iso(time.time()),
        "client_address": "127.0.0.1",
        "auth_service_enabled": True,
    }


def _overview(name: str) -> dict[str, Any]:
    """Return a user as a list of pages shows them."""
    user = _user(name)
    kept = ("id", "username", "email", "first_name", "last_name", "full_name", "roles", "read_only", "session_active",
            "last_activity", "client_address", "account_status", "service_account", "auth_service_enabled")  # fmt: skip
    external = {"auth_service_id": None, "auth_service_uid": None, "external_user": False}
    return external | {field: user[field] for field in kept}


def _token(document: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": document["id"],
        "name": document["name"],
        "created_at": iso(document["created_at"]),
        "last_access": iso(0.0),
        "expires_at": None if document.get("expires_at") is None else iso(document["expires_at"]),
    }
