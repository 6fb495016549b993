"""Placeholders: a text made from a message, such as a routing key or the key of a record."""

from __future__ import annotations

import re
from collections.abc import Callable

from gelf_listener.message import Message
from gelf_listener.rendering.levels import level_name
from gelf_listener.rendering.values import value_text

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def compile_placeholders(template: str, clean: Callable[[str], str] | None = None) -> Callable[[Message], str]:
    """
    Make a function that fills in ``{source}``, ``{input}``, ``{level}``, ``{id}`` and ``{_field}``.

    A field that a message does not have is an empty text.

    Args:
        template: Text with placeholders.
        clean: Makes a value fit for its place.

    Raises:
        ValueError: If a placeholder does not exist, or a brace has no partner.
    """
    pieces = _PLACEHOLDER.split(template)
    if any("{" in text or "}" in text for text in pieces[::2]):
        raise ValueError(f"{template!r} has a brace without its partner")
    getters = [_cleaned(_getter(name), clean) for name in pieces[1::2]]
    texts = pieces[::2]
    if not getters:
        return lambda _message: template
    if len(getters) == 1 and texts == ["", ""]:
        return getters[0]

    def fill(message: Message) -> str:
        parts = [texts[0]]
        for getter, text in zip(getters, texts[1:], strict=True):
            parts += (getter(message), text)
        return "".join(parts)

    return fill


def _cleaned(getter: Callable[[Message], str], clean: Callable[[str], str] | None) -> Callable[[Message], str]:
    if clean is None:
        return getter
    return lambda message: clean(getter(message))


def _getter(name: str) -> Callable[[Message], str]:
    if name == "source":
        return lambda message: message.host
    if name == "input":
        return lambda message: message.input
    if name == "level":
        return lambda message: level_name(message.level)
    if name == "id":
        return lambda message: message.id
    if len(name) > 1 and name.startswith("_"):
        field = name[1:]
        return lambda message: value_text(message.fields.get(field, ""))
    raise ValueError(
        f"placeholder {{{name}}} does not exist; known: {{source}}, {{input}}, {{level}}, {{id}}, {{_field}}"
    )
