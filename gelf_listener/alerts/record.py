"""
Record: what is remembered of an alert, and what a look at the store makes of it. No I/O.

Laws:

* A notice is made when an alert begins to fire and one when it ends, however often it is looked at in between and the
  listener is started again; a reminder is made when it is due.
* While it is silenced, no notice is made; if it still fires afterwards, that is said then.
* A store that cannot answer changes nothing but `unknown`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from gelf_listener.alerts.conditions import Look
from gelf_listener.alerts.definition import Alert
from gelf_listener.quantities import format_duration

_MOST_HISTORY = 100
_MOST_PENDING = 20
_MOST_KNOWN, _MOST_VALUE = 1000, 100
_MOST_TEXT = 200


@dataclass
class Record:
    """
    What is remembered of one alert.

    Attributes:
        firing: Whether its condition held at the last look that could tell.
        since: Since when that is so, UTC Unix seconds.
        unknown: Why the last look could not tell; empty when it could.
        figure: What was compared last.
        text: That as a sentence.
        told_at: When it was last said that it fires; None while nobody was told.
        silenced_until: Until when nothing is said, UTC Unix seconds; 0 when it is not silenced.
        history: When it changed, and to what, oldest first.
        pending: Notices that were not delivered yet, each with the places it still has to go to.
        known: Values that a field had, for an alert on new ones; None before the first look.
        new: Values that were new last.
        new_at: When that was.
    """

    firing: bool = False
    since: float = 0.0
    unknown: str = ""
    figure: float | None = None
    text: str = ""
    told_at: float | None = None
    silenced_until: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)
    pending: list[dict[str, Any]] = field(default_factory=list)
    known: list[str] | None = None
    new: list[str] = field(default_factory=list)
    new_at: float = 0.0

    @classmethod
    def of(cls, document: dict[str, Any] | None) -> Record:
        """Read a document that `document` wrote; names it does not know are left out."""
        names = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in (document or {}).items() if name in names})

    def document(self) -> dict[str, Any]:
        """Return it for the catalog."""
        return asdict(self)

    def state(self, now: float) -> str:
        """Return the state: silenced, unknown, firing or ok."""
        if self.silenced_until > now:
            return "silenced"
        return "unknown" if self.unknown else "firing" if self.firing else "ok"

    def silence(self, until: float, now: float) -> None:
        """Say nothing until a time, UTC Unix seconds; one that has passed ends a silence."""
        self.silenced_until = until
        self._note(now, "silenced" if until > now else "silence ended", "")

    def failed(self, why: str, now: float) -> bool:
        """Note that a look could not tell; return whether that is new."""
        if self.unknown:
            self.unknown = why
            return False
        self.unknown = why
        self._note(now, "unknown", why)
        return True

    def looked(self, alert: Alert, found: Look, now: float) -> bool:
        """Note what a look found, and make the notices that are due; return whether there is anything to keep."""
        changed = bool(self.unknown)
        if self.unknown:
            self.unknown = ""
            self._note(now, "firing" if self.firing else "ok", "the store answers again")
        holds = found.holds
        if alert.new_value_of:
            changed = self._learn(found, now) or changed
            holds = bool(self.new) and now - self.new_at < alert.window
        self.figure = found.figure
        self.text = _sentence(alert, found.figure, self.new)
        if holds != self.firing or not self.since:
            changed = True
            was, self.firing, before = self.firing, holds, self.since
            self.since = now
            if holds or was:
                self._note(now, "firing" if holds else "ok", self.text)
            if was and not holds:
                self._end(alert, now, now - before)
        return self._tell(alert, now) or changed

    def _learn(self, found: Look, now: float) -> bool:
        """Tell values that are new from those that are known; the first look knows all that it sees."""
        if self.known is None:
            self.known = [str(value)[:_MOST_VALUE] for value in found.values]
            return True
        known = set(self.known)
        fresh = [text for value in found.values if (text := str(value)[:_MOST_VALUE]) not in known]
        if not fresh:
            return False
        self.known = [*self.known, *fresh][-_MOST_KNOWN:]
        self.new, self.new_at = fresh[:20], now
        return True

    def _tell(self, alert: Alert, now: float) -> bool:
        """Make a notice that it fires, or a reminder, if one is due."""
        if not self.firing or self.silenced_until > now:
            return False
        if self.told_at is None:
            self._notice(alert, "firing", f"alert {alert.name}: {self.text}", now)
        elif alert.remind and now - self.told_at >= alert.remind:
            lasts = format_duration(now - self.since)
            self._notice(alert, "reminder", f"alert {alert.name}, for {lasts} now: {self.text}", now)
        else:
            return False
        self.told_at = now
        return True

    def _end(self, alert: Alert, now: float, lasted: float) -> None:
        told, self.told_at = self.told_at is not None, None
        if told and self.silenced_until <= now:
            text = f"alert {alert.name} is over after {format_duration(lasted)}: {self.text}"
            self._notice(alert, "ok", text, now)

    def _notice(self, alert: Alert, state: str, text: str, now: float) -> None:
        if alert.to:
            notice = {"at": now, "state": state, "text": text, "figure": self.figure, "to": list(alert.to)}
            self.pending = [*self.pending, notice][-_MOST_PENDING:]

    def _note(self, now: float, state: str, text: str) -> None:
        self.history = [*self.history, {"at": now, "state": state, "text": text[:_MOST_TEXT]}][-_MOST_HISTORY:]


def _sentence(alert: Alert, figure: float | None, new: list[str]) -> str:
    """Say what was found, for a person."""
    window = format_duration(alert.window)
    if alert.metric:
        value = "no value" if figure is None else f"{figure:.6g}"
        return f"{alert.metric} is {value} in {window}, {alert.above:g} is the limit"
    if alert.new_value_of:
        values = ", ".join(new[:5])
        return f"new values of {alert.new_value_of}: {values}" if new else f"no new value of {alert.new_value_of}"
    messages = f"{figure or 0:.0f} message{'' if figure == 1 else 's'} in {window}"
    return messages if alert.none else f"{messages}, {alert.more_than} is the limit"
