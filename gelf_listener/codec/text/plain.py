"""
Plain lines: level and time from what loggers write in front of a text.

Nearly all formats are one: a time, then some of brackets, names, numbers and marks, and among them the level. So a line
is read word by word, as long as its words look like a header (`_Header`), and no further: `INFO no error found` is
information, and prose has no level. What does not fit is a `Shape`, tried by the first character of a line. Either way
the text stays whole; level and time are copied out of it.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import NamedTuple

from gelf_listener.codec.levels import LEVEL_LETTERS, LEVEL_NAMES
from gelf_listener.codec.text.header_shapes import NO_HEADER, SHAPES, Header, Shape
from gelf_listener.codec.text.languages import LEVELS as OTHER_LANGUAGES
from gelf_listener.codec.text.languages import MONTHS
from gelf_listener.codec.text.reading import Reading
from gelf_listener.codec.text.stamps import Stamp, read_stamp, whole_seconds
from gelf_listener.codec.text.tool_shapes import TOOL_SHAPES
from gelf_listener.codec.text.traces import throws_within

_BARE = (
    "TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERR|ERROR|SEVERE|CRIT|CRITICAL|FATAL|VERBOSE|INFORMATION|DPANIC"
    "|WRN|FTL|DBG|VRB|INF|TRC|ERRO|DEBU|FATA|PANI|TRAC|EROR|DBUG|DEBG|TRCE|FINEST|FINER"
    "|EMER|NFO|WARNI|SEVER|CRITI|NOTIC|DDEBUG|SUBDEBUG"
)
"""Levels that are one wherever they stand in a header; in capitals: in small letters they are words of a sentence."""

_MARKED = frozenset((
    *("alert", "emerg", "emergency", "panic", "fine", "config", "success", "log", "note", "system", "shout", "silly"),
    *("debug1", "debug2", "debug3", "debug4", "debug5", "http", "deprecated", "deprecation"),
))  # fmt: skip
"""Levels that are one only behind a time or between marks: they are too much like words."""

_CAPITALS = {word: LEVEL_NAMES[word.lower()] for word in _BARE.split("|")}
_MARKED_CAPITALS = {word.upper(): LEVEL_NAMES[word] for word in _MARKED}
_BEFORE_COLON = {
    word: LEVEL_NAMES[word]
    for word in (
        *("trace", "debug", "info", "notice", "warn", "warning", "err", "error", "severe", "crit", "critical", "fatal"),
        *(
            "panic",
            "emerg",
            "emergency",
            "alert",
            "verbose",
            "silly",
            "fail",
            "dbug",
            "trce",
            "debug1",
            "debug2",
            "debug3",
        ),
    )
}
"""Levels in any letters with a colon behind them: ``error: x``, ``Warning: x``."""
_SHORT = {word: LEVEL_NAMES[word] for word in ("err", "wrn", "inf", "dbg", "trc", "ftl", "vrb", "nfo")}
"""Levels that are one in small letters behind a time, because they are no words."""

_OFFSET = re.compile(r"([A-Z]{3,8})[+-]\d{1,2}\Z")
"""Levels of one's own, named by the one below: ``INFO+2`` (Go's slog), ``INF+2`` (tint)."""

_COMMON = re.compile(
    r"[\[(]?(\d{4}[-/.]\d\d[-/.]\d\d[T ][\d:]{8})(?:[.,](\d{1,6}+)(?!\d))?( ?(?:Z|[+-]\d\d:?\d\d|UTC|GMT)(?![\w:.]))?"
    r"\]?[\s|:-]*+(?:[\[(<]?([A-Z]{3,11}+)(?=[\])>|:\s]|\Z)|[\[<]\s*+([A-Za-z]{2,13}+)\s*+[\]>])",
    re.ASCII,
)
"""A time, then the level: half of the lines there are in one match (see `make bench`, stdin)."""

_WEAK = frozenset(("http", "log", "note", "system"))
"""Levels in small letters or with one capital that are also names: of loggers and threads, when a level follows."""
_NAMES_TOO = frozenset(("config", "default", "fine", "spam"))
"""Levels that are names when they are not in capitals."""
_LEVEL_NEXT = re.compile(
    r"[\])>|\s:-]{1,6}+(?:[\[(<] ?)?"
    r"(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERR|ERROR|SEVERE|CRITICAL|FATAL) ?(?=[\])>|:\s])"
)

_MOST_NEXT = 24
"""Characters in which it begins."""

_COMMON_LEVELS = {
    **_CAPITALS,
    **{word: level for word, level in LEVEL_NAMES.items() if word not in _MARKED | _WEAK | _NAMES_TOO},
    **{word.title(): level for word, level in LEVEL_NAMES.items() if word not in _WEAK | _NAMES_TOO},
}
"""Levels by the words that `_COMMON` finds; what is missing is looked at word by word."""
_WARNING = 4
_GRAVE_LEVELS = {word: level for word, level in _COMMON_LEVELS.items() if level <= _WARNING}
"""Those of lines that say what was thrown: the rest of it may follow."""
for _word in _GRAVE_LEVELS:
    del _COMMON_LEVELS[_word]

_PROSE = re.compile(
    r"([A-Za-z][a-z]*+) "
    r"(?:(?=[a-df-vx-z])|(?=[A-Zew0-9])"
    r"(?!\d{1,3}\.\d{1,3}\.|(?:\d{1,4} )?20\d\d-\d|(?:[A-Z]{3,9}|[EeWw](?:rror|arning))[:!]))"
)
"""
Two words of a sentence: there is no header, unless the first is the name of a month, or of a few programs, or the
second is a level that somebody says.
"""

_WORD = re.compile(
    r"""([\s\[\](){}<>|*:,;!-]*+)        # what stands between: brackets and marks
        ([^\s\[\](){}<>|*:,;!]{1,100}+)  # a word
    """,
    re.VERBOSE,
)
_MOST_WORDS = 16
_MOST_CHARACTERS = 160
"""How far a header may go."""

_OPENING, _CLOSING = "[(<{", "])>}"
_SENTENCE = frozenset(
    "a an and any are as at be by can cannot every for found from get gets getting got has have how if in is it its "  # noqa: SIM905  (words)
    "logged never new no not of on or our raise raised received return returned returns sees seen set some that the "
    "this to unknown user was we when will with without you your".split()
)
"""Words that a logger or a thread is not called: what follows them is a sentence."""

_PHRASES = {
    **dict.fromkeys(("fatal error", "parse error", "catchable fatal error", "recoverable fatal error"), 3),
    **dict.fromkeys(("core error", "compile error", "user error", "config error", "options error"), 3),
    **dict.fromkeys(("uncaught exception", "unhandled exception"), 3),
    **dict.fromkeys(("internal server error", "wordpress database error"), 3),
    **dict.fromkeys(
        ("warning", "deprecation warning", "core warning", "compile warning", "user warning", "php warning"), 4
    ),
    **dict.fromkeys(("notice", "user notice", "strict standards"), 5),
    **dict.fromkeys(("deprecated", "user deprecated"), 4),
}
_NOT_PROSE = frozenset(
    "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec Mon Tue Wed Thu Fri Sat Sun PHP npm "  # noqa: SIM905  (words)
    "Fatal Parse Catchable Recoverable Core Compile User Uncaught Unhandled Strict E W I D F A N V "
    "CMake OpenJDK Java lerna Full Error Raised thread Catalog Binder Parser Constraint WordPress "
    "error warning warn Warning Options Detected Jicofo Jigasi Jibri "
    "fatal parse catchable recoverable core compile user uncaught unhandled strict "
    "Current Thread Stack Exception Traceback Emitted Extension Unhandled goroutine created exit terminate stack "
    "Terminating Aborting Kernel Segmentation Bus Illegal Floating double corrupted "
    "Not Bad Forbidden Method Unauthorized not test unable Failure In Build ok "
    "Configuration Theme Application query rake Finished "
    "Node Bun Next During The Thrown Caused Wrapped http https ws wss Started L RL".split()
).union(MONTHS)
_PHRASE = re.compile(
    rf"(?:PHP )?({'|'.join(sorted(_PHRASES, key=len, reverse=True))})(?:: |(?<=database error) )", re.IGNORECASE
)
"""Levels of two words, PHP's above all."""
_PHRASE_STARTS = frozenset(phrase[0].upper() for phrase in _PHRASES) | {"P"}

_PAIRS = frozenset(opening + closing for opening in "[<(" for closing in "])>") | {"||"}
"""What a level stands between: brackets of any kind, or bars."""
_ENDS_LEVEL = frozenset(("", *" \t\r]):;>|*,[", "\u2009"))  # pnpm: a thin blank
_SAYS_A_VALUE = re.compile(
    r": *(?:true|false|yes|no|on|off|none|null|nil|enabled|disabled|0%?|\{\}|\[\]|\"\"|'')\s*\Z", re.IGNORECASE
)
"""What is behind a level that is the name of a setting: ``debug: true``, ``error: null``."""

_DOVECOT = re.compile(r"[^:]{1,200}(?::[^:\s]{1,60}){0,8}?: (Panic|Fatal|Error|Warning|Info|Debug): ")
"""What Dovecot writes behind the header of syslog: ``imap(user)<7><abc>: Error: x``."""

_PREFIX = re.compile(r"[A-Za-z][\w.-]{0,40}?(?=\d{4}/\d\d/\d\d\Z)", re.ASCII)
"""What Go's log has right in front of a date, where its prefix ends without a blank: ``raft2026/11/28 10:00:00``."""
_PID = re.compile(r"\[\d{1,10}(?::\d{1,10})?\] |\(\d{1,10}\): ")
_NAMED = re.compile(r"([A-Za-z][\w.-]{0,40}) ([A-Z]{3,9}|[EeWw](?:rror|arning))(?:: |! )")
"""A level behind the name of who says it: ``ice ERROR: x``, ``Database error: x``."""
_OF_A_NAME = {**_CAPITALS, "ERR!": 3, "error": 3, "Error": 3, "ERR": 3, "warning": 4, "Warning": 4}
_NOT_A_NAME = (
    _SENTENCE
    | LEVEL_NAMES.keys()
    | {"last", "most", "next", "other", "same", "such", "these", "those", "where", "which", "while"}
)
_NOWHERE: dict[str, int] = {}
_BEHIND_A_CLOCK = {"warn": 4, "Warn": 4}
"""Levels right behind a time of day that are no nouns: ``error rate``, ``Warning signs``."""
_BEHIND_A_TIME = {
    **_BEHIND_A_CLOCK,
    **{word: LEVEL_NAMES[word] for word in ("trace", "debug", "info", "error", "fatal")},
}
"""The same behind a date and a time of day, as winston's formats of one's own have them."""
_OF_A_NOUN = re.compile(
    r" (?:rate|count|handl|page|code|messag|budget|log|report|mode|trac|detail|desk|is|was|in|on|at|from|of|for)"
)
"""What shows that they are nouns all the same."""
_BEHIND_A_MARK = {
    **{word: LEVEL_NAMES[word] for word in ("trace", "debug", "info", "warn", "warning", "error", "fatal")},
    **{word.title(): LEVEL_NAMES[word] for word in ("trace", "debug", "info", "warn", "warning", "error", "fatal")},
}
"""Levels right behind a symbol: LogTape, adze."""
_NAME = re.compile(r"[^A-Za-z]|[a-z][A-Z]")
"""What tells a name from a word: a digit, a dot, a slash, capitals within."""

_SHAPES = (*TOOL_SHAPES, *SHAPES)
_shapes: dict[str, tuple[Shape, ...]] = {}
"""Those that a line may have, by its first two characters."""
_MAX_STARTS = 4096


def _shapes_of(start: str) -> tuple[Shape, ...]:
    """Return the shapes of lines that start so, and remember them."""
    if len(_shapes) >= _MAX_STARTS:
        _shapes.clear()
    shapes = tuple(shape for shape in _SHAPES if not shape.starts or start.startswith(tuple(shape.starts)))
    _shapes[start] = shapes
    return shapes


def read_header(text: str, now: float, zone: dt.tzinfo | None = None) -> Header:
    """
    Read the header of a line.

    Args:
        text: Without colours.
        now: UTC Unix seconds, for times without a year and for what is absurd.
        zone: Of times without an offset; None: this machine's.
    """
    common = read_common(text, now, zone)
    if common is not None:
        return Header(common[0], common[1], True)
    if is_prose(text):
        return NO_HEADER
    start = text[:2]
    for shape in _shapes.get(start) or _shapes_of(start):
        match = shape.pattern.match(text) if shape.needs in text else None
        if match is not None:
            header = shape.read(match, now, zone)
            return header if not header.rest else _with_rest(header, text, now, zone)
    return _said_by(text) or _words(text, now, zone)


def _said_by(text: str) -> Header | None:
    """Read a level behind the name of who says it."""
    match = _NAMED.match(text)
    level = None if match is None or match[1].lower() in _NOT_A_NAME else _OF_A_NAME.get(match[2])
    if match is None or level is None or _PHRASE.match(text) or _SAYS_A_VALUE.match(text, match.end(2)):
        return None
    if text[match.end(2) :].strip(": .%").isdecimal():
        return None  # Total ERROR: 5
    return Header(level, None, False, True)


def _with_rest(header: Header, text: str, now: float, zone: dt.tzinfo | None) -> Header:
    """Fill in what a header lacks from the one behind it."""
    rest = _words(text[header.rest : header.rest + _MOST_CHARACTERS], now, zone)
    if header.fields.get("application_name") == "dovecot" and (said := _DOVECOT.match(text, header.rest)):
        rest = rest._replace(level=2 if said[1] == "Panic" else LEVEL_NAMES[said[1].lower()], guessed=False)
    return header._replace(
        level=rest.level if header.level is None else header.level,
        guessed=header.level is None and rest.guessed,
        seconds=rest.seconds if header.seconds is None else header.seconds,
        stamped=header.stamped or rest.stamped,
    )


def is_prose(text: str) -> bool:
    """Whether a line begins like a sentence: it has no header, and neither begins a trace nor goes on with one."""
    match = _PROSE.match(text)
    return match is not None and match[1] not in _NOT_PROSE


def read_common(text: str, now: float, zone: dt.tzinfo | None) -> tuple[int, float | None] | None:
    """
    Read the header that is most common: a time in ISO 8601 or the like, and the level behind it.

    Returns:
        Level and time; None when the line begins otherwise, or says what was thrown, of which more may follow.
    """
    match = _COMMON.match(text)
    if match is None:
        return None
    whole, fraction, named, word, marked = match.groups()
    level = _COMMON_LEVELS.get(word or marked)
    if level is None:
        level = _GRAVE_LEVELS.get(word or marked)
        if level is None or throws_within(text):
            return None
    seconds = whole_seconds(whole if named is None else whole + named, now, zone)
    if fraction is None or seconds is None:
        return level, seconds
    return level, seconds + float("0." + fraction)


def read_usual(text: str, now: float, zone: dt.tzinfo | None) -> Reading | None:
    """Read what most texts are, as `TextReader.take_all` does: one line of prose, or a time and a level before it."""
    if not text or "\n" in text or "\x1b" in text:
        return None
    if text[0] in "[0123456789":
        common = read_common(text, now, zone) if text[-1] not in "\r\0}" else None
        return None if common is None else Reading(text, None, *common, "", {})
    return Reading(text, None, None, None, "", {}) if "=" not in text and is_prose(text) else None


def _unquoted(text: str) -> str:
    """Return values in quotes without them; a heading or a comment is no header."""
    if text[:1] == "#" and text.lstrip("#")[:1] == " ":
        return ""
    return text[:_MOST_CHARACTERS].replace('"', " ") if text[:1] == '"' and text[1:2].isdecimal() else text


class _Word(NamedTuple):
    """A word of a header and what is around it."""

    opened: str
    """The mark before it, blanks left out."""
    text: str
    behind: str
    """The character behind it."""
    beyond: str
    """The first character behind it that is not a blank."""
    stamped: bool
    """Whether a time came before."""
    padded: bool
    """Whether two blanks are behind it, as in a column."""
    rest: str
    """What is behind it."""


def _words(text: str, now: float, zone: dt.tzinfo | None) -> Header:
    """Read word by word, as long as it looks like a header."""
    text = _unquoted(text)
    level: int | None = None
    seconds: float | None = None
    stamped = guessed = False
    unmarked = _NOWHERE
    at = plain = depth = 0
    for number in range(_MOST_WORDS):
        match = _WORD.match(text, at)
        if match is None or at > _MOST_CHARACTERS:
            break
        before, word = match.groups()
        depth, start = _depth(depth, before), match.start(2)
        if not stamped or seconds is None:
            stamp = read_stamp(text, start, now, zone) if (number == 0 or depth or not plain) else None
            stamp = stamp or (_behind_prefix(word, text, start, now, zone) if number == 0 else None)
            if stamp is not None and _is_of_something(before, text, start, number, said=level is not None):
                break
            if stamp is not None and stamp.seconds is None and before == ":":
                stamp = None  # main.rs:12:18
            if stamp is not None and (stamp.seconds is not None or not stamped):
                stamped, seconds = True, stamp.seconds
                at, unmarked = stamp.end, (_BEHIND_A_CLOCK if seconds is None else _BEHIND_A_TIME)
                if level is not None:
                    break
                continue
        end = match.end()
        if level is None:
            behind, padded = text[end : end + 1], text[end : end + 2] == "  "
            level = _level_of(
                _Word(
                    before.rstrip()[-1:],
                    word,
                    behind,
                    _beyond(text, end),
                    stamped,
                    padded,
                    text[end : end + _MOST_NEXT],
                )
            )
            if level is None and not plain and word[0] in _PHRASE_STARTS and (phrase := _PHRASE.match(text, start)):
                level = _PHRASES[phrase[1].lower()]
            guessed = plain > 0
            if level is None and word in unmarked and behind == " " and not _OF_A_NOUN.match(text, end):
                level, guessed = unmarked[word], before.strip() != "-" and _beyond(text, end) not in "|-"
            if level is not None:
                if not stamped and _is_none(text, start, end, number):
                    return NO_HEADER
                at = end
                if stamped:
                    break
                continue
        elif depth == 0 and not before.rstrip().endswith(("-", "[")):
            break  # behind the level only what is in brackets may be a time
        unmarked = _NOWHERE if word.isascii() or word[0].isalnum() else _BEHIND_A_MARK
        if depth == 0 and not _NAME.search(word) and not (text[end : end + 1] == "[" and _PID.match(text, end)):
            plain += 1
            marked = stamped or any(mark in before + text[end : end + 3] for mark in "-:|")
            if plain > 1 or not marked or word.lower() in _SENTENCE:
                break
        at = end
    if level is None and seconds is None and not stamped:
        return NO_HEADER
    return Header(level, seconds, stamped, guessed)


def _behind_prefix(word: str, text: str, start: int, now: float, zone: dt.tzinfo | None) -> Stamp | None:
    """Read a time that begins within the first word."""
    match = _PREFIX.match(word)
    return None if match is None else read_stamp(text, start + match.end(), now, zone)


def _is_of_something(before: str, text: str, start: int, number: int, *, said: bool) -> bool:
    """Whether a time is not the line's, but that of a header of HTTP, or of the build of a version."""
    if ":" in before and text[start + 3 : start + 5] == ", ":
        return True  # Last-Modified: Sat, 28 Nov 2026 10:00:00 GMT
    return number > 1 and not said and before.endswith("(")  # slapd 2.5.13 (Feb  8 2023 01:56:12)


def _is_none(text: str, start: int, end: int, number: int) -> bool:
    """Whether what looks like a level is a setting, or a part of a table or of markup: no text follows it."""
    word, rest = text[start:end], text[end : end + _MOST_NEXT].strip()
    if not rest:
        return number > 0 or "=" in word
    if rest in ("]", ":"):
        return word.islower() and (rest == "]" or text[0] == " ")
    return (
        (rest[0] == ":" and _SAYS_A_VALUE.match(rest) is not None)
        or (rest[-1] == "|" and text.lstrip()[0] == "|")
        or (rest[0] == ">" and f"</{word}>" in rest)
    )


def _depth(depth: int, marks: str) -> int:
    """Return how many brackets are open behind some marks."""
    for mark in marks:
        if mark in _OPENING:
            depth += 1
        elif mark in _CLOSING and depth:
            depth -= 1
    return depth


def _beyond(text: str, at: int) -> str:
    """Return the first character from a place on that is not a blank."""
    while text[at : at + 1] == " ":
        at += 1
    return text[at : at + 1]


def _level_of(at: _Word) -> int | None:
    """Return the level that a word of a header is; None when it is none."""
    word, behind = at.text, at.behind
    if word in _CAPITALS:
        return _CAPITALS[word] if behind in _ENDS_LEVEL else None
    between = at.opened != "" and at.opened + at.beyond in _PAIRS
    marked = behind == ":" or between
    if word in _MARKED_CAPITALS and (marked or (at.stamped and word != "HTTP")):  # HTTP begins many a sentence
        return _MARKED_CAPITALS[word]
    lower = word.lower()
    if lower in _BEFORE_COLON and (behind == ":" or (at.stamped and at.beyond == ":")):
        return _BEFORE_COLON[lower]
    if behind == ":" and word in OTHER_LANGUAGES:
        return OTHER_LANGUAGES[word]
    if lower in LEVEL_NAMES and not word.isupper() and lower not in _NAMES_TOO:
        if lower in _WEAK and _LEVEL_NEXT.match(at.rest):
            return None
        if between or (at.stamped and at.beyond == "\t") or (at.opened == ":" and behind == "]"):  # [core:error]
            return LEVEL_NAMES[lower]
        if at.stamped and (at.padded or at.beyond == "[") and word in _BEFORE_COLON:  # warning [MAIN  ]: Corosync
            return _BEFORE_COLON[word]
        return _SHORT.get(word) if at.stamped and behind == " " else None
    return _level_within(at, between)


def _level_within(at: _Word, between: bool) -> int | None:
    """Return the level that is a part of a word."""
    word = at.text
    if "/" in word:  # WARNING/MainProcess: Celery; Server thread/WARN: Minecraft
        first, *between_slashes, last = word.split("/")
        level = _CAPITALS.get(first)
        if level is None and at.stamped and at.behind == ":" and first:  # warning/cli: Icinga; host/ERROR/main: Locust
            level = LEVEL_NAMES.get(first) or next(filter(None, map(_CAPITALS.get, between_slashes)), None)
        return _CAPITALS.get(last) if level is None and at.behind == "]" else level
    if "#" in word and at.behind == "]":  # app.web#critical: Twisted
        return LEVEL_NAMES.get(word.rpartition("#")[2])
    if "." in word and (at.behind == ":" or (between and at.behind in "]>")):  # production.ERROR: Laravel; Craft
        last = word.rpartition(".")[2]
        if at.behind == ">" and at.stamped:  # <local3.err>: Solace
            return LEVEL_NAMES.get(last)
        return _CAPITALS.get(last, _MARKED_CAPITALS.get(last))
    if "=" in word:
        key, _, value = word.partition("=")
        return LEVEL_NAMES.get(value.strip('"').lower()) if key in ("level", "lvl", "severity") else None
    if word.startswith("LOG_"):  # Quill
        return _CAPITALS.get(word[4:])
    if "+" in word or "-" in word:
        offset = None if between else _OFFSET.match(word)  # [ERROR-1] is a thread
        return None if offset is None else _CAPITALS.get(offset[1])
    if at.stamped and between and len(word) == 1 and at.behind == "]":  # [E]: beego, Gitea
        return LEVEL_LETTERS.get(word)
    return None
