"""
Violations: parameters that are missing or out of bounds, told as Graylog tells them: a list, not an error's body.

Source: answers recorded from Graylog 7.0.1 (``tests/vectors/graylog/rest.json``), whose paths name the Java method.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from fastapi import Request
from starlette.responses import Response

from gelf_listener.api.graylog.message_encoding import answer

__all__ = ["Violation", "Violations", "check", "not_blank", "not_empty", "not_null", "positive_or_zero", "respond"]


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


def not_null(path: str, value: Any) -> Violation | None:
    """Check that there is a value."""
    return Violation(path, "NotNull", "must not be null", None) if value is None else None


def positive_or_zero(path: str, value: float | None) -> Violation | None:
    """Check that a number is not below zero."""
    if value is None or value >= 0:
        return None
    return Violation(path, "PositiveOrZero", "must be greater than or equal to 0", _text(value))


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


async def respond(request: Request, error: Exception) -> Response:
    """Answer a list of them: JSON, or lines of text to who would get CSV."""
    assert isinstance(error, Violations)  # noqa: S101  (for the type checker)
    headers = {"Vary": "Accept"}
    if getattr(request.state, "as_text", False):
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
