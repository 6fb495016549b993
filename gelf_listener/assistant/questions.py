"""Questions: what an assistant may ask a running listener, each answered with a short text. None changes anything."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from pydantic import Field

from gelf_listener.assistant.excerpts import (
    ASKED_CHARACTERS,
    counted,
    cut,
    lines_of,
    message_line,
    number,
    time_text,
    value_text,
)
from gelf_listener.client.session import Session
from gelf_listener.codec.lint import lint
from gelf_listener.quantities import format_duration
from gelf_listener.rendering.levels import level_name
from gelf_listener.rendering.sanitise import clean_text

MOST_SECONDS = 50.0
"""Clients of the Model Context Protocol usually give a tool a minute."""
_MOST_FULL_MESSAGE, _MOST_FIELD = 8_000, 1_000
_MOST_PAYLOAD = 200
_MOST_BUCKETS = 60
_NEAR_MISSES = 3

Query = Annotated[
    str,
    Field(
        description="Which messages, in Graylog's query language: words, field:value, level:<=3, level:error, "
        'request_id:r-42, "a phrase", _exists_:field, AND, OR, NOT, ( ). * is everything.'
    ),
]
Since = Annotated[
    str,
    Field(description="Only the last 15m, 2h, 7d, or from a time on (ISO 8601, 14:05, yesterday; UTC); empty: all."),
]
Until = Annotated[
    str,
    Field(description="Only up to then: ISO 8601, 14:05, yesterday (its end), 1h ago as 1h; UTC; empty: up to now."),
]
FieldName = Annotated[str, Field(description="Name of a field, such as source, level, service or status.")]
Seconds = Annotated[float, Field(gt=0, le=MOST_SECONDS, description="How long to wait, seconds.")]
FieldNames = Annotated[
    list[str] | None,
    Field(description="Names of the additional fields to show; by default the usual ones, at most 12."),
]


class Questions:
    """
    Asks a listener and answers in short texts; every answer says what it leaves out.

    Each method is a tool of the Model Context Protocol: its docstring is what the assistant reads.

    Args:
        session: With the listener's address.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def search(
        self,
        query: Query = "*",
        since: Since = "",
        until: Until = "",
        limit: Annotated[int, Field(ge=1, le=100, description="Most messages.")] = 20,
        fields: FieldNames = None,
        sort: Annotated[str, Field(description="A field with :asc or :desc.")] = "timestamp:desc",
    ) -> str:
        """Find stored log messages, newest first: one line each with its id, and how many match altogether."""
        names = None if fields is None else [name.strip().removeprefix("_") for name in fields]
        parameters = _range(query, since, until) | {"limit": limit, "sort": sort, "characters": ASKED_CHARACTERS}
        answer = self._session.get("/api/gelf/search", parameters)
        messages = answer["messages"]
        if not messages:
            return _text(_nothing(answer), _missing(answer))
        more = answer["total"] - len(messages)
        hint = f", {number(more)} more (narrow the query or since, or raise limit)" if more > 0 else ""
        lines = lines_of(message_line(each, names, query) for each in messages)
        return _text(f"{_match(answer['total'])}, {number(len(messages))} shown{hint}:", *lines, _missing(answer))

    def count(self, query: Query = "*", since: Since = "", until: Until = "") -> str:
        """Count stored log messages that match; when none does, it says why."""
        answer = self._session.get(
            "/api/gelf/search", _range(query, since, until) | {"limit": 1, "fields": "", "characters": 1}
        )
        return _text(_match(answer["total"]) if answer["total"] else _nothing(answer), _missing(answer))

    def top(
        self,
        field: FieldName,
        query: Query = "*",
        since: Since = "",
        until: Until = "",
        limit: Annotated[int, Field(ge=1, le=100, description="Most values.")] = 10,
    ) -> str:
        """List the most frequent values of a field with their numbers of messages."""
        name = field.removeprefix("_")
        path = f"/api/gelf/fields/{quote(name, safe='')}/top"
        answer = self._session.get(path, _range(query, since, until) | {"limit": limit})
        shown = clean_text(name)
        if not answer["values"]:
            return _text(f"{_match(answer['messages'])}; none has a field {shown!r}", _missing(answer))
        lines = [f"{number(each['messages'])}  {_key(name, each['value'])}" for each in answer["values"]]
        other = answer["other"]
        rest = f"{counted(other)} with another value of {shown}, or without it" if other else ""
        return _text(f"{_match(answer['messages'])}; by {shown}:", *lines_of(lines, "value"), rest, _missing(answer))

    def aggregate(
        self,
        by: Annotated[
            list[str],
            Field(max_length=2, description="Up to two of: a field, or time. Empty: one group of everything."),
        ],
        metrics: Annotated[
            list[str] | None,
            Field(
                max_length=8,
                description="count, or one of a field: p95:duration_ms (any percentile), avg:, min:, max:, sum:, "
                "stddev:, distinct:. Groups with the highest first metric come first. By default count.",
            ),
        ] = None,
        query: Query = "*",
        since: Since = "",
        until: Until = "",
        interval: Annotated[str, Field(description="Length of a stretch of time, 30s, 5m or 1h, or auto.")] = "auto",
        limit: Annotated[int, Field(ge=1, le=100, description="Most values of each field.")] = 10,
    ) -> str:
        """Group log messages by fields or time and compute figures of each group: which service fails, and when."""
        parameters: dict[str, Any] = {
            "by": ",".join(by),
            "metric": ",".join(metrics or ["count"]),
            "interval": interval,
        }
        parameters |= {"limit": limit, "buckets": _MOST_BUCKETS}
        answer = self._session.get("/api/gelf/aggregate", _range(query, since, until) | parameters)
        names, figures = answer["by"], answer["metrics"]
        rows = [
            " | ".join([*map(_key, names, each["keys"]), *map(_figure, each["values"])]) for each in answer["groups"]
        ]
        seconds = answer["seconds"]
        stretch = f"; stretches of {format_duration(seconds)}, empty ones left out" if seconds else ""
        table = [clean_text(" | ".join([*names, *figures])), *lines_of(rows, "group")] if rows else []
        matched = f"{_match(answer['messages'])}{stretch}:" if answer["messages"] else _nothing(answer)
        return _text(matched, *table, _missing(answer))

    def fields(
        self,
        contains: Annotated[str, Field(description="Only names that contain this text.")] = "",
        limit: Annotated[int, Field(ge=1, le=500, description="Most fields.")] = 100,
    ) -> str:
        """List the names of the fields that stored messages have, with their types: what a query can ask for."""
        found = self._session.get("/api/gelf/fields", {})["fields"]
        chosen = [each for each in found if contains.lower() in each["name"].lower()]
        lines = [clean_text(f"{each['name']} ({', '.join(each['types'])})") for each in chosen[:limit]]
        more = len(chosen) - len(lines)
        rest = f"{number(more)} more; contains narrows them" if more > 0 else ""
        return _text(f"{counted(len(chosen), 'field')}:", *lines_of(lines, "field"), rest)

    def message(
        self,
        id: Annotated[str, Field(min_length=1, description="Of the message, from a search.")],
        before: Annotated[int, Field(ge=0, le=50, description="How many messages before it.")] = 5,
        after: Annotated[int, Field(ge=0, le=50, description="How many messages after it.")] = 5,
        same: Annotated[
            str, Field(description="Those have the same value of this field: source, request_id, trace_id, ...")
        ] = "source",
    ) -> str:
        """Show one message with everything it holds, a traceback too, and what was logged around it."""
        path = f"/api/gelf/messages/{quote(id, safe='')}"
        found = self._session.get(path, {})
        text = _text(*_whole(found))
        if not before and not after:
            return text
        around = self._session.get(f"{path}/surrounding", {"field": same, "before": before, "after": after})
        title = f"around it, with the same {clean_text(same)} ({value_text(around['value'])}), oldest first:"
        lines = [*map(message_line, around["before"]), f"{time_text(found['timestamp'])} (this message)"]
        return _text(text, title, *lines_of([*lines, *map(message_line, around["after"])]))

    def tail(
        self,
        query: Query = "*",
        seconds: Seconds = 5.0,
        limit: Annotated[int, Field(ge=1, le=100, description="End as soon as there are this many.")] = 20,
        fields: FieldNames = None,
    ) -> str:
        """Watch messages arrive for some seconds, oldest first; to see what a service logs right now."""
        names = None if fields is None else [name.strip().removeprefix("_") for name in fields]
        answer = self._wait(query, limit, seconds, "0s")
        lines = lines_of(message_line(each, names, query) for each in answer["messages"])
        end = "; it ended at the limit, more may have come" if answer["matched"] >= limit else ""
        title = f"{counted(answer['matched'])} within {format_duration(seconds)}{end}"
        return _text(f"{title}:" if lines else title, *lines, _unseen(answer), _missing(answer))

    def rejected(
        self,
        reason: Annotated[str, Field(description="Only those with this reason, such as invalid_json.")] = "",
        since: Since = "",
        limit: Annotated[int, Field(ge=1, le=100, description="Most of them.")] = 10,
    ) -> str:
        """Show what came in and is not a message, newest first: why, from whom, and the beginning of its payload."""
        parameters = {"limit": limit} | ({"reason": reason} if reason else {}) | ({"since": since} if since else {})
        answer = self._session.get("/api/gelf/rejected", parameters)
        reasons = ", ".join(f"{name} {number(count)}" for name, count in answer["by_reason"].items())
        title = f"{number(answer['total'])} rejected since the listener started{f' ({reasons})' if reasons else ''}"
        lines = [_rejection(each) for each in answer["rejected"]]
        chosen = f"; the newest {number(len(lines))}{' of those asked for' if reason or since else ''}" if lines else ""
        return _text(f"{title}{chosen}{':' if lines else ''}", *lines_of(lines, "rejection"))

    def wait(
        self,
        query: Query,
        seconds: Seconds = 10.0,
        since: Annotated[
            str, Field(description="Messages received this long ago or later count too; 0s: only new ones.")
        ] = "1m",
        count: Annotated[int, Field(ge=1, le=100, description="How many have to match.")] = 1,
    ) -> str:
        """Wait until a message matches: after causing something, to see that it was logged, or why not."""
        answer = self._wait(query, count, seconds, since)
        lines = lines_of(message_line(each, None, query) for each in answer["messages"])
        if answer["matched"] >= count:
            return _text(f"{counted(answer['matched'])}, as wanted:", *lines, _missing(answer))
        title = f"{number(answer['matched'])} of {counted(count)} within {format_duration(seconds)}"
        near = answer["near_misses"][:_NEAR_MISSES]
        misses = [
            f"{message_line(each['message'], None, query)}\n  does not match: {clean_text('; '.join(each['why']))}"
            for each in near
        ]
        closest = "what came closest:" if misses else ""
        return _text(title, *lines, closest, *lines_of(misses), _unseen(answer), _missing(answer))

    def patterns(
        self,
        query: Query = "*",
        since: Since = "",
        until: Until = "",
        new: Annotated[
            bool, Field(description="Only those that the time before, as long as this one, has none of.")
        ] = False,
        limit: Annotated[int, Field(ge=1, le=100, description="Most patterns.")] = 20,
    ) -> str:
        """Group log messages by what they look like, most frequent first, <*> for what varies; tells which are new."""
        parameters = _range(query, since, until) | {"limit": limit, "new": new}
        answer = self._session.get("/api/gelf/patterns", parameters)
        lines = []
        for each in answer["patterns"]:
            before = "" if each["before"] is None else ", new" if each["new"] else f", {number(each['before'])} before"
            level = f", {level_name(each['level'])}" if each["level"] is not None else ""
            seen = f"{time_text(each['first_seen'])} to {time_text(each['last_seen'])}"
            shape = f"{number(each['messages'])}{before}{level}  {value_text(each['pattern'], _MOST_FIELD)}"
            lines.append(f"{shape} ({seen}, for example id={each['example']['id']})")
        left = answer["other_patterns"]
        rest = f"{counted(left, 'pattern')} more, with {counted(answer['other_messages'])}" if left else ""
        return _text(
            f"{_looked_at(answer)}:" if lines else "nothing is new" if answer["messages"] else _nothing(answer),
            *lines_of(lines, "pattern"),
            rest,
            _missing(answer),
        )

    def compare(
        self,
        query: Query = "*",
        since: Since = "",
        until: Until = "",
        other_from: Annotated[
            str, Field(description="Beginning of the other time; by default it is as long, and right before.")
        ] = "",
        other_until: Annotated[str, Field(description="End of the other time.")] = "",
        other_query: Annotated[str, Field(description="Compare with these messages instead, of the same time.")] = "",
        limit: Annotated[int, Field(ge=1, le=50, description="Most patterns, and most values.")] = 10,
    ) -> str:
        """Tell what is more frequent in one time, or kind of messages, than in another: patterns, values of fields."""
        other = {"other_from": other_from, "other_to": other_until, "other_query": other_query}
        parameters = _range(query, since, until) | {name: value for name, value in other.items() if value}
        answer = self._session.get("/api/gelf/compare", parameters | {"limit": limit})
        here, there = answer["ranges"]
        sides = [
            f"{side}: {_looked_at(found) if found['messages'] else _nothing(found)}"
            for side, found in (("here", here), ("there", there))
        ]
        title = "; ".join(sides)
        patterns = [f"{_shares(each)}  {value_text(each['pattern'], _MOST_FIELD)}" for each in answer["patterns"]]
        values = [
            f"{_shares(each)}  {clean_text(each['field'])}={_key(each['field'], each['value'])}"
            for each in answer["values"]
        ]
        table = lines_of([*patterns, *values], "difference") or ["they do not differ by more than chance"]
        return _text(title, *table, _missing(answer))

    def trace(
        self,
        id: Annotated[str, Field(description="Value of trace_id, request_id or correlation_id.")],
        limit: Annotated[int, Field(ge=1, le=200, description="Most messages.")] = 50,
    ) -> str:
        """Show everything that one request caused, across services, oldest first."""
        answer = self._session.get("/api/gelf/trace", {"id": id, "limit": limit})
        if not answer["messages"]:
            return _text(f"no message has the trace, request or correlation id {clean_text(id)!r}", _missing(answer))
        services = ", ".join(f"{value_text(each['name'])} {number(each['messages'])}" for each in answer["services"])
        length = format_duration(answer["end"] - answer["start"])
        more = answer["total"] - len(answer["messages"])
        left = f"; {number(more)} later ones left out" if more else ""
        title = f"{counted(answer['total'])} within {length}, of {services}{left}:"
        return _text(title, *lines_of(map(message_line, answer["messages"])), _missing(answer))

    def alerts(self) -> str:
        """List the alerts with their states: what fires, since when, and what was found."""
        found = self._session.get("/api/gelf/alerts", {})["alerts"]
        lines = []
        for each in found:
            since = f" since {time_text(each['since'])}" if each["since"] else ""
            text = value_text(each["unknown"] or each["text"] or "not looked at yet", _MOST_FIELD)
            lines.append(f"{each['state']}{since}: {value_text(each['name'])} ({each['condition']}): {text}")
        return _text(counted(len(found), "alert") + (":" if lines else ""), *lines_of(lines, "alert"))

    def lint(
        self,
        payload: Annotated[str, Field(max_length=100_000, description="A GELF message as it is sent: JSON.")],
    ) -> str:
        """Say how a GELF payload deviates from its specification, what a Graylog would do, and what to repair."""
        verdict = lint(payload.encode("utf-8", "surrogatepass"))
        return _text(*(value_text(line, _MOST_FIELD) for line in verdict.lines())) or "nothing deviates from GELF 1.1"

    def _wait(self, query: str, count: int, seconds: float, since: str) -> Any:
        parameters = {"query": query, "count": count, "timeout": seconds} | ({"since": since} if since else {})
        return self._session.get("/api/gelf/wait", parameters, seconds=seconds, expected=(504,))


def _range(query: str, since: str, until: str) -> dict[str, Any]:
    chosen = {"query": query or "*", "since": since, "to": until}
    return {name: value for name, value in chosen.items() if value}


def _text(*parts: str) -> str:
    return "\n".join(part for part in parts if part)


def _match(total: int) -> str:
    return f"{counted(total)} match{'es' if total == 1 else ''}"


def _nothing(answer: dict[str, Any]) -> str:
    why = answer.get("nothing")
    return f"no message matches: {clean_text(why)}" if why else "no message matches"


def _missing(answer: dict[str, Any]) -> str:
    missing = answer.get("missing")
    return f"note: {missing['text']}" if missing else ""


def _looked_at(found: dict[str, Any]) -> str:
    """Say how many messages of a range were looked at."""
    total, looked_at = found["messages"], found["looked_at"]
    return counted(total) if looked_at == total else f"a sample of {number(looked_at)} of {counted(total)}"


def _shares(found: dict[str, Any]) -> str:
    """Write how frequent something is here and there."""
    (here, there), (ours, theirs) = found["shares"], found["counts"]
    return f"{100 * here:.1f}% here, {100 * there:.1f}% there ({number(ours)} : {number(theirs)})"


def _unseen(answer: dict[str, Any]) -> str:
    missed = answer["missed"]
    return f"note: {counted(missed)} came faster than they could be looked at" if missed else ""


def _key(name: str, value: object) -> str:
    if value is None:
        return "(none)"
    if name == "time" and isinstance(value, (int, float)):
        return time_text(value)
    if name == "level" and isinstance(value, int):
        return f"{value} {level_name(value)}"
    return value_text(value) or "(empty)"


def _figure(value: object) -> str:
    return "-" if value is None else f"{value:.6g}" if isinstance(value, float) else value_text(value)


def _whole(message: dict[str, Any]) -> list[str]:
    """Write everything of a message, long texts cut."""
    level = message["level"]
    lines = [
        f"id: {message['id']}",
        f"time: {time_text(message['timestamp'])}, received {time_text(message['received_at'])}",
        f"host: {value_text(message['host'])}; level: {'none' if level is None else _key('level', level)}",
        f"from: {message['peer'] or 'unknown'}, input {clean_text(message['input'])}"
        + (f", client {clean_text(message['client'])}" if message["client"] else ""),
        f"short_message: {value_text(message['short_message'], _MOST_FIELD)}",
    ]
    if message["full_message"]:
        text = cut(message["full_message"], _MOST_FULL_MESSAGE)
        lines += ["full_message:", *(f"  {clean_text(line)}" for line in text.splitlines())]
    if message["fields"]:
        texts = (f"  {clean_text(name)}: {value_text(value, _MOST_FIELD)}" for name, value in message["fields"].items())
        lines += ["fields:", *lines_of(texts, "field")]
    notes = (f"  {value_text(note['text'], _MOST_FIELD)}" for note in message["notes"])
    return [*lines, *(["deviations from GELF:", *lines_of(notes, "note")] if message["notes"] else [])]


def _rejection(found: dict[str, Any]) -> str:
    size = counted(found["payload_bytes"], "byte")
    detail = f" ({value_text(found['detail'], _MOST_PAYLOAD)})" if found["detail"] else ""
    start = value_text(found["payload_text"][:_MOST_PAYLOAD])
    where = f"{found['peer'] or 'unknown'}, input {clean_text(found['input'])}"
    return f"{time_text(found['received_at'])} {found['reason']}{detail} from {where}, {size}: {start}"
