"""
BSD syslog (RFC 3164) and what devices made of it: the header behind the priority.

The RFC describes what was seen in 2001, not what is right. A header is a time stamp, a host and a tag, and each may be
missing. What a device puts between them is a row of `_BEFORE_TAG`; what it puts in front of the time is Cisco's, and
read by `cisco`; a text without a header that says everything itself is a row of `devices`. A word is taken for the host
when what follows it shows that it is one. Otherwise it is noted as guessed if it looks like a name, and left in the
text if it does not.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from gelf_listener.codec.gelf.keys import note
from gelf_listener.codec.levels import LEVEL_NAMES
from gelf_listener.codec.syslog.cisco import Prefix, read_prefix
from gelf_listener.codec.syslog.devices import SAYS_MORE, read_device
from gelf_listener.codec.syslog.stamps import MONTHS, Clock, read_stamp, usual_stamp
from gelf_listener.codec.zones import ZONES
from gelf_listener.message import FieldValue
from gelf_listener.notes import Deviation, Note

_MONTH = "|".join(month.title() for month in MONTHS)
_PLAIN = re.compile(
    rf"({_MONTH}) ([ 0-3][0-9]) ([0-9:]{{8}}) "
    r"([A-Za-z0-9][\w.-]{0,254}) ([^\s:\[\]%,<>]{1,128})(?:\[([^\]\s]{1,64})\])?: ",
    re.ASCII,
)
"""Exactly what the RFC describes: everything in one match (see `make bench`, syslog)."""

_TAG = re.compile(
    r"(?P<app>[^\s:\[\]%,<>]{1,128})(?: (?=\[\d{1,10}(?::\d{1,10})?\]: ))?"  # Yealink puts a blank behind the name
    r"(?:\[(?P<pid>[^\]\s]{1,64})\](?:: ?|(?= (?:<\w{1,20}>|\([^\s()]{1,128}\)): ))"
    r"|:(?:[ ]+|\Z))"
)
"""Name and process id; macOS puts a level or a service behind them, which stay in the text."""

_HOST = re.compile(r"[\w.:@/-]{1,255}", re.ASCII)
_ADDRESS = re.compile(
    r"\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:]*:[0-9a-fA-F:.%]*|[\w-]+(?:\.[\w-]+){2,}|localhost"
)
_NAME = re.compile(r"[\d._-]|[a-z][A-Z]|[A-Z]{2}")
"""What tells the name of a host from a word."""
_LEVEL_WORDS = frozenset(LEVEL_NAMES) | {name.upper() for name in LEVEL_NAMES} | {name.title() for name in LEVEL_NAMES}
_PROGRAMS = frozenset(("system", "System", "config", "Config", "log", "Log", "default", "Default"))
"""Levels that are programs more often: APC, Brocade and Peplink log as System."""
_FACILITIES = ("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp")
_PRIORITIES = frozenset(
    f"{facility}.{level}"
    for facility in (*_FACILITIES, *(f"local{number}" for number in range(8)))
    for level in ("emerg", "alert", "crit", "err", "warn", "warning", "notice", "info", "debug")
)
"""What BusyBox and OpenWrt write between host and tag: daemon.info."""
_NO_HOST = frozenset(("last", "message", "Message", "the", "The", *(name.upper() for name in LEVEL_NAMES)))
"""Words that stand where a host would, and are none: levels, and what syslogd itself says."""
_SENTENCE = frozenset(
    "a an and are as at be been by closed denied down failed for from has have in into is it lost message no not of on "  # noqa: SIM905  (words)
    "opened or repeated restarted started stopped that the this to up user was were will with".split()
)
"""Second words of a sentence: the first is not a host."""
_NO_TAG = (_LEVEL_WORDS - _PROGRAMS) | {"Severity", "Event", "Message", "message", "http", "https"}
"""Words with a colon that are not the name of a program."""

_VERBS = frozenset(("error", "failure", "timeout", "success"))
_ODD = _NO_HOST | _PRIORITIES | _NO_TAG | _VERBS | frozenset(ZONES)
"""Words that are looked at closely."""

_NAMED_VALUES = re.compile(r"[^,:]{1,60}, [A-Z][\w /]{1,30}: ")
"""What follows the first name of a list such as ``Severity: Informational, Category: Audit``."""

_BODY = re.compile(
    r": |CEF:\d|LEEF:\d|%{1,2}[A-Z0-9]|\{|@cee:|<\d|-- MARK --|last message repeated|message repeated"
    r"|(?:[A-Z]{2,12}:)?[A-Za-z_][\w.-]{0,40}=|\d{1,3},\d{4}/\d\d/\d\d |MSWinEventLog\s"
)
"""Beginnings of texts that stand behind a host: Cisco's, Huawei's, Comware's, Palo Alto's, CEF, LEEF, JSON, pairs."""

_CEF = re.compile(r"(?:CEF|LEEF):\s?\d")
_PRIORITY_FIRST = re.compile(r"([a-z0-9]{3,8}\.[a-z]{3,7}) (?=[\w.-]{1,255} [\w./-]{1,128}(?:\[\w{1,12}\])?: )")
"""Facility and level in front of the host: Cisco Meeting Server."""

_BEFORE_TAG = (
    re.compile(  # F5; BusyBox
        r"(?:[a-z0-9]{2,10}\.)?(?:emerg|alert|crit|err|error|warn|warning|notice|info|debug) (?=[\w/.-]+(?:\[\w+\])?: )"
    ),
    re.compile(r"(?P<message_id>\d{5}) (?=[\w-]+: )"),  # HP ProCurve
    re.compile(r"\[ ?[A-Z]{4,8} *\] (?=[\w./-]+\[\d+\]: )"),  # Axis
    re.compile(  # SONiC
        r"(?:EMERG|ALERT|CRIT|ERR|WARNING|NOTICE|INFO|DEBUG) (?=[\w.-]{1,40}#[\w/.-]{1,60}(?:\[\d+\])?: )"
    ),
    re.compile(r"<[\w.:]+ [0-9A-Fa-f:]{17}> +"),  # Aruba Instant
    re.compile(r"\(FPC Slot \d{1,3}, PIC Slot \d{1,3}\) (?=[\w-]{1,60}(?:\[\d+\])?: )"),  # Juniper's MS-MPC
    re.compile(r"\(\d{4}-[\dT:-]{14}\) (?=[a-z][\w-]{1,40}(?:\[\d+\])?: )"),  # WatchGuard, without its serial number
    re.compile(r"(?P<serial>[0-9A-F]{13})(?: \([\dT:-]{19}\))? (?=[a-z][\w-]{1,40}(?:\[\d+\])?: )"),  # WatchGuard
    re.compile(
        r"(?P<device>\(?\"?(?:[\w.+-]{1,64},)?[0-9A-Fa-f]{12},[\w.+-]{1,64}\"?\)?):? (?=[^\s:\[\]]+(?:\[\d+\])?: )"
    ),
)  # fmt: skip
"""What some put between host and tag, UniFi's access points last; a named group becomes a field."""

_FORWARDED = re.compile(r"Message forwarded from ([\w.-]{1,255}): |Original Address=([\w.:]{1,64}) +")
"""AIX and Kiwi name the sender of what they forward."""
_NETAPP = re.compile(r"\[(?:(?P<host>[\w-]+): ?)?(?P<app>[a-z]\w*(?:\.\w+)+):\w+\]: +")
_SPACED = re.compile(
    r"(?P<app>[A-Z][\w.-]{0,40}(?: [A-Z0-9][\w.-]{0,40}){1,3})\[(?P<pid>\d{1,10})\]: ?"
    r"|(?:sys|k)logd [\d.#a-z-]{1,20}(?=: )"
)
"""Programs whose names have blanks (macOS), and what syslogd says of itself."""
_AGAIN = re.compile(
    r"(?:: )?(?P<stamp>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[\d:.]{8,18}(?:Z|[+-]\d\d:?\d\d)) "
    r"(?P<host>[A-Za-z0-9][\w.:-]{0,254}) (?=[A-Za-z][\w./-]{0,63}\[\w{1,12}\]: )"
)
"""A whole header behind that of a relay, with a program and its process, so that it is one."""
_YEAR = re.compile(r"(?:19|20)\d\d")
"""What would be a host, and is the year behind the time."""
_NODE = re.compile(r"(?<=[\w.-])\(id\d{1,4}\)\Z")
"""The number of a node behind its name: Isilon."""
_NEXUS = re.compile(r"([A-Za-z][\w.-]{0,254}) (?=%[A-Z0-9_-]{1,60}-\d-)")
"""The name of a switch behind the time, as its own log file has it."""
_MERAKI = re.compile(r"1 \d{10}\.\d")
"""The header of its devices, in which the host is always there, and what kind of message it is comes behind it."""
_ISE = re.compile(r"(CISE_\w+) (?=\d{10} )")


class Header(NamedTuple):
    """
    What stands before the text of a BSD message, and the text.

    Attributes:
        text: The message.
        timestamp: UTC Unix seconds; None when there is none, or none that is a time.
        stamped: Whether something like a time stamp was there.
        host: Empty when absent.
        fields: ``application_name``, ``process_id``, ``sequence_number``, a device's pairs; ``original_timestamp``,
            the text of one that is not a time.
        notes: What was guessed.
    """

    text: str
    timestamp: float | None
    stamped: bool
    host: str
    fields: dict[str, FieldValue]
    notes: tuple[Note, ...] = ()
    is_read: bool = False
    """Whether the text is plain, or in a device's own way of writing, which was read: it needs no second look."""


class _Place(NamedTuple):
    """What stands before a text besides the time."""

    text: str
    host: str = ""
    guessed: bool = False
    """Whether nothing but its looks says that the host is one."""


def parse_bsd(text: str, clock: Clock) -> Header:
    """
    Take a text apart that follows a priority.

    Args:
        text: Without priority and without line end.
        clock: How times are read.
    """
    plain = _PLAIN.match(text)
    if plain is not None:  # what nearly all are
        month, day, time, host, app, process_id = plain.groups()
        if not (host in _ODD or app in _ODD or app.isdecimal() or _YEAR.fullmatch(host)) and (
            process_id or not (app[-2:] == "ed" or (app[0] <= "Z" and _NAMED_VALUES.match(text, plain.end())))
        ):
            fields: dict[str, FieldValue] = {"application_name": app}
            if process_id:
                fields["process_id"] = process_id
            timestamp = usual_stamp(month, day, time, clock)
            if timestamp is None:
                fields["original_timestamp"] = f"{month} {day} {time}"
            rest = text[plain.end() :]
            if SAYS_MORE.match(rest) is None:
                return Header(rest, timestamp, True, host, fields, (), True)
            return _with_device(Header(rest, timestamp, True, host, fields), clock)
    return _with_device(_parse(text, clock), clock)


def _parse(text: str, clock: Clock) -> Header:
    """Take a text apart step by step."""
    forwarded = _FORWARDED.match(text)
    if forwarded is not None:
        inner = _parse(text[forwarded.end() :], clock)
        return inner._replace(host=inner.host or forwarded[1] or forwarded[2])
    fields: dict[str, FieldValue] = {}
    prefix = read_prefix(text, clock)
    at, host = (0, "") if prefix is None else (prefix.end, prefix.host)
    if prefix is not None:
        fields.update(prefix.fields)
    stamp = read_stamp(text, clock, at)
    if stamp is None:
        rest = text[at:]
        return Header(rest if host or _is_cisco(rest) else _bare_tag(rest, fields), None, False, host, fields)
    if stamp.seconds is None:
        fields["original_timestamp"] = text[at : stamp.end].rstrip(" :")
    rest, seconds, notes = text[stamp.end :], stamp.seconds, stamp.notes
    second = read_stamp(rest, clock)
    if second is not None and second.seconds is not None and seconds is not None:  # TP-Link, and some relays
        rest, seconds, notes = rest[second.end :], second.seconds, second.notes
    place = _place(rest.removeprefix(": "), fields, clock, host, in_cisco=prefix is not None)
    if place.host and _MERAKI.match(text):
        place = place._replace(guessed=False)
        fields.setdefault("application_name", place.text.partition(" ")[0])
    if place.guessed:
        notes += (note(Deviation.GUESSED, "host", "the first word behind the time; no tag follows it"),)
    exact = fields.pop(_INNER, None)
    if isinstance(exact, float) and seconds is not None and abs(exact - seconds) <= _RELAYED_SECONDS:
        seconds = exact
    return Header(place.text, seconds, True, place.host, fields, notes)


_INNER = "inner time"
"""Where the time behind a relay's header stands for a moment; no field has a blank in its name."""
_RELAYED_SECONDS = 300.0
"""How far it may be from the relay's to be the more exact one."""


def _is_cisco(text: str) -> bool:
    """Whether a text begins like Cisco's %FACILITY-SEVERITY-MNEMONIC, or Comware's and Huawei's %%."""
    return text.startswith("%")


def _place(text: str, fields: dict[str, FieldValue], clock: Clock, host: str, *, in_cisco: bool) -> _Place:
    """Read host and tag behind a time stamp."""
    if _is_cisco(text):
        return _Place(text, host)
    named = _NEXUS.match(text) if in_cisco and not host else None
    if named is not None:
        return _Place(text[named.end() :], named[1])
    if host or in_cisco:
        tag = _TAG.match(text)
        return _Place(text if tag is None or not tag["pid"] else _untag(tag, text, fields), host)
    forwarded = _FORWARDED.match(text)
    if forwarded is not None:
        return _Place(_tagged(text[forwarded.end() :], fields), forwarded[1] or forwarded[2])
    netapp = _NETAPP.match(text)
    if netapp is not None:
        fields["application_name"] = netapp["app"]
        return _Place(text[netapp.end() :], netapp["host"] or "")
    tag = _tag(text)
    if tag is not None and not tag["pid"] and text[tag.end() :].lstrip()[:1] == "*":
        prefix = read_prefix(text, clock)  # Cisco's wireless controllers, behind a header
        if prefix is not None and prefix.host:
            return _of_prefix(prefix, text, fields, clock, prefix.host)
    if tag is not None:
        if tag["pid"] or not _is_cisco(text[tag.end() :]):
            return _Place(_untag(tag, text, fields))
        return _Place(text[tag.end() :], tag["app"])  # a device's name with a colon
    named = _PRIORITY_FIRST.match(text)
    if named is not None and named[1] in _PRIORITIES:
        return _behind_host(text[named.end() :], fields, clock)
    own = _before_tag(text, fields)
    if own:  # a device that has no name
        return _Place(_tagged(text[own:], fields))
    return _behind_host(text, fields, clock)


def _behind_host(text: str, fields: dict[str, FieldValue], clock: Clock) -> _Place:
    """Read a text that begins with a host, if it does."""
    first, blank, behind = text.partition("\t" if "\tMSWinEventLog\t" in text[:300] else " ")
    if first == "(none)":  # Linux without a host name
        return _Place(_tagged(behind.lstrip(" "), fields))
    bare = first[1:-1] if first[:1] == "[" and first[-1:] == "]" else first  # Aruba's controllers
    bare = _NODE.sub("", bare)
    if (
        not blank
        or not _HOST.fullmatch(bare)
        or bare in _NO_HOST
        or bare in _PRIORITIES
        or bare.isdecimal()
        or bare[-1] in ":-"
        or bare[0] == "-"
    ):
        return _Place(text)
    behind = behind.lstrip(" ").removeprefix(f"{bare} ")  # UniFi's consoles say their names twice
    at = _before_tag(behind, fields)
    netapp, ise = _NETAPP.match(behind), _ISE.match(behind)
    tag = _tag(behind[at:])
    if tag is not None:
        weak = (
            tag["pid"] is None and bare.isalpha() and bare.islower() and tag["app"].isalpha() and tag["app"].islower()
        )
        guessed = weak and _is_verb(tag["app"])
        return _Place(_untag(tag, behind[at:], fields), bare, guessed)
    if netapp is not None:
        fields["application_name"] = netapp["app"]
        return _Place(behind[netapp.end() :], bare)
    if ise is not None:
        fields["application_name"] = ise[1]
        return _Place(behind[ise.end() :], bare)
    spaced = _SPACED.match(behind)
    if spaced is not None:
        fields["application_name"] = spaced["app"] or spaced[0].partition(" ")[0]
        if spaced["app"] is None:
            return _Place(behind, bare)
        fields["process_id"] = spaced["pid"]
        return _Place(behind[spaced.end() :], bare)
    again = _AGAIN.match(behind)
    if again is not None:
        stamp = read_stamp(again["stamp"], clock)
        if stamp is not None and stamp.seconds is not None:
            fields[_INNER] = stamp.seconds
        if again["host"] != bare:
            fields["relay"] = bare
        return _Place(_tagged(behind[again.end() :], fields), again["host"])
    if _BODY.match(behind) or read_device(behind, clock) is not None:
        return _Place(behind.removeprefix(": "), bare)  # Cisco's ASA writes "host : %ASA-6-302013: ..."
    prefix = read_prefix(behind, clock)
    if prefix is not None:  # a relay put a header of its own in front of Cisco's
        return _of_prefix(prefix, behind, fields, clock, prefix.host or bare)
    if _ADDRESS.fullmatch(bare):
        return _Place(behind, bare)
    if _NAME.search(bare) or behind.partition(" ")[0].rstrip(",.:") not in _SENTENCE:
        return _Place(behind, bare, guessed=True)
    return _Place(text)


def _of_prefix(prefix: Prefix, text: str, fields: dict[str, FieldValue], clock: Clock, host: str) -> _Place:
    """Read Cisco's own header behind that of a relay."""
    stamp = read_stamp(text, clock, prefix.end)
    fields.update(prefix.fields)
    if stamp is not None and stamp.seconds is not None:
        fields[_INNER] = stamp.seconds
    return _Place(text[prefix.end if stamp is None else stamp.end :], host)


def _is_verb(word: str) -> bool:
    """Whether a word in front of a colon is more likely the end of a sentence: ``session opened: ...``."""
    return word.endswith("ed") or word in _VERBS


def _before_tag(text: str, fields: dict[str, FieldValue]) -> int:
    """Return where what a device puts in front of the tag ends; 0 when there is nothing."""
    for pattern in _BEFORE_TAG:
        match = pattern.match(text)
        if match is not None:
            fields.update({name: value.strip('()"') for name, value in match.groupdict().items()})
            return match.end()
    return 0


def _tag(text: str) -> re.Match[str] | None:
    """Return the tag at the start of a text, if it is the name of a program."""
    tag = _TAG.match(text)
    if tag is None or tag["app"] in _NO_TAG or not any(character.isalpha() for character in tag["app"]):
        return None
    if tag["pid"] is None and _NAMED_VALUES.match(text, tag.end()):
        return None
    return tag


def _untag(tag: re.Match[str], text: str, fields: dict[str, FieldValue]) -> str:
    fields["application_name"] = tag["app"]
    if tag["pid"]:
        fields["process_id"] = tag["pid"]
    return text[tag.end() :].lstrip(" ") if tag["pid"] else text[tag.end() :]


def _tagged(text: str, fields: dict[str, FieldValue]) -> str:
    """Take the tag off a text."""
    tag = _tag(text)
    return text if tag is None else _untag(tag, text, fields)


def _bare_tag(text: str, fields: dict[str, FieldValue]) -> str:
    """Take the tag off a text with nothing before it, where a process id or CEF behind it makes sure of it."""
    tag = _tag(text)
    is_sure = tag is not None and (tag["pid"] or _CEF.match(text, tag.end()))
    return _untag(tag, text, fields) if tag is not None and is_sure else text


def _with_device(header: Header, clock: Clock) -> Header:
    """Add what a device's text says itself; the header goes before."""
    found = read_device(header.text, clock)
    if found is None:
        return header
    fields = {**found.fields, **header.fields}
    if header.stamped:
        return header._replace(host=header.host or found.host, fields=fields, is_read=True)
    host, notes = header.host or found.host, header.notes + found.notes
    return Header(header.text, found.seconds, found.stamped, host, fields, notes, is_read=True)
