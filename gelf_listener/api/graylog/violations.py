"""
Violations: parameters that are missing or out of bounds, told as Graylog tells them: a list, not an error's body.

Source: answers recorded from Graylog 7.0.1 (``tests/vectors/graylog/rest.json``), whose paths name the Java method.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.responses import Response

from gelf_listener.api.errors import RESPONSES as ERRORS
from gelf_listener.api.errors import ErrorBody, request_error
from gelf_listener.api.graylog.message_encoding import answer
from gelf_listener.api.graylog.tables import CSV, acceptable

_NOT_READ = ("_parsing", "_error", "less_than_equal")
"""How the kinds of mistakes end that are a path that does not exist: no number, or one of more than 32 bits."""


class Violation(NamedTuple):
    """
    One thing that is wrong.

    Attributes:
        path: Of the parameter, as Graylog's server names it.
        rule: The name of what it breaks.
        message: In words.
        value: What was given; None for nothing.
    """

    path: str
    rule: str
    message: str
    value: str | None


class ViolationBody(BaseModel):
    """How one of them is told."""

    message: str
    message_template: str
    path: str
    invalid_value: str | None


RESPONSES: dict[int | str, dict[str, Any]] = ERRORS | {
    "4XX": {
        "description": "The request is wrong, or not allowed.",
        "model": ErrorBody | list[ViolationBody],
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
}
"""What every route of Graylog's may answer besides, for OpenAPI."""


class Violations(Exception):
    """A request that breaks rules; all that it breaks are told at once."""

    def __init__(self, found: Sequence[Violation]) -> None:
        super().__init__("; ".join(f"{each.path} {each.message}" for each in found))
        self.found = tuple(found)


def not_empty(path: str, value: Any) -> Violation | None:
    """Check that there is a text or list, and something in it."""
    return None if value else Violation(path, "NotEmpty", "must not be empty", _text(value))


def not_blank(path: str, value: str | None) -> Violation | None:
    """Check that there is a text that is more than blanks."""
    return None if value and value.strip() else Violation(path, "NotBlank", "must not be blank", value)


def _text(value: Any) -> str | None:
    return None if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def check(*found: Violation | None) -> None:
    """
    Go on if nothing was found.

    Raises:
        Violations: With everything that was.
    """
    wrong = [each for each in found if each is not None]
    if wrong:
        raise Violations(wrong)


async def wrong_request(request: Request, error: Exception) -> Response:
    """
    Answer what FastAPI refuses, in Graylog's routes as Graylog's framework does.

    A parameter that is missing breaks a rule; one that is not a number, or none of some words, is a path that does not
    exist; a part of the path that is none of some words is a bad request.
    """
    assert isinstance(error, RequestValidationError)  # noqa: S101  (for the type checker)
    found = error.errors()
    kinds = {each["loc"][0] for each in found}
    if request.url.path.startswith("/api/gelf") or kinds - {"query", "path"}:
        return await request_error(request, error)
    wrong = [f"{each['loc'][-1]}: {each['msg']}" for each in found if each["type"].endswith(_NOT_READ)]
    if kinds == {"path"} or wrong:
        status, phrase = (400, "Bad Request") if kinds == {"path"} else (404, "Not Found")
        return answer({"type": "ApiError", "message": f"HTTP {status} {phrase}: {'; '.join(wrong)}"}, status)
    return await respond(request, Violations([_violation(each) for each in found]))


def _violation(wrong: Mapping[str, Any]) -> Violation:
    name, kind = str(wrong["loc"][-1]), wrong["type"]
    if kind in ("missing", "string_too_short"):
        return Violation(name, "NotEmpty", "must not be empty", None if kind == "missing" else str(wrong["input"]))
    if kind == "greater_than_equal":
        return Violation(name, "PositiveOrZero", "must be greater than or equal to 0", str(wrong["input"]))
    return Violation(name, "Size", str(wrong["msg"]), str(wrong["input"])[:100])


def _wants_csv(request: Request) -> bool:
    return acceptable(request.headers.get("accept", ""), (CSV, "application/json")) == CSV


async def respond(request: Request, error: Exception) -> Response:
    """Answer a list of them: JSON, or lines of text to who would get CSV."""
    assert isinstance(error, Violations)  # noqa: S101  (for the type checker)
    headers = {"Vary": "Accept"}
    if request.url.path.startswith("/api/search/universal/") and _wants_csv(request):
        lines = [
            f"{each.message} (path = {each.path}, invalidValue = {each.value or 'null'})\n" for each in error.found
        ]
        return Response("".join(lines).encode("utf-8", "replace"), 400, headers, "text/plain")
    found = [
        {
            "message": each.message,
            "message_template": f"{{jakarta.validation.constraints.{each.rule}.message}}",
            "path": each.path,
            "invalid_value": each.value,
        }
        for each in error.found
    ]
    response = answer(found, 400)
    response.headers.update(headers)
    return response
