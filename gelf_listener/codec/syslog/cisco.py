"""
Cisco: what its devices put in front of the time of a BSD syslog message.

IOS counts messages and may name itself (``45: sw1: 000123: ``), NX-OS and EMBLEM begin with a colon, IOS XR names
itself and the card (``123: xr1 RP/0/RSP0/CPU0:``), controllers of access points the task (``wlc1: *spamApTask0: ``).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from gelf_listener.codec.syslog.stamps import Clock, read_stamp
from gelf_listener.message import FieldValue

_PIECE = re.compile(
    r"""
    (?P<sequence>\d{1,10}):\ +
    | (?:(?P<router>[A-Za-z][\w.-]{0,254})\ )?(?P<node>(?:RP|LC|SP|\d{1,3})/\w{1,8}(?:/\w{1,8}){1,2}):\ ?
    | (?P<ap>AP:[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}):\ +
    | \*(?P<task>[A-Za-z][\w.-]{0,64}):\ +
    | (?P<host>[A-Za-z0-9][\w.-]{0,254}):\ +
    """,
    re.VERBOSE | re.ASCII,
)
_UPTIME = re.compile(r"((?:\d{1,4}[ywdhms]){1,4}|\d{1,4}:\d\d:\d\d(?:\.\d{1,6})?): (?=%)")
"""`service timestamps log uptime`: no time of day."""
_MNEMONIC = re.compile(r"%[A-Z]")
_MOST_PIECES = 5


class Prefix(NamedTuple):
    """
    What stands before the time, or before the mnemonic when there is no time.

    Attributes:
        end: Where it ends.
        host: Empty when absent.
        fields: ``sequence_number``, ``node``, ``application_name``, ``original_timestamp`` (an uptime).
    """

    end: int
    host: str
    fields: dict[str, FieldValue]


def read_prefix(text: str, clock: Clock) -> Prefix | None:
    """Read what is in front of the time; None when there is nothing, or nothing of Cisco's."""
    at = 2 if text.startswith(": ") else text.startswith(":")
    start = at
    host = ""
    named = False
    fields: dict[str, FieldValue] = {}
    for _ in range(_MOST_PIECES):
        uptime = _UPTIME.match(text, at)
        if uptime is not None:
            fields["original_timestamp"] = uptime[1]
            return Prefix(uptime.end(), host, fields)
        if at > start and (stamp := read_stamp(text, clock, at)) is not None:
            if start or fields or _MNEMONIC.match(text, stamp.end):
                return Prefix(at, host, fields)
            return None  # a name and a time are Cisco's only if its mnemonic follows
        piece = _PIECE.match(text, at)
        if piece is None:
            break
        at = piece.end()
        if piece["sequence"]:
            if not named or "sequence_number" not in fields:
                fields["sequence_number"] = int(piece["sequence"])
        elif piece["node"]:
            host = piece["router"] or host
            fields["node"] = piece["node"]
        elif piece["ap"]:
            host = piece["ap"]
        elif piece["task"]:
            fields["application_name"] = piece["task"]
        elif host:
            break
        else:
            host, named = piece["host"], True
    if at and (_MNEMONIC.match(text, at) or (start and read_stamp(text, clock, at) is not None)):
        return Prefix(at, host, fields)
    return None
