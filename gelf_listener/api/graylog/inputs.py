"""Inputs: those of the configuration, which can be looked at, and those made here, which are really opened."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from gelf_listener.api.context import TheService
from gelf_listener.api.contract import Listener
from gelf_listener.api.errors import ApiError
from gelf_listener.api.graylog.input_types import TYPES, Option, attributes_of, options_of, spec_of, type_of_scheme
from gelf_listener.api.graylog.message_encoding import answer
from gelf_listener.api.identity import TheUser
from gelf_listener.api.node import is_own_input, node_id, other_nodes
from gelf_listener.config import Spec
from gelf_listener.errors import ConfigError
from gelf_listener.inputs import Input
from gelf_listener.plugins import INPUT_GROUP, load
from gelf_listener.rendering.graylog_times import iso

router = APIRouter(prefix="/api/system", tags=["System/Inputs"])

_CONFIGURED = "This input is part of the listener's configuration; change it there and reload."


class InputRequest(BaseModel):
    """An input as Graylog's clients ask for it."""

    title: str = Field(min_length=1, max_length=1000)
    type: str = Field(max_length=1000)
    global_: bool = Field(True, alias="global")
    configuration: dict[str, Any] = Field(default_factory=dict)
    node: str | None = None


@router.get("/inputs")
async def listing(service: TheService) -> Response:
    """Return all inputs."""
    found = _all(service)
    return answer({"inputs": found, "total": len(found)})


@router.get("/inputs/types")
async def types() -> Response:
    """Return the types of input that can be created."""
    return answer({"types": {id: type.name for id, type in TYPES.items()}})


@router.get("/inputs/types/all")
async def all_types() -> Response:
    """Return the types of input that can be created, with their options."""
    return answer({id: _type(id) for id in TYPES})


@router.get("/inputs/types/{type_id}")
async def one_type(type_id: str) -> Response:
    """Return a type of input, with its options."""
    if type_id not in TYPES:
        raise ApiError(404, f"There is no input type <{type_id[:200]}> registered")
    return answer(_type(type_id))


@router.get("/inputs/{input_id}")
async def get(service: TheService, input_id: str) -> Response:
    """Return an input."""
    return answer(_one(service, input_id))


@router.post("/inputs", status_code=201)
async def create(service: TheService, body: InputRequest, user: TheUser) -> Response:
    """Create an input and open it; one that cannot be opened is FAILED, as its state tells."""
    id = secrets.token_hex(12)
    await _put(service, id, body, user, iso(time.time()))
    return answer({"id": id}, 201)


@router.put("/inputs/{input_id}", status_code=201)
async def update(service: TheService, input_id: str, body: InputRequest) -> Response:
    """Change an input: it is closed and opened again."""
    old = _own(service, input_id)
    await _put(service, input_id, body, old["creator_user_id"], old["created_at"], old.get("node"))
    return answer({"id": input_id}, 201)


@router.delete("/inputs/{input_id}", status_code=204)
async def delete(service: TheService, input_id: str) -> Response:
    """Close an input for good."""
    _own(service, input_id)
    await service.catalog.remove("inputs", input_id)
    await service.close_input(input_id)
    return Response(status_code=204)


@router.get("/inputstates")
async def states(service: TheService) -> Response:
    """Return all inputs with their states."""
    return answer({"states": states_of(service)})


def states_of(service: Listener) -> list[dict[str, Any]]:
    """Return all inputs of this listener with their states."""
    return [_state(service, document) for document in _all(service)]


@router.get("/inputstates/{input_id}")
async def state(service: TheService, input_id: str) -> Response:
    """Return an input with its state."""
    return answer(_state(service, _one(service, input_id)))


@router.put("/inputstates/{input_id}")
async def start(service: TheService, input_id: str) -> Response:
    """Open an input that was stopped or had failed."""
    document = _own(service, input_id) | {"desired_state": "RUNNING"}
    await service.catalog.put("inputs", input_id, document)
    await _open(service, document)
    return answer({"id": input_id})


@router.delete("/inputstates/{input_id}")
async def stop(service: TheService, input_id: str) -> Response:
    """Close an input until it is started again."""
    await service.catalog.put("inputs", input_id, _own(service, input_id) | {"desired_state": "STOPPED"})
    await service.close_input(input_id)
    return answer({"id": input_id})


async def _put(
    service: Listener, id: str, body: InputRequest, user: str, created_at: str, node: str | None = None
) -> None:
    """Keep an input and open it, in the place of one with this id; what is wrong is told before that is closed."""
    spec = spec_of(id, body.type, body.configuration)
    document = {
        "id": id,
        "title": body.title,
        "type": body.type,
        "global": body.global_,
        "node": node or node_id(service),
        "configuration": body.configuration,
        "creator_user_id": user,
        "created_at": created_at,
        "desired_state": "RUNNING",
        "address": _written(spec),
        "settings": spec.settings,
    }
    await service.catalog.put("inputs", id, document)
    await service.close_input(id)
    await _open(service, document)


async def _open(service: Listener, document: Mapping[str, Any]) -> None:
    if is_own_input(service, document) and all(input.name != document["id"] for input in service.inputs):
        await service.open_kept_input(document)


def _written(spec: Spec) -> str:
    host = f"[{spec.address.host}]" if ":" in spec.address.host else spec.address.host
    return f"{spec.address.scheme}://{host}:{spec.address.port}"


def _own(service: Listener, id: str) -> dict[str, Any]:
    """Return an input that was made here."""
    document = service.catalog.get("inputs", id)
    if document is None:
        _one(service, id)
        raise ApiError(403, _CONFIGURED)
    return document


def _all(service: Listener) -> list[dict[str, Any]]:
    made = service.catalog.all("inputs")
    configured = [_configured(service, input) for input in service.inputs if input.name not in made]
    return configured + [_made(service, document) for document in made.values()]


def _one(service: Listener, id: str) -> dict[str, Any]:
    found = next((document for document in _all(service) if document["id"] == id), None)
    if found is None:
        raise ApiError(404, f"No input found for id {id[:100]}")
    return found


def _configured(service: Listener, input: Input) -> dict[str, Any]:
    settings = input.settings.model_dump(mode="json")
    listening = urlsplit(input.listening[0]) if input.listening else urlsplit("")
    scheme = listening.scheme or input.name.rpartition("-")[0]
    type, name = type_of_scheme(scheme)
    fields = input.settings.__class__.model_fields
    shown = {name: "<password set>" if value and not fields[name].repr else value for name, value in settings.items()}
    attributes = attributes_of(type, shown, secure=scheme.endswith(("tls", "https"))) or shown
    attributes |= {"bind_address": settings.get("host", ""), "port": listening.port or settings.get("port")}
    return _shown(
        input.name,
        input.name,
        name,
        type,
        attributes,
        {"created_at": iso(service.started_at), "creator_user_id": "admin"},
    )


def _shown(
    id: str, title: str, name: str, type: str, attributes: Mapping[str, Any], others: Mapping[str, Any]
) -> dict[str, Any]:
    """Return an input as Graylog shows one."""
    usual: dict[str, Any] = {"global": True, "content_pack": None, "static_fields": {}, "node": None}
    return usual | {"id": id, "title": title, "name": name, "type": type, "attributes": attributes} | dict(others)


def _made(service: Listener, document: Mapping[str, Any]) -> dict[str, Any]:
    attributes = dict(document["configuration"])
    for option in ("tls_key_password", "password"):
        if attributes.get(option):
            attributes[option] = "<password set>"
    opened = next((input for input in service.inputs if input.name == document["id"]), None)
    if opened is not None and opened.listening and not attributes.get("port"):
        attributes["port"] = urlsplit(opened.listening[0]).port
    name = type_of_scheme(document["address"].partition(":")[0])[1]
    others = {each: document[each] for each in ("global", "created_at", "creator_user_id")}
    others["node"] = None if document["global"] else document.get("node", node_id(service))
    return _shown(document["id"], document["title"], name, document["type"], attributes, others)


def _state(service: Listener, document: dict[str, Any]) -> dict[str, Any]:
    id = document["id"]
    running = any(input.name == id for input in service.inputs) or _runs_elsewhere(service, id)
    failure = service.failed_inputs.get(id)
    return {
        "id": id,
        "state": "RUNNING" if running else "FAILED" if failure else "STOPPED",
        "started_at": document["created_at"] if running else None,
        "detailed_message": failure,
        "message_input": document,
    }


def _runs_elsewhere(service: Listener, id: str) -> bool:
    """Whether another listener of the store has an input open."""
    return any(input["name"] == id for node in other_nodes(service) for input in node.said["inputs"])


def _type(id: str) -> dict[str, Any]:
    type = TYPES[id]
    options: dict[str, Any] = {}
    try:
        fields = load(INPUT_GROUP, type.scheme).Settings.model_fields
    except ConfigError as error:
        raise ApiError(503, str(error)) from None
    for name, option in options_of(id).items():
        setting = fields.get(option.setting)
        described = option.description or (setting.description if setting is not None else "") or ""
        options[name] = _option(option, described)
    return {
        "type": id,
        "name": type.name,
        "description": None,
        "is_exclusive": False,
        "requested_configuration": options,
        "link_to_docs": "",
    }


def _option(option: Option, described: str) -> dict[str, Any]:
    return {
        "human_name": option.title,
        "type": option.kind,
        "default_value": option.default,
        "description": described,
        "is_optional": not option.needed,
        "attributes": list(option.attributes),
        "additional_info": {},
        "is_encrypted": False,
        "position": 100,
    }
