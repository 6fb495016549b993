"""Contract: what the API and the metrics ask of the listener they show; `gelf_listener.service.Service` is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from gelf_listener.alerts.watch import Watch
    from gelf_listener.api.auth import Auth
    from gelf_listener.api.catalog import Catalog
    from gelf_listener.api.shared.contract import Shared
    from gelf_listener.buffers.orphans import Orphan
    from gelf_listener.config import Config
    from gelf_listener.conflicts import Conflicts
    from gelf_listener.figures import OutputFigures, WorkerFigures
    from gelf_listener.inputs import Input
    from gelf_listener.live import LiveFeed
    from gelf_listener.pipeline import Pipeline
    from gelf_listener.senders import Senders
    from gelf_listener.store import Store
    from gelf_listener.throughput import Throughput


class Listener(Protocol):
    """A running listener."""

    @property
    def config(self) -> Config:
        """What it was told."""

    @property
    def started_at(self) -> float:
        """Since when it runs, UTC Unix seconds."""

    @property
    def auth(self) -> Auth | None:
        """Who may ask the API; None without one."""

    @property
    def pipeline(self) -> Pipeline:
        """Routes, runners and rejections."""

    @property
    def reading(self) -> bool:
        """Whether inputs read: no buffer that blocks is full."""

    def outputs(self) -> Sequence[OutputFigures]:
        """Return what each output did and how it is."""

    def worker_figures(self) -> Sequence[WorkerFigures]:
        """Return how each worker is; nothing where the listener takes messages itself."""

    def try_output(self, name: str) -> bool:
        """End the pause before an output that failed is tried again; False if none has this name."""

    @property
    def live(self) -> LiveFeed:
        """Messages as they arrive."""

    @property
    def senders(self) -> Senders:
        """Who sent, and how much."""

    @property
    def conflicts(self) -> Conflicts:
        """Fields whose values a Graylog's index would not keep together."""

    @property
    def throughput(self) -> Throughput:
        """Rates over the last second and minute."""

    @property
    def inputs(self) -> Sequence[Input]:
        """The inputs that are open."""

    @property
    def failed_inputs(self) -> Mapping[str, str]:
        """Why an input that was made through the API could not be opened, by name."""

    @property
    def store(self) -> Store | None:
        """The store that is searched; None without one."""

    @property
    def catalog(self) -> Catalog:
        """What was made through the API and outlives a restart."""

    @property
    def sharing(self) -> Shared | None:
        """What is shared with the other listeners of the store; None where the store is this one's own."""

    @property
    def api_url(self) -> str:
        """Where the API answers; empty before it does."""

    @property
    def alerts(self) -> Watch:
        """Looks after alerts."""

    @property
    def orphans(self) -> Sequence[Orphan]:
        """Buffers on disk with messages in them that no output writes."""

    @property
    def lost(self) -> Mapping[str, int]:
        """Messages that were dropped when a reload ended their output, by its name."""

    async def open_kept_input(self, document: Mapping[str, Any]) -> None:
        """Open an input as the catalog has it; one that cannot be opened is remembered with the reason."""

    async def close_input(self, name: str) -> None:
        """Close an input that was opened in addition to those of the configuration, if it is open."""
