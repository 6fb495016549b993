"""Report: what was received, as text for the report of a failed test. Bounded, and safe to show on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from gelf_listener.errors import Rejected
from gelf_listener.message import Message
from gelf_listener.rendering.pretty import PrettyRenderer
from gelf_listener.rendering.sanitise import clean
from gelf_listener.rendering.usual import noise

_MOST_MESSAGES = 100
_MOST_REJECTED = 20
_MOST_CHARACTERS = 64 * 1024
_EXCERPT_BYTES = 100
_VALUE_CHARACTERS = 300
_TRACEBACK_CHARACTERS = 3000


def message_lines(message: Message, *, brief: bool = False, query: str = "") -> list[str]:
    """
    Return a message as lines without line ends: time, level, host, text and fields; below it what is longer.

    Args:
        message: Whatever is in it.
        brief: Leave most of its ``full_message`` out.
        query: What was asked for; fields it speaks of are shown.
    """
    renderer = PrettyRenderer(
        max_value_characters=_VALUE_CHARACTERS,
        max_full_message_characters=_VALUE_CHARACTERS if brief else _TRACEBACK_CHARACTERS,
        service=True,
        hidden=noise(query),
    )
    return renderer.render([message]).decode().removesuffix("\n").split("\n")


def rejected_line(rejected: Rejected) -> str:
    """Return a rejection as one line: reason, sender, what was wrong, and how the payload begins."""
    excerpt = f"{rejected.payload[:_EXCERPT_BYTES]!r}" + ("…" if rejected.payload_bytes > _EXCERPT_BYTES else "")
    return clean(f"{rejected.reason.value} from {rejected.peer or 'unknown'}: {rejected.detail[:500]}: {excerpt}")


def report(messages: Sequence[Message], rejected: Sequence[Rejected]) -> str:
    """Return the latest messages, oldest first, and the latest rejections; empty when there are neither."""
    lines = [f"({len(messages) - _MOST_MESSAGES} earlier messages)"] if len(messages) > _MOST_MESSAGES else []
    for message in messages[-_MOST_MESSAGES:]:
        lines += message_lines(message)
    if rejected:
        left = len(rejected) - _MOST_REJECTED
        lines.append(f"rejected{f' ({left} earlier ones)' if left > 0 else ''}:")
        lines += [f"    {rejected_line(each)}" for each in rejected[-_MOST_REJECTED:]]
    text = "\n".join(lines)
    if len(text) > _MOST_CHARACTERS:
        text = f"({len(text) - _MOST_CHARACTERS} characters before)…" + text[-_MOST_CHARACTERS:]
    return text
