"""Definition: what an alert watches, and where its notices go."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from gelf_listener.errors import QueryError
from gelf_listener.quantities import format_duration
from gelf_listener.settings import Duration, Settings

MOST_ALERTS = 100
_DAY = 86400.0


class Alert(Settings):
    """One alert, as a table ``[[alerts]]`` of the configuration or a document of the API has it."""

    name: str = Field(min_length=1, max_length=100, pattern=r"^[^/\x00-\x1f]+$", description="Name of the alert.")
    query: str = Field("*", max_length=10_000, description="Which messages it is about.")
    window: Duration = Field(300.0, ge=1, le=31 * _DAY, description="How far back it looks.")
    more_than: int | None = Field(None, ge=0, description="It fires when more messages than this are in the window.")
    none: bool = Field(False, description="It fires when no message is in the window.")
    new_value_of: str = Field(
        "", max_length=200, description="It fires when this field has a value that it never had since the alert began."
    )
    metric: str = Field(
        "", max_length=200, description="It fires when this figure of the window is `above`, such as p95:duration_ms."
    )
    above: float | None = Field(None, description="Highest value of `metric` that is fine.")
    every: Duration = Field(
        0.0,
        ge=0,
        le=_DAY,
        description="How often it looks; by default a fifth of the window, 10s at least, 1m at most.",
    )
    to: tuple[str, ...] = Field(
        (), max_length=20, description="Names of destinations or outputs; in the configuration also addresses."
    )
    remind: Duration = Field(0.0, ge=0, le=31 * _DAY, description="How long after a notice it comes again; 0: never.")
    level: int = Field(3, ge=0, le=7, description="Level of the notice that it fires.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        from gelf_listener.query import parse  # the parser costs start-up time
        from gelf_listener.store.written import parse_metric

        conditions = (self.more_than is not None, self.none, bool(self.new_value_of), bool(self.metric))
        if sum(conditions) != 1:
            raise ValueError("give one of more_than, none, new_value_of, or metric with above")
        if bool(self.metric) != (self.above is not None):
            raise ValueError("metric and above go together")
        try:
            parse(self.query)
        except QueryError as error:
            raise ValueError(f"setting 'query': {error}") from None
        if self.metric:
            parse_metric(self.metric)
        return self

    @property
    def condition(self) -> str:
        """When it fires, for a person: ``more than 10 in 5m``."""
        window = format_duration(self.window)
        if self.more_than is not None:
            return f"more than {self.more_than} in {window}"
        if self.none:
            return f"none in {window}"
        if self.new_value_of:
            return f"a new value of {self.new_value_of}"
        return f"{self.metric} above {self.above:g} in {window}"

    @property
    def interval(self) -> float:
        """Seconds between two looks."""
        return self.every or min(max(self.window / 5, 10.0), 60.0)
