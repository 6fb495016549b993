r"""
Expressions: patterns and ranges of texts as the engine's regular expressions.

The engine walks its sorted terms with an automaton, so a pattern costs what it finds and hardly more, however many
different terms there are. It refuses automatons of more than a thousand states; `broader` gives up some of a pattern
then, and what it finds has to be looked at by the predicate.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from gelf_listener.query.automaton import has_complement, plain_expression
from gelf_listener.query.nodes import Fuzzy, Range, Regex, Wildcard

ANYTHING = "(?s:.)*"
"""Any text."""

NOTHING = "[a&&b]"
"""No text; a sign between us, for the engine knows no empty class."""

_MAX_END = 60
"""Characters of a range's end that are written out; each takes a dozen states."""
_MAX_PIECE = 40

_Pattern: TypeAlias = Wildcard | Regex | Fuzzy | Range


def escaped(text: str) -> str:
    """Write a text that means itself."""
    return "".join(c if (c.isalnum() and c.isascii()) or c == "_" else f"\\x{{{ord(c):x}}}" for c in text)


def prefixed(prefix: str, expression: str) -> str:
    """Write what begins with one expression and goes on with another."""
    return NOTHING if expression == NOTHING else f"{prefix}(?:{expression})"


def expression_of(node: _Pattern, *, lower: bool) -> str | None:
    """
    Write a pattern or a range, which covers the whole text.

    Args:
        node: What to write.
        lower: Whether it is for texts in lower case.

    Returns:
        An expression that matches exactly what the node does, or None when there is none of a sensible size.
    """
    if isinstance(node, Wildcard):
        return "".join(
            (ANYTHING if text == "*" else "(?s:.)") if wild else escaped(text.lower() if lower else text)
            for wild, text in node.parts
        )
    if isinstance(node, Regex):
        if has_complement(node.pattern):
            return None
        if node.graylog and lower:
            written = plain_expression(node.pattern.lower())
        else:
            written = plain_expression(node.pattern, fold=lower)
        return NOTHING if written is None else written
    if isinstance(node, Range):
        low, high = node.low, node.high
        if lower:
            low, high = None if low is None else low.lower(), None if high is None else high.lower()
        if any(end is not None and len(end) > _MAX_END for end in (low, high)):
            return None
        return text_range(low, high, include_low=node.include_low, include_high=node.include_high)
    return None


def broader(node: _Pattern, *, lower: bool) -> str:
    """Write an expression that is small, and matches what a pattern does and more."""
    if isinstance(node, Wildcard):
        head = node.parts[0][1] if node.parts and not node.parts[0][0] else ""
        longest = max((text for wild, text in node.parts if not wild), key=len, default="")
        head, longest = (text[:_MAX_PIECE].lower() if lower else text[:_MAX_PIECE] for text in (head, longest))
        if head == longest:
            return escaped(head) + ANYTHING
        return escaped(head) + ANYTHING + escaped(longest) + ANYTHING
    if isinstance(node, Regex):
        return escaped(_beginning(node.pattern)) + ANYTHING
    if isinstance(node, Range):
        low, high = ((end or "")[:8] for end in (node.low, node.high))
        if lower:
            low, high = low.lower()[:8], high.lower()[:8]
        return text_range(low or None, None) if not high else text_range(low or None, _after(high))
    return ANYTHING


def _beginning(pattern: str) -> str:
    """Return what every text that a regular expression matches begins with, whatever its case."""
    literal = re.match(r"[a-z0-9_]{0,40}(?![*?+{|a-z0-9_])", pattern)
    return literal[0] if literal is not None and not set(pattern) & set("|&~") else ""


def _after(text: str) -> str | None:
    """Return a text that comes after all that begin with one; None when there is none."""
    if ord(text[-1]) >= 0x10FFFF or ord(text[-1]) == 0xD7FF:
        return None
    return text[:-1] + chr(ord(text[-1]) + 1)


def text_range(low: str | None, high: str | None, *, include_low: bool = True, include_high: bool = True) -> str:
    """
    Write the texts between two ends in the order of their characters, which is also that of the engine's bytes.

    Args:
        low: Its lower end; None is open.
        high: Its upper end; None is open.
        include_low: Whether the lower end belongs to it.
        include_high: Whether the upper end belongs to it.
    """
    if low is not None and high is not None:
        return _between(low, high, include_low=include_low, include_high=include_high)
    if low is not None:
        return _above(low, include=include_low)
    return ANYTHING if high is None else _below(high, include=include_high)


def _either(parts: list[str]) -> str:
    wanted = [part for part in parts if part != NOTHING]
    return f"(?:{'|'.join(wanted)})" if wanted else NOTHING


def _joined(head: str, tail: str) -> str:
    return NOTHING if NOTHING in (head, tail) else head + tail


def _class(first: int, last: int) -> str:
    """Write characters from one to another; halves of pairs are none."""
    if 0xD800 <= first <= 0xDFFF:
        first = 0xE000
    if 0xD800 <= last <= 0xDFFF:
        last = 0xD7FF
    return f"[\\x{{{first:x}}}-\\x{{{last:x}}}]" if first <= last else NOTHING


def _above(low: str, *, include: bool) -> str:
    parts = [
        _joined(escaped(low[:place]) + _class(ord(character) + 1, 0x10FFFF), ANYTHING)
        for place, character in enumerate(low)
    ]
    parts.append(escaped(low) + (ANYTHING if include else "(?s:.)+"))
    return _either([part for part in parts if NOTHING not in part])


def _below(high: str, *, include: bool) -> str:
    parts = []
    for place, character in enumerate(high):
        parts.append(escaped(high[:place]))  # what is shorter comes before
        below = _class(0, ord(character) - 1) if ord(character) else NOTHING
        if below != NOTHING:
            parts.append(escaped(high[:place]) + below + ANYTHING)
    if include:
        parts.append(escaped(high))
    return f"(?:{'|'.join(parts)})" if parts else NOTHING


def _between(low: str, high: str, *, include_low: bool, include_high: bool) -> str:
    if low > high or (low == high and not (include_low and include_high)):
        return NOTHING
    if low == high:
        return escaped(low)
    size = next(
        (place for place, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high))
    )
    shared, low, high = escaped(low[:size]), low[size:], high[size:]
    if not low:  # what both begin with is the lower end itself
        rest = [
            escaped(high[:place]) + _class(0, ord(character) - 1) + ANYTHING
            for place, character in enumerate(high)
            if ord(character)
        ]
        rest += [escaped(high[:place]) for place in range(1, len(high))]
        rest += [escaped(high)] if include_high else []
        rest += [""] if include_low else []
        return f"{shared}(?:{'|'.join(rest)})" if rest else NOTHING
    first, last = ord(low[0]), ord(high[0])
    parts = [
        _joined(escaped(low[0]), _above(low[1:], include=include_low)),
        _joined(_class(first + 1, last - 1), ANYTHING) if last - first > 1 else NOTHING,
        _joined(escaped(high[0]), _below(high[1:], include=include_high)),
    ]
    return _joined(shared, _either(parts))
