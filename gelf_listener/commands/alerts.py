"""``gelf-listener alerts``: which there are, and in which state."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import typer

from gelf_listener.client.session import Session
from gelf_listener.commands.patterns import GREEN, RED, YELLOW, print_table
from gelf_listener.commands.printing import leaving_quietly, say_nothing
from gelf_listener.quantities import format_duration
from gelf_listener.rendering.sanitise import clean_text
from gelf_listener.rendering.timestamps import Timestamps

_FIRES = 1
_PAINTS = {"firing": RED, "unknown": YELLOW, "silenced": "", "ok": GREEN}


def show_alerts(session: Session, *, as_json: bool, utc: bool) -> None:
    """
    Print all alerts.

    Args:
        session: With the listener's address.
        as_json: Print the API's answer.
        utc: Show times in UTC.

    Raises:
        typer.Exit: With status 1 if one fires, or there is none.
    """
    answer = session.get("/api/gelf/alerts", {})
    found = answer["alerts"]
    times = Timestamps(utc=utc, separator=" ")
    with leaving_quietly():
        if as_json:
            typer.echo(json.dumps(answer, indent=2))
        elif found:
            rows = [("state", "since", "name", "condition", "found"), *(_row(each, times) for each in found)]
            print_table(rows, 0, ["", *(_PAINTS[each["state"]] for each in found)])
    if not found:
        say_nothing("there are no alerts; docs/alerts.md says how to make one", tell=True)
    if any(each["state"] == "firing" for each in found):
        raise typer.Exit(_FIRES)


def silence_alert(session: Session, name: str, seconds: float) -> None:
    """Say nothing of an alert for a while, in seconds; 0 ends a silence."""
    session.post(f"/api/gelf/alerts/{quote(name, safe='')}/silence", {"duration": seconds})
    text = f"is silenced for {format_duration(seconds)}" if seconds else "is not silenced any more"
    typer.echo(f"gelf-listener: alert {clean_text(name)} {text}", err=True)


def _row(alert: dict[str, Any], times: Timestamps) -> tuple[str, ...]:
    since = times.milliseconds(alert["since"])[:19] if alert["since"] else "-"
    texts = (alert["name"], alert["condition"], alert["unknown"] or alert["text"] or "not looked at yet")
    return (alert["state"], since, *map(clean_text, texts))
