"""Failure: what a question that is not answered as expected says: what came instead, and why that does not match."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gelf_listener.errors import Rejected
from gelf_listener.message import Message
from gelf_listener.quantities import counted
from gelf_listener.query.explanation import explain
from gelf_listener.query.parser import Query
from gelf_listener.rendering.sanitise import clean
from gelf_listener.testing.report import message_lines, rejected_line

_MOST_LOOKED_AT = 200
"""Messages, the latest ones, that are compared with the query."""
_MOST_SHOWN = 5
_MOST_REASONS = 20


class Situation(NamedTuple):
    """
    How things stand at a listener.

    Attributes:
        messages: What it keeps, in the order of arrival.
        rejected: The latest rejections.
        forgotten: Messages that had to go for lack of room.
        kernel_drops: Datagrams that the kernel dropped.
        addresses: Where it listens.
    """

    messages: Sequence[Message]
    rejected: Sequence[Rejected]
    forgotten: int
    kernel_drops: int
    addresses: Sequence[str]


class NearMiss(NamedTuple):
    """A message that does not match, and the clauses it fails."""

    message: Message
    why: list[str]


def closest(query: Query, messages: Sequence[Message]) -> list[NearMiss]:
    """Return those of the latest messages that do not match, the ones with the fewest failing clauses first."""
    explained = [NearMiss(message, explain(query, message)) for message in reversed(messages[-_MOST_LOOKED_AT:])]
    return sorted((each for each in explained if each.why), key=lambda each: len(each.why))


def missing_text(
    query: str,
    wanted: int,
    found: Sequence[Message],
    misses: Sequence[NearMiss],
    seconds: float,
    circumstances: Sequence[str] = (),
) -> str:
    """
    Say what is missing.

    Args:
        query: What was waited for.
        wanted: How many messages.
        found: Those that matched.
        misses: Those that did not, the closest first.
        seconds: How long was waited.
        circumstances: What else may have kept a message away, a line each.
    """
    were = "message matches" if wanted == 1 else "messages match"
    lines = [f"{len(found)} of {wanted} {were} within {seconds:g} s: {clean(query)}"]
    if found:
        lines += ["matching:", *_shown(query, found)]
    if misses:
        lines.append("not matching, the closest first:" if len(misses) > 1 else "not matching:")
        lines += _near_misses(query, misses)
    return "\n".join([*lines, *circumstances])


def _near_misses(query: str, misses: Sequence[NearMiss]) -> list[str]:
    """Return messages that do not match, each with the reasons below it."""
    lines = []
    for message, why in misses[:_MOST_SHOWN]:
        lines += [f"  {line}" for line in message_lines(message, brief=True, query=query)]
        lines += [f"    - {clean(reason)}" for reason in why[:_MOST_REASONS]]
    if len(misses) > _MOST_SHOWN:
        lines.append(f"  and {len(misses) - _MOST_SHOWN} more")
    return lines


def unwanted_text(query: str, found: Sequence[Message]) -> str:
    """Say which messages should not be there."""
    return "\n".join([f"a message matches that should not be there: {clean(query)}", *_shown(query, found)])


def _shown(query: str, messages: Sequence[Message]) -> list[str]:
    lines = [
        f"  {line}" for message in messages[:_MOST_SHOWN] for line in message_lines(message, brief=True, query=query)
    ]
    return lines + ([f"  and {len(messages) - _MOST_SHOWN} more"] if len(messages) > _MOST_SHOWN else [])


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def circumstances(situation: Situation) -> list[str]:
    """Say what else may have kept a message away, a line each."""
    lines = []
    if not situation.messages and not situation.rejected:
        lines.append(f"nothing arrived at {', '.join(situation.addresses)}")
        lines.append("does the logger have a handler that sends there, and a level that lets it pass?")
    if situation.rejected:
        lines.append(f"rejected ({len(situation.rejected)}):")
        lines += [f"  {rejected_line(rejected)}" for rejected in situation.rejected[-_MOST_SHOWN:]]
    if situation.forgotten:
        oldest = f"the oldest {counted(situation.forgotten)} {_were(situation.forgotten)}"
        lines.append(f"{oldest} forgotten for lack of room (max_messages, max_bytes)")
    if situation.kernel_drops:
        lines.append(f"the kernel dropped {counted(situation.kernel_drops, 'datagram')}; TCP loses none")
    return lines
