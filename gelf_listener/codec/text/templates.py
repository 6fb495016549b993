"""Templates: texts with holes, as messagetemplates.org has them, and the values that fill them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

_HOLE = re.compile(r"\{\{|\}\}|\{([@$]?[\w.]{1,100})(?:,-?\d{1,4})?(?::[^{}]{1,50})?\}")
_BRACES = re.compile(r"\{\}")
_MAX_TEXT = 64 * 1024


def fill_template(template: str, values: Mapping[str, Any]) -> str:
    """Fill a message template (messagetemplates.org) with values by name; a hole without one stays as it is."""

    def fill(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0][0]
        value = values.get(match[1].lstrip("@$"))
        return match[0] if value is None else shown(value)

    return _HOLE.sub(fill, template)[:_MAX_TEXT]


def fill_positions(template: str, values: Sequence[Any]) -> str:
    """Fill holes without names, SLF4J's ``{}``, one after another; one without a value stays as it is."""
    rest = iter(values)
    return _BRACES.sub(lambda match: shown(next(rest, match[0])), template)[:_MAX_TEXT]


def shown(value: object) -> str:
    """Return a value as it stands in a text: JSON, but for what is a text itself."""
    if isinstance(value, str):
        return value
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, RecursionError):
        return str(type(value).__name__)
