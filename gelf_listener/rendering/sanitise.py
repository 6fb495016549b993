"""
Sanitise: text from a peer made safe to show.

A log line must neither drive the terminal it is shown on nor pass for another line (CWE-117, CWE-150; CVE-2009-4487
is the precedent). Unsafe are: C0 and C1 control characters, DEL, the bidirectional controls U+061C, U+200E/F, U+202A-E
and U+2066-9, the separators U+2028/9, and lone surrogates, which no encoder takes. They are shown as
escapes, not removed: what was sent stays readable.

Zero-width joiners stay, as emoji and several scripts need them.
"""

from __future__ import annotations

import re

_CONTROL_BYTES = bytes([*range(32), 127])
"""The unsafe characters of ASCII."""

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_UNSAFE_QUOTED = re.compile(_UNSAFE.pattern[:-1] + r'"\\]')
_NAMED = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}
_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")

_UNSAFE_UTF8 = (
    # The first byte is a literal of its own: the search then runs at memchr's speed over text without it.
    (b"\xc2", re.compile(rb"\xc2[\x80-\x9f]")),
    (b"\xd8", re.compile(rb"\xd8\x9c")),
    (b"\xe2", re.compile(rb"\xe2(?:\x80[\x8e\x8f\xa8-\xae]|\x81[\xa6-\xa9])")),
)


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    named = _NAMED.get(character)
    if named is not None:
        return named
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def _escape_quoted(match: re.Match[str]) -> str:
    character = match[0]
    return "\\" + character if character in '"\\' else _NAMED.get(character) or f"\\u{ord(character):04x}"


def _escape_utf8(match: re.Match[bytes]) -> bytes:
    return b"\\u%04x" % ord(match[0].decode())


def clean(text: str) -> str:
    r"""Return the text on one line with every unsafe character as an escape such as ``\n``, ``\x1b`` or ``\u202e``."""
    # isprintable() is twice as fast as the search and refuses all that is unsafe (and some that is not).
    return text if text.isprintable() else _UNSAFE.sub(_escape, text)


def clean_text(text: str) -> str:
    """Do as `clean`, but drop colour sequences: they say nothing, and many services behind Docker send them."""
    if text.isprintable():
        return text
    return _UNSAFE.sub(_escape, _COLOUR.sub("", text) if "\x1b" in text else text)


def is_clean(text: str) -> bool:
    """Tell whether a text has no unsafe character."""
    return text.isprintable() or _UNSAFE.search(text) is None


def replace_unsafe(text: str, character: str) -> str:
    """Return the text with a character in place of every unsafe one."""
    return text if text.isprintable() else _UNSAFE.sub(character, text)


def count_unsafe(text: str) -> int:
    """Return how many unsafe characters a text has."""
    return len(_UNSAFE.findall(text))


def count_unsafe_bytes(text: bytes) -> int:
    """Do as `count_unsafe` for UTF-8, at the speed of the C library where there are few."""
    count = len(text) - len(text.translate(None, _CONTROL_BYTES))
    if not text.isascii():
        for first, unsafe in _UNSAFE_UTF8:
            if first in text:
                count += len(unsafe.findall(text))
    return count


def quote(text: str) -> str:
    r"""Return the text in double quotes, with ``"``, ``\`` and every unsafe character escaped as JSON has it."""
    return f'"{_UNSAFE_QUOTED.sub(_escape_quoted, text)}"'


def escape_json(document: bytes) -> bytes:
    r"""
    Escape what JSON leaves as it is but a terminal minds; the document's meaning stays the same.

    Args:
        document: Valid JSON in UTF-8, one or many lines. DEL, C1 and bidi controls can only stand inside
            strings there, never after a backslash, so ``\uXXXX`` may replace them byte by byte; a carriage
            return can only stand between tokens, so a space may replace it.

    Returns:
        The same object when there was nothing to do, which costs 0.05 microseconds for 400 bytes of ASCII.
    """
    if b"\r" in document:
        document = document.replace(b"\r", b" ")
    if b"\x7f" in document:
        document = document.replace(b"\x7f", b"\\u007f")
    if not document.isascii():
        for first, unsafe in _UNSAFE_UTF8:
            if first in document:
                document = unsafe.sub(_escape_utf8, document)
    return document
