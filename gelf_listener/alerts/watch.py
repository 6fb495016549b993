"""
Watch: looks at every alert now and then, keeps what changes, and delivers notices.

Laws:

* Alerts are looked at together, so that a store makes what came in searchable once for all of them; after that the
  watch rests for many times as long as it took, so that intake does not notice.
* What changes is kept in the catalog before anything is sent: a notice is delivered at least once, after a restart too.
* Without the lease (another listener of the same store has it) nothing is looked at and nothing sent; nor without a
  store: what the catalog says of alerts then is from another listener, or from another time.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from gelf_listener.alerts.conditions import examples, look
from gelf_listener.alerts.definition import Alert
from gelf_listener.alerts.destinations import Destinations, notice_message
from gelf_listener.alerts.lease import Documents, Lease
from gelf_listener.alerts.record import Record
from gelf_listener.errors import GelfError, OutputError, Retry, describe
from gelf_listener.store import Store
from gelf_listener.store.background import in_background

_log = logging.getLogger(__name__)

_ALERTS, _STATES, _SILENCES = "alerts", "alert_states", "silences"
_AT_ONCE = 20
"""Most alerts that are looked at together: searches of people wait for them."""
_REST = 20.0
"""How many times as long as that took nothing is looked at."""
_LONGEST_LOOK_SECONDS = 20.0
_LONGEST_REST_SECONDS = 30.0
_IDLE_SECONDS = 5.0
"""How often the lease is asked for, and what others changed is seen."""
_FIRST_DELAY_SECONDS, _LONGEST_DELAY_SECONDS = 1.0, 60.0
"""Before a notice that could not be delivered is sent again."""
_NO_STORE = "this listener has no store, so it does not look at alerts; add --output store:"


class Watched(NamedTuple):
    """An alert, whether the configuration made it (the API cannot change it then), and what is remembered of it."""

    alert: Alert
    configured: bool
    record: Record


class Watch:
    """
    Looks after alerts.

    Args:
        configured: Alerts of the configuration.
        documents: Keeps alerts that were made through the API, and what is remembered of all.
        store: Gives the store; None without one.
        destinations: Where notices go.
        lease: Whether it is this listener that looks.
        page: Address of the page; empty without one.
        clock: UTC Unix seconds.
    """

    def __init__(
        self,
        configured: Iterable[Alert],
        documents: Documents,
        store: Callable[[], Store | None],
        destinations: Destinations,
        lease: Lease,
        page: Callable[[], str] = str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._configured = {alert.name: alert for alert in configured}
        self._documents = documents
        self._store = store
        self.destinations = destinations
        self._lease = lease
        self._page = page
        self._clock = clock
        self._started_at = clock()
        self._records: dict[str, Record] = {}
        self._read: dict[str, tuple[dict[str, Any], Alert | None]] = {}
        """Documents of alerts, as they were read last."""
        self._due: dict[str, float] = {}
        """When each is looked at next, UTC Unix seconds."""
        self._tasks: list[asyncio.Task[None]] = []
        self._wake = asyncio.Event()
        self._undelivered = asyncio.Event()
        self._ours = False
        self._told = False
        """Whether it was said that there is no store."""
        self.looks = 0
        """How often an alert was looked at."""
        self.look_seconds = 0.0
        """How long that took, those that were looked at together counted once."""
        self.notices = 0
        """Notices that were delivered, each to one destination."""
        self.failures = 0
        """Attempts to deliver that failed."""

    def start(self) -> None:
        """Begin to look; nothing to do until there is an alert."""
        if not self._tasks and (self._lease.shared or self._configured or self._documents.all(_ALERTS)):
            loop = asyncio.get_running_loop()
            self._tasks = [
                loop.create_task(self._run(), name="alerts"),
                loop.create_task(self._deliver(), name="notices"),
            ]

    async def close(self) -> None:
        """Stop looking, and let another listener look."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._ours:
            await self._lease.release()
        await self.destinations.close()

    def all(self) -> Sequence[Watched]:
        """Return every alert, by name."""
        made = {name: alert for name in self._documents.all(_ALERTS) if (alert := self._made(name)) is not None}
        known = self._record if self._store() is not None else _nothing_known
        return [
            Watched(alert, name in self._configured, known(name))
            for name, alert in sorted((made | self._configured).items())
        ]

    def get(self, name: str) -> Watched | None:
        """Return one alert; None when there is none."""
        return next((each for each in self.all() if each.alert.name == name), None)

    async def put(self, alert: Alert) -> None:
        """
        Keep an alert in the place of one with the same name; its history stays.

        Raises:
            GelfError: If the catalog cannot keep it.
        """
        await self._documents.put(_ALERTS, alert.name, alert.model_dump(mode="json", exclude_defaults=True))
        self._due.pop(alert.name, None)
        self.start()
        self._wake.set()

    async def remove(self, name: str) -> bool:
        """Forget an alert that was made through the API, and what is remembered of it; False when there is none."""
        found = await self._documents.remove(_ALERTS, name)
        for kind in (_STATES, _SILENCES):
            await self._documents.remove(kind, name)
        self._records.pop(name, None)
        self._due.pop(name, None)
        return found

    async def silence(self, name: str, until: float) -> None:
        """Say nothing of an alert until a time, UTC Unix seconds; one that has passed ends a silence."""
        await self._documents.put(_SILENCES, name, {"until": until})
        self._due.pop(name, None)
        self._wake.set()

    async def try_out(self, alert: Alert) -> Any:
        """Look once without keeping or sending anything; raises as `look` does."""
        return await look(self._asked(), alert, self._clock())

    async def look_at(self, watched: Watched) -> None:
        """Look at one alert, and keep what changed."""
        alert, _, record = watched
        now = self._clock()
        if alert.none and now - self._started_at < alert.window:
            return  # what would have come while the listener was not there is nobody's fault
        try:
            async with asyncio.timeout(_LONGEST_LOOK_SECONDS):
                store = self._asked()
                found = await look(store, alert, now)
                pending = len(record.pending)
                changed = record.looked(alert, found, now)
                if len(record.pending) > pending and record.pending[-1]["state"] == "firing" and not alert.none:
                    record.pending[-1]["examples"] = await examples(store, alert, now)
        except (GelfError, OSError, TimeoutError) as error:
            changed = record.failed(describe(error) or "the store took too long", now)
            _log.log(logging.WARNING if changed else logging.DEBUG, "alert %s: %s", alert.name, record.unknown)
        if changed:
            _log.info("alert %s is %s: %s", alert.name, record.state(now), record.unknown or record.text)
            await self._keep(alert.name, record)
        if record.pending:
            self._undelivered.set()

    async def deliver(self) -> bool:
        """Send every notice that waits, once; return whether all were delivered."""
        done = True
        for alert, _, record in self.all():
            for notice in list(record.pending):
                done = await self._deliver_one(alert, record, notice) and done
        return done

    async def _deliver_one(self, alert: Alert, record: Record, notice: dict[str, Any]) -> bool:
        """Send a notice to where it still has to go; return whether it is settled."""
        left = []
        for name in notice["to"]:
            try:
                await self.destinations.send(name, notice_message(alert, notice, self._page()))
                self.notices += 1
            except Retry as error:
                self.failures += 1
                left.append(name)
                _log.warning("notice of alert %s: %s: %s; it is sent again", alert.name, name, error)
            except OutputError as error:
                self.failures += 1
                _log.error("notice of alert %s is given up: %s: %s", alert.name, name, error)
        if left == notice["to"]:
            return False
        notice["to"] = left
        record.pending = [each for each in record.pending if each["to"]]
        await self._keep(alert.name, record)
        return not left

    def _asked(self) -> Store:
        store = self._store()
        if store is None:
            raise GelfError(_NO_STORE)
        return store

    def _record(self, name: str) -> Record:
        """Return what is remembered; of what another listener looks after, what that kept last."""
        if name not in self._records or not self._ours:
            self._records[name] = Record.of(self._documents.get(_STATES, name))
        record = self._records[name]
        until = (self._documents.get(_SILENCES, name) or {}).get("until", 0.0)
        if until != record.silenced_until:
            record.silence(until, self._clock())
        return record

    def _made(self, name: str) -> Alert | None:
        """Read an alert that the catalog keeps; None, and a warning, for one that an earlier version made."""
        document = self._documents.get(_ALERTS, name) or {}
        known = self._read.get(name)
        if known is None or known[0] is not document:
            known = self._read[name] = (document, _alert(name, document))
        return known[1]

    async def _keep(self, name: str, record: Record) -> None:
        try:
            await self._documents.put(_STATES, name, record.document())
        except GelfError as error:
            _log.warning("the state of alert %s cannot be kept: %s", name, error)

    async def _run(self) -> None:
        while True:
            rest = await self._turn()
            self._wake.clear()
            try:
                async with asyncio.timeout(rest):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _turn(self) -> float:
        """Look at the alerts that are due, the longest due first; return how long to rest, seconds."""
        watched = {each.alert.name: each for each in self.all()}
        if not watched:
            return _IDLE_SECONDS
        if self._store() is None:
            if not self._told:
                _log.warning("nothing looks at %d alert%s: %s", len(watched), "s"[: len(watched) > 1], _NO_STORE)
            self._told, self._ours = True, False
            return _IDLE_SECONDS
        ours = await self._lease.held()
        if ours and not self._ours:
            self._records.clear()  # what the other listener kept counts
            self._undelivered.set()
        self._ours = ours
        if not ours:
            return _IDLE_SECONDS
        now = self._clock()
        self._records = {name: record for name, record in self._records.items() if name in watched}
        watched = {each.alert.name: each for each in self.all()}
        self._due = {
            name: self._due.get(name, _next(each.alert, now) if each.record.since else now)
            for name, each in watched.items()
        }
        names = sorted([name for name, due in self._due.items() if due <= now], key=self._due.__getitem__)[:_AT_ONCE]
        if not names:
            return min(min(self._due.values()) - now, _IDLE_SECONDS)
        before = time.monotonic()
        with in_background():
            await asyncio.gather(*[self._look_safely(watched[name]) for name in names])
        took = time.monotonic() - before
        self.look_seconds += took
        self._due |= {name: _next(watched[name].alert, now) for name in names}
        return min(_REST * took, _LONGEST_REST_SECONDS)

    async def _look_safely(self, watched: Watched) -> None:
        try:
            await self.look_at(watched)
        except Exception:  # noqa: BLE001  (one that fails must not stop the others)
            _log.exception("alert %s", watched.alert.name)
        self.looks += 1

    async def _deliver(self) -> None:
        delay = _FIRST_DELAY_SECONDS
        while True:
            await self._undelivered.wait()
            self._undelivered.clear()
            if not self._ours:
                continue
            if await self.deliver():
                delay = _FIRST_DELAY_SECONDS
                continue
            self._undelivered.set()
            await asyncio.sleep(delay)
            delay = min(2 * delay, _LONGEST_DELAY_SECONDS)


def _nothing_known(_: str) -> Record:
    return Record(unknown=_NO_STORE)


def _alert(name: str, document: dict[str, Any]) -> Alert | None:
    try:
        return Alert.from_values(document, f"alert {name}")
    except GelfError as error:
        _log.warning("%s", error)
        return None


def _next(alert: Alert, now: float) -> float:
    """Return when an alert is due again: at a multiple of its interval, so that alerts come due together."""
    return (now // alert.interval + 1) * alert.interval
