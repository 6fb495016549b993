"""
Texts: what the text of a syslog message says itself, once the header is off.

JSON and pairs of loggers are read as everywhere else, and so is a traceback; any other text stays as it is, because
the header has said level and time. Like a GELF document in a text, a logger's record goes before the header, whose
priority is often that of whoever forwards it.
"""

from __future__ import annotations

import re

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.gelf.keys import note
from gelf_listener.codec.syslog.stamps import Clock
from gelf_listener.codec.text.origin import Origin
from gelf_listener.codec.text.reader import TextReader, read_text
from gelf_listener.codec.text.reading import Reading
from gelf_listener.notes import Deviation, Note

CEE = "@cee:"
"""The cookie of Common Event Expression: JSON follows."""
NO_TAG = ": @cee:"
"""What cee-syslog-handler sends: a tag without a name before the cookie."""

_PAIRS = re.compile(r"[A-Za-z_@][\w.@/-]{0,60}=")
_ESCAPE = re.compile(r"#(?:011|012|015|033\[[0-9;]*m)(?![0-9a-fA-F]{3}(?![0-9A-Za-z]))|(?<=\S)(?:#000)+\Z")
"""
What rsyslog puts in place of tabs, line ends, colours, and the NUL at the end of what Python's handler sends; a colour
of CSS such as #012abc is left alone.
"""
_UNDONE = {"#011": "\t", "#012": "\n", "#015": "\r"}
_APART = re.compile(r"(?:\A|\s|[(:;])#01[125](?:\Z|[\s,.;:)])")
"""A number among words, such as ``issue #012 is fixed``."""
_ORIGIN = Origin("", 6)
_ESCAPED_NOTE = (note(Deviation.SYSLOG_ESCAPES),)


def undo_escapes(text: str) -> tuple[str, tuple[Note, ...]]:
    """Undo rsyslog's escapes of control characters; return the text and a note if there was something to undo."""
    found = _ESCAPE.findall(text)
    if not found or ('{"' in text and text.rstrip().endswith("}")) or (len(found) == 1 and _APART.search(text)):
        return text, ()
    return _ESCAPE.sub(lambda match: _UNDONE.get(match[0], ""), text).rstrip("\r\n"), _ESCAPED_NOTE


def read_body(text: str, clock: Clock) -> Reading | None:
    """
    Read a text that is a record of a logger, or has a trace in it; None for any other.

    Args:
        text: Without header.
        clock: How times are read.
    """
    stripped = text.removeprefix(CEE).lstrip()
    if "\n" in text and stripped[:1] != "{":
        return _trace(text, clock)
    if not (stripped[:1] == "{" or _PAIRS.match(text)):
        return None
    reading = read_text(stripped, clock.now, clock.zone)
    return None if reading.text == stripped else reading


def _trace(text: str, clock: Clock) -> Reading | None:
    """Read several lines as one message with a trace; None when they are anything else."""
    reader, batch = TextReader(zone=clock.zone), Batch()
    for line in text.split("\n"):
        reader.take(line.encode("utf-8", "replace"), clock.now, _ORIGIN, batch)
    reader.release(clock.now, batch)
    first = batch.messages[0] if batch.messages else None  # nothing but blank lines
    if first is None or first.full_message is None:
        return None
    full = first.full_message if len(batch.messages) == 1 else text
    return Reading(first.short_message, full, None, None, "", {})
