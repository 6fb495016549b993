"""System records: JSON of the journal, syslog daemons, auditing and clusters -> common names; see `record_shapes`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gelf_listener.codec.syslog.structured_data import parse_structured_data

Record = dict[str, Any]


def without(record: Mapping[str, Any], *names: str) -> Record:
    """Return a record without some names."""
    return {name: value for name, value in record.items() if name not in names}


def nested(value: object) -> Record:
    """Return a value if it is an object, and else an empty one."""
    return value if isinstance(value, dict) else {}


_JOURNAL_LEFT_OUT = frozenset(
    ("MESSAGE", "PRIORITY", "_HOSTNAME", "SYSLOG_IDENTIFIER", "_PID", "__REALTIME_TIMESTAMP", "SYSLOG_PID")
)


def read_journal(record: Mapping[str, Any]) -> Record:
    """Read a line of `journalctl -o json`: texts that are not valid UTF-8 are lists of bytes, long ones null."""
    text = _journal_text(record.get("MESSAGE"))
    program = _journal_text(record.get("SYSLOG_IDENTIFIER")) or _journal_text(record.get("_COMM"))
    flat: Record = {
        "message": text if text.strip() else "(journalctl left the text out)",
        "level": _journal_text(record.get("PRIORITY")) or None,
        "timestamp": _microseconds(record.get("__REALTIME_TIMESTAMP")),
        "hostname": _journal_text(record.get("_HOSTNAME")) or None,
        "application_name": program or None,
        "process_id": _journal_text(record.get("_PID") or record.get("SYSLOG_PID")) or None,
    }
    for name, value in record.items():
        if name not in _JOURNAL_LEFT_OUT and not name.startswith("__"):
            flat.setdefault(name.lstrip("_").lower(), _journal_text(value) or None)
    return flat


def _journal_text(value: object) -> str:
    if isinstance(value, list):
        if value and all(isinstance(each, int) and 0 <= each < 256 for each in value):
            return bytes(value).decode("utf-8", "replace")
        return _journal_text(value[-1]) if value else ""  # a field that was given several times
    return "" if value is None else str(value)


_TAG = re.compile(r"([^\[\]:]{1,128})(?:\[([^\[\]]{1,64})\])?:?\Z")
"""Of syslog: a program, and its process id."""
_SDATA = ("sd", "structured-data", "structured_data", "structureddata")


def read_rsyslog(record: Mapping[str, Any]) -> Record | None:
    """Read JSON of rsyslog's templates: a tag as syslog has it, structured data as a text."""
    name = next((name for name in ("tag", "syslogtag", "programname", "app-name") if name in record), "")
    tag = _TAG.match(record[name].strip()) if isinstance(record.get(name), str) else None
    text = record.get("message", record.get("msg"))
    if tag is None or not isinstance(text, str):
        return None
    flat = {**without(record, name, "message", "msg", *_SDATA), "message": text.removeprefix(" ")}  # of RFC 3164
    for field in _SDATA:
        if isinstance(record.get(field), str):
            flat = _parameters(record[field]) | flat
    return flat | {"application_name": tag[1], **({"process_id": tag[2]} if tag[2] else {})}


def _parameters(text: str) -> Record:
    """Return the parameters of structured data."""
    parsed = parse_structured_data(text)
    if parsed is None:
        return {"structured_data": text} if text not in ("", "-") else {}
    names, values = parsed[0]
    return {name: value for (_, name), value in zip(names, values, strict=True)}


def read_macros(record: Mapping[str, Any]) -> Record:
    """Read JSON with the journal's or syslog-ng's names of macros: MESSAGE, PRIORITY, PROGRAM, HOST, `_SDATA`."""
    if "SYSLOG_IDENTIFIER" in record or "_TRANSPORT" in record or "_HOSTNAME" in record:
        return read_journal(record)
    flat: Record = {
        "message": record["MESSAGE"],
        "level": record["PRIORITY"],
        "timestamp": record.get("ISODATE") or record.get("@timestamp") or record.get("DATE"),
        "hostname": record.get("HOST"),
        "application_name": record.get("PROGRAM") or None,
        "process_id": record.get("PID") or None,
        "message_id": record.get("MSGID") or None,
        "facility": record.get("FACILITY"),
    }
    for element in nested(record.get("_SDATA") or record.get(".SDATA")).values():
        flat |= {name: value for name, value in nested(element).items() if name not in flat}
    return flat | {name: value for name, value in record.items() if name not in _MACROS and name not in flat}


_MACROS = frozenset(
    (
        "MESSAGE",
        "PRIORITY",
        "ISODATE",
        "@timestamp",
        "DATE",
        "HOST",
        "PROGRAM",
        "PID",
        "MSGID",
        "FACILITY",
        "_SDATA",
        ".SDATA",
    )
) | frozenset(("LEGACY_MSGHDR", "SOURCE", "HOST_FROM"))


def _microseconds(value: object) -> float | None:
    text = str(value)
    return int(text) / 1e6 if text.isdecimal() and len(text) < 20 else None


_AUDIT_ID = re.compile(r"(\d{9,11}\.\d{3}):\d{1,10}\Z")
_NOT_THE_EVENT = frozenset(("ID", "NODE", "PARENT_INFO", "CONTAINER_INFO", "SCRIPT"))


def read_audit(record: Mapping[str, Any]) -> Record | None:
    """Read an event of Linux' auditing as Laurel writes it: an object for each of its records, by their types."""
    match = _AUDIT_ID.match(record["ID"]) if isinstance(record["ID"], str) else None
    kinds = [name for name, value in record.items() if name.isupper() and isinstance(value, (dict, list))]
    kinds = [name for name in kinds if name not in _NOT_THE_EVENT]
    if match is None or not kinds:
        return None
    call, process = nested(record.get("SYSCALL")), nested(record.get("PROCTITLE") or record.get("EXECVE"))
    said = (
        process.get("ARGV") or process.get("ARGV_STR") or call.get("exe") or nested(record[kinds[0]]).get("exe") or ""
    )
    text = " ".join(map(str, said)) if isinstance(said, list) else str(said)
    return {
        "message": f"{kinds[0]}: {text}" if text else " ".join(kinds),
        "timestamp": float(match[1]),
        "hostname": record.get("NODE"),
        **without(record, "NODE"),
    }


_GLOG = {"0": "info", "1": "warning", "2": "error", "3": "fatal"}
"""Severities of glog, as numbers."""


def read_osquery(record: Mapping[str, Any]) -> Record:
    """Read osquery's results, and its own log."""
    severity = record.get("severity")
    return {
        **without(record, "unixTime", "hostIdentifier", "severity", "calendarTime"),
        "message": record.get("message") or f"{record.get('name', 'osquery')} {record.get('action', '')}".strip(),
        "level": None if severity is None else _GLOG.get(str(severity)),
        "timestamp": _seconds(record["unixTime"]),
        "hostname": record["hostIdentifier"],
    }


def _seconds(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 12 else value


def read_kubernetes_event(record: Mapping[str, Any]) -> Record | None:
    """Read an event of Kubernetes' API: when it was seen last counts, and a type is its level."""
    if not isinstance(record["involvedObject"], dict):
        return None
    times = (record.get(name) for name in ("lastTimestamp", "eventTime", "firstTimestamp"))
    return {
        **without(record, "lastTimestamp", "type"),
        "timestamp": next(filter(None, times), None) or nested(record.get("metadata")).get("creationTimestamp"),
        "level": {"Normal": "info", "Warning": "warning"}.get(str(record["type"])),
        "type": record["type"],
    }


_STREAMED = re.compile(r"(?:\S{20,35} )?(?:stdout |stderr )?[FP] (?=\S)")


def read_container_app(record: Mapping[str, Any]) -> Record | None:
    """Read a line of Azure's container apps (`az containerapp logs show`): a runtime's beginning may be left in it."""
    line = record["Log"]
    if len(record) > 2 or not isinstance(line, str):
        return None
    match = _STREAMED.match(line)
    return {"timestamp": record["TimeStamp"], "log": line if match is None else line[match.end() :]}


def read_google_cloud(record: Mapping[str, Any]) -> Record | None:
    """Read an entry of Google Cloud's logs: what was logged is one of its payloads."""
    if not record.keys() & {"severity", "timestamp", "logName", "insertId"}:
        return None
    flat = without(record, "textPayload", "jsonPayload")
    if isinstance(record.get("jsonPayload"), dict):
        return {**record["jsonPayload"], **flat}
    return {**flat, "message": record["textPayload"]} if isinstance(record.get("textPayload"), str) else None


_WAZUH = ((15, "critical"), (12, "error"), (7, "warning"))
"""Wazuh's levels from 0 to 15, by the names that its dashboard has for them: critical, high, medium; others are low."""


def read_wazuh(record: Mapping[str, Any]) -> Record | None:
    """Read an alert of Wazuh or OSSEC: what its rule says of a line that an agent sent."""
    rule, agent = record["rule"], nested(record["agent"])
    number = nested(rule).get("level")
    if type(number) is not int or not isinstance(rule.get("description"), str):
        return None
    level = next((level for least, level in _WAZUH if number >= least), "info")
    return {**record, "message": rule["description"], "level": level, "hostname": agent.get("name")}


def read_suricata(record: Mapping[str, Any]) -> Record | None:
    """Read an alert of Suricata's EVE."""
    text = nested(record["alert"]).get("signature")
    return {**record, "message": text, "level": "warning"} if isinstance(text, str) else None


_INSIGHTS = ("trace", "information", "warning", "error", "critical")


def read_insights(record: Mapping[str, Any]) -> Record | None:
    """Read a trace of Application Insights, whose levels are numbers of their own."""
    level = record["severityLevel"]
    if type(level) is not int or not 0 <= level < len(_INSIGHTS):
        return None
    return {**without(record, "severityLevel"), "level": _INSIGHTS[level]}


def read_azure(record: Mapping[str, Any]) -> Record | None:
    """Read a diagnostic log of Azure: what happened is its result."""
    text = record["resultDescription"]
    return {**without(record, "resultDescription"), "log": text} if isinstance(text, str) and text else None


def read_cloudwatch(record: Mapping[str, Any]) -> Record:
    """Read an event of CloudWatch Logs: a line that a program printed."""
    return {**without(record, "message"), "log": record["message"]}


def read_cloudtrail(record: Mapping[str, Any]) -> Record:
    """Read a call of AWS' API: who was asked for what, and what went wrong."""
    said = (f"{record['eventSource']} {record['eventName']}", record.get("errorMessage") or record.get("errorCode"))
    return {"message": ": ".join(str(part) for part in said if part), **record}


def read_okta(record: Mapping[str, Any]) -> Record:
    """Read an event of Okta's system log."""
    return {**without(record, "displayMessage"), "message": record["displayMessage"], "timestamp": record["published"]}
