r"""
Java's regular expressions, found anywhere in a text, as Graylog's stream rules use them.

They are written for the engine of `regex`, which knows what Java's do (look around, groups that are possessive or have
names, classes within classes), and read differently where Java differs: ``\w``, ``\d``, ``\s``, ``\b`` and case are
ASCII's, a dot ends at every end of a line, ``\Q`` quotes.

What would take too long is given up, as there: Graylog stops after two seconds and pauses a stream after three such
faults. We stop after a twentieth of a second, and after three an expression matches nothing any more.
"""

from __future__ import annotations

from collections.abc import Callable

import regex

_SECONDS = 0.05
_MAX_FAULTS = 3
_MAX_DEPTH = 50
_LINE_ENDS = r"\n\r\u0085\u2028\u2029"
_LETTERS = frozenset("aAbBcdDefGhHkNnpPQrRsStuvVwWxXzZ")
"""Letters that mean something behind a backslash in Java; all others are errors."""
_ASCII_CLASSES = {
    "Lower": "a-z", "Upper": "A-Z", "ASCII": r"\x00-\x7f", "Alpha": "a-zA-Z", "Digit": "0-9", "Alnum": "a-zA-Z0-9",
    "Punct": r"!-/:-@\[-`{-~", "Graph": "!-~", "Print": r"\x20-~", "Blank": r" \t", "Cntrl": r"\x00-\x1f\x7f",
    "XDigit": "0-9a-fA-F", "Space": r" \t\n\x0b\f\r",
}  # fmt: skip
_WORD = "[a-zA-Z0-9_]"
_HORIZONTAL = r" \t\xa0\u1680\u180e\u2000-\u200a\u202f\u205f\u3000"
_ESCAPES = {
    "d": "[0-9]", "D": "[^0-9]", "w": _WORD, "W": "[^a-zA-Z0-9_]", "s": r"[ \t\n\x0b\f\r]", "S": r"[^ \t\n\x0b\f\r]",
    "h": f"[{_HORIZONTAL}]", "H": f"[^{_HORIZONTAL}]", "v": rf"[{_LINE_ENDS}\x0b\f]", "V": rf"[^{_LINE_ENDS}\x0b\f]",
    "e": r"\x1b",
}  # fmt: skip
_ANCHORS = {
    "b": f"(?:(?<={_WORD})(?!{_WORD})|(?<!{_WORD})(?={_WORD}))",
    "B": f"(?:(?<={_WORD})(?={_WORD})|(?<!{_WORD})(?!{_WORD}))",
    "z": r"\Z",
    "Z": rf"(?=(?:\r\n|[{_LINE_ENDS}])?\Z)",
}
_PROPERTY = regex.compile(r"\\[pP](?!\{(?:" + "|".join(_ASCII_CLASSES) + r")\})")
_FLAGS = regex.compile(r"\(\?([a-zA-Z]*)(?:-[a-zA-Z]+)?[:)]")
_UNICODE_FLAGS = regex.compile(r"\(\?(?=[a-zA-Z]*[duU])([a-ce-tv-z]*)[duU]+([a-z]*)(?=[-:)])")
_REPEATED = regex.compile(r"\d+(?:,\d*)?\}")
_CLASS = regex.compile(r"\{(?:(Is|In)?([A-Za-z_]+))\}|([A-Za-z])")


def found_anywhere(pattern: str) -> Callable[[str], bool] | None:
    """
    Compile an expression.

    Returns:
        Whether a text has a match somewhere; None for an expression that Java refuses.
    """
    try:
        ascii_only = _PROPERTY.search(pattern) is None and _UNICODE_FLAGS.search(pattern) is None
        compiled = regex.compile(_translated(pattern), regex.V1 | (regex.ASCII if ascii_only else regex.UNICODE))
    except (regex.error, ValueError, OverflowError, RecursionError, IndexError):
        return None
    faults = 0

    def found(text: str) -> bool:
        nonlocal faults
        if faults >= _MAX_FAULTS:
            return False
        try:
            return compiled.search(text, timeout=_SECONDS) is not None
        except TimeoutError:
            faults += 1
            return False

    return found


def _translated(pattern: str) -> str:
    """
    Write an expression so that `regex` reads what Java does.

    Raises:
        ValueError: If Java refuses it.
    """
    written: list[str] = []
    pattern = _UNICODE_FLAGS.sub(r"(?\1\2", pattern)
    dot = "." if any("s" in flags for flags in _FLAGS.findall(pattern)) else rf"[^{_LINE_ENDS}]"
    depth = position = classes = 0
    while position < len(pattern):
        character = pattern[position]
        if character == "\\":
            piece, position = _escape(pattern, position, within=classes > 0)
            written.append(piece)
            continue
        position += 1
        if character == "[":
            classes += 1
            negated = "^" if pattern.startswith("^", position) else ""
            position += len(negated)
            first = r"\]" if pattern.startswith("]", position) else ""  # the first one is itself
            position += bool(first)
            written.append(f"[{negated}{first}")
        elif classes:
            classes -= character == "]"
            written.append("\\" + character if character in ":|~" else character)
        elif character == ".":
            written.append(dot)
        elif character == "{" and not _REPEATED.match(pattern, position):
            raise ValueError("a brace without a number")
        else:
            depth += (character == "(") - (character == ")")
            if depth > _MAX_DEPTH:
                raise ValueError("too many groups within each other")
            written.append(character)
    return "".join(written)


def _escape(pattern: str, position: int, *, within: bool) -> tuple[str, int]:
    """Write what a backslash begins; return it and where it ends."""
    character = pattern[position + 1]
    after = position + 2
    if character == "Q":
        end = pattern.find(r"\E", after)
        quoted = pattern[after:] if end < 0 else pattern[after:end]
        return regex.escape(quoted, special_only=False), len(pattern) if end < 0 else end + 2
    if character in "pP":
        match = _CLASS.match(pattern, after)
        if match is None:
            raise ValueError("a class without a name")
        name = match[2] or match[3]
        plain = None if match[1] else _ASCII_CLASSES.get(name)
        if plain is None:
            return rf"\{character}{{{name}}}", match.end()
        return (f"[{plain}]" if character == "p" else f"[^{plain}]"), match.end()
    if character.isascii() and character.isalpha() and character not in _LETTERS:
        raise ValueError("an escape that means nothing")
    if character in _ESCAPES:
        return _ESCAPES[character], after
    if character in _ANCHORS and not within:
        return _ANCHORS[character], after
    return pattern[position:after], after
