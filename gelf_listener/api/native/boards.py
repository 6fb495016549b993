"""Boards and saved searches: ``/api/gelf/boards``, ``/api/gelf/searches``, and both of them as a file."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from gelf_listener.api.boards import Board, Collection, Configured, SavedSearch, read_boards
from gelf_listener.api.catalog import CatalogFull
from gelf_listener.api.context import TheService
from gelf_listener.api.contract import Listener
from gelf_listener.api.errors import ApiError
from gelf_listener.api.native.encoding import json_response
from gelf_listener.api.native.shapes.messages import Deleted
from gelf_listener.errors import ConfigError

router = APIRouter(prefix="/api/gelf", tags=["boards"])

Kind = Literal["boards", "saved_searches"]


class BoardShape(Board):
    """A board and where it is from."""

    id: str
    configured: bool = Field(description="Whether it is from a file of the configuration: it cannot be changed here.")


class SearchShape(SavedSearch):
    """A saved search and where it is from."""

    id: str
    configured: bool = Field(description="Whether it is from a file of the configuration.")


class BoardsShape(BaseModel):
    """All boards and saved searches, by name."""

    boards: list[BoardShape]
    searches: list[SearchShape]
    problem: str | None = Field(description="Why a file of the configuration cannot be read; null when all can.")


class Taken(BaseModel):
    """What became of a file."""

    boards: int
    searches: int
    replaced: int = Field(description="Those among them whose name was there before.")


async def _configured(service: Listener) -> tuple[Configured, str | None]:
    """Read the configuration's files again: a change in Git shows without a restart."""
    try:
        return await asyncio.to_thread(read_boards, service.config.boards), None
    except ConfigError as error:
        return Configured({}, {}), str(error)


def _shown(made: Mapping[str, dict[str, Any]], configured: Mapping[str, Board | SavedSearch]) -> list[Any]:
    found = [{"id": id, "configured": False} | document for id, document in made.items()]
    found += [{"id": id, "configured": True} | each.model_dump(by_alias=True) for id, each in configured.items()]
    return sorted(found, key=lambda each: (each["name"].lower(), each["id"]))


@router.get("/boards", response_model=BoardsShape)
async def boards(service: TheService) -> Response:
    """Return all boards and saved searches, those of the configuration too."""
    configured, problem = await _configured(service)
    return json_response(
        {
            "boards": _shown(service.catalog.all("boards"), configured.boards),
            "searches": _shown(service.catalog.all("saved_searches"), configured.searches),
            "problem": problem,
        }
    )


@router.get("/boards/file", response_model=Collection)
async def export(
    service: TheService,
    id: Annotated[list[str] | None, Query(description="Boards and searches to export; all by default.")] = None,
) -> Response:
    """Return boards and saved searches as a file, which can be imported, or named by the configuration."""
    configured, _ = await _configured(service)

    def chosen(made: Mapping[str, dict[str, Any]], others: Mapping[str, Board | SavedSearch]) -> list[Any]:
        found = [each for each in _shown(made, others) if id is None or each["id"] in id]
        return [{name: each[name] for name in each if name not in ("id", "configured")} for each in found]

    answer = json_response(
        {
            "gelf_listener": 1,
            "boards": chosen(service.catalog.all("boards"), configured.boards),
            "searches": chosen(service.catalog.all("saved_searches"), configured.searches),
        }
    )
    answer.headers["Content-Disposition"] = 'attachment; filename="boards.json"'
    return answer


@router.post("/boards/file", response_model=Taken)
async def take(service: TheService, collection: Collection) -> Response:
    """Take a file; what has the name of something that was made here replaces it."""
    replaced = 0
    kinds: list[tuple[Kind, list[Any]]] = [("boards", collection.boards), ("saved_searches", collection.searches)]
    for kind, documents in kinds:
        names = {document["name"]: id for id, document in service.catalog.all(kind).items()}
        for document in documents:
            replaced += document.name in names
            await _put(service, kind, names.get(document.name) or _new_id(), document)
    taken = {"boards": len(collection.boards), "searches": len(collection.searches), "replaced": replaced}
    return json_response(taken)


@router.post("/boards", response_model=BoardShape)
async def make_board(service: TheService, board: Board) -> Response:
    """Make a board."""
    return await _put(service, "boards", _new_id(), board)


@router.get("/boards/{id}", response_model=BoardShape)
async def one_board(service: TheService, id: str) -> Response:
    """Return a board."""
    document = service.catalog.get("boards", id)
    configured, problem = (await _configured(service)) if document is None else (Configured({}, {}), None)
    if id in configured.boards:
        return json_response({"id": id, "configured": True} | configured.boards[id].model_dump(by_alias=True))
    if document is None:
        raise ApiError(404, f"there is no board {id[:100]!r}" + (f"; {problem}" if problem else ""))
    return json_response({"id": id, "configured": False} | document)


@router.put("/boards/{id}", response_model=BoardShape)
async def change_board(service: TheService, id: str, board: Board) -> Response:
    """Change a board that was made here."""
    _must_be_made_here(service, "boards", id)
    return await _put(service, "boards", id, board)


@router.delete("/boards/{id}", response_model=Deleted)
async def delete_board(service: TheService, id: str) -> Response:
    """Delete a board that was made here."""
    return await _remove(service, "boards", id)


@router.post("/searches", response_model=SearchShape)
async def save_search(service: TheService, search: SavedSearch) -> Response:
    """Save a search; one with the same name that was made here is replaced."""
    made = service.catalog.all("saved_searches").items()
    id = next((id for id, document in made if document["name"] == search.name), None)
    return await _put(service, "saved_searches", id or _new_id(), search)


@router.delete("/searches/{id}", response_model=Deleted)
async def delete_search(service: TheService, id: str) -> Response:
    """Delete a saved search that was made here."""
    return await _remove(service, "saved_searches", id)


def _new_id() -> str:
    return secrets.token_hex(8)


def _must_be_made_here(service: Listener, kind: Kind, id: str) -> None:
    if service.catalog.get(kind, id) is None:
        what = "board" if kind == "boards" else "saved search"
        if id.startswith("configured-"):
            raise ApiError(403, f"this {what} is from a file that the configuration names; change it there, or a copy")
        raise ApiError(404, f"there is no {what} {id[:100]!r}")


async def _put(service: Listener, kind: Kind, id: str, made: Board | SavedSearch) -> Response:
    document = made.model_dump(by_alias=True)
    try:
        await service.catalog.put(kind, id, document)
    except CatalogFull as error:
        raise ApiError(400, str(error)) from None
    return json_response({"id": id, "configured": False} | document)


async def _remove(service: Listener, kind: Kind, id: str) -> Response:
    _must_be_made_here(service, kind, id)
    return json_response({"deleted": int(await service.catalog.remove(kind, id))})
