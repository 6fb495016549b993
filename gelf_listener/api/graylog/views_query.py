"""
Views queries: what Graylog's page asks of a search, read from its JSON, and with all defaults as it is shown again.

What is wrong in them is told before anything is executed. An unknown search type is not wrong: its error stands among
the results, as in Graylog.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from gelf_listener.api.graylog.streams import Streams

RECENT: dict[str, Any] = {"type": "relative", "range": 300}
"""The time range where none is given."""

_MOST_FIELDS = 6
_MOST_SERIES = 20
_MOST_VALUES = 10_000
_MOST_RANGES = 100
_USUAL_VALUES = 15

_T = TypeVar("_T")
_FieldName = Annotated[str, Field(max_length=1000)]
_OrEmpty = Annotated[list[_T], BeforeValidator(lambda value: [] if value is None else value)]
"""A list; null is an empty one."""


def _kind_of(known: tuple[str, ...], default: str | None = None, other: str | None = None) -> Discriminator:
    """Choose a model by ``type``: one of the known, `default` where it is left out, `other` for all else."""

    def choose(asked: Any) -> str | None:
        kind = asked.get("type", default) if isinstance(asked, Mapping) else getattr(asked, "type", default)
        return kind if kind in known else other or str(kind)[:50]

    return Discriminator(choose)


class QueryText(BaseModel):
    """A query in Graylog's language."""

    type: str = "elasticsearch"
    query_string: str = ""


class SortKey(BaseModel):
    """By what messages are sorted."""

    field: _FieldName = "timestamp"
    order: str = Field("DESC", max_length=20)

    @property
    def descending(self) -> bool:
        """Whether the largest value comes first."""
        return not self.order.upper().startswith("ASC")


class _AnyType(BaseModel):
    """What every search type may have."""

    model_config = ConfigDict(extra="allow")

    type: str
    id: str | None = Field(None, max_length=200)
    name: str | None = None
    timerange: dict[str, Any] | None = None
    query: QueryText | None = None
    streams: _OrEmpty[str] = Field(default_factory=list)
    stream_categories: _OrEmpty[str] = Field(default_factory=list)
    filter: dict[str, Any] | None = None
    filters: _OrEmpty[dict[str, Any]] = Field(default_factory=list)


class MessagesType(_AnyType):
    """A page of messages."""

    type: Literal["messages"]
    limit: Annotated[int, BeforeValidator(lambda value: 150 if value is None else value)] = 150
    offset: Annotated[int, BeforeValidator(lambda value: 0 if value is None else value)] = 0
    sort: list[SortKey] | None = Field(None, max_length=_MOST_FIELDS)
    fields: _OrEmpty[_FieldName] = Field(default_factory=list)
    decorators: _OrEmpty[dict[str, Any]] = Field(default_factory=list)


class Series(BaseModel):
    """A figure of each group; its id is what the request calls it, otherwise its function and field."""

    type: str = Field("count", max_length=100)
    id: str | None = Field(None, max_length=1200)
    field: _FieldName | None = None

    @model_validator(mode="after")
    def _named(self) -> Series:
        if not self.id:
            self.id = f"{self.type}({self._of()})"
        return self

    def _of(self) -> str:
        return self.field or ""


class AverageSeries(Series):
    """A mean, shown as a whole number on request."""

    whole_number: bool = False


class PercentileSeries(Series):
    """A percentile."""

    percentile: float = Field(50.0, ge=0, le=100)

    def _of(self) -> str:
        return f"{self.field},{self.percentile}"


class PercentageSeries(Series):
    """The share of a group, of the messages or of the sum of a field."""

    strategy: Literal["COUNT", "SUM"] | None = None


class AutomaticInterval(BaseModel):
    """Stretches of time that fit the range; longer with a larger scaling."""

    type: Literal["auto"] = "auto"
    scaling: Annotated[float, BeforeValidator(lambda value: 1.0 if value is None else value)] = 1.0


class TimeunitInterval(BaseModel):
    """Stretches of so many units, written ``{"value": 5, "unit": "minutes"}`` or ``{"timeunit": "5m"}``."""

    type: Literal["timeunit"]
    value: int = 1
    unit: str | None = Field(None, max_length=20)
    timeunit: str | None = Field(None, max_length=20)


class _Group(BaseModel):
    """What groups have in common: fields, each of which groups what the one before it gave."""

    fields: list[_FieldName] = Field(default_factory=list, max_length=_MOST_FIELDS)
    field: _FieldName | None = Field(None, exclude=True)

    @model_validator(mode="after")
    def _has_a_field(self) -> _Group:
        self.fields = [each for each in self.fields or [self.field or ""] if each]
        if not self.fields:
            raise ValueError("a group names at least one field")
        return self


class ValueGroup(_Group):
    """Grouped by the values of fields, most frequent first."""

    type: Literal["values"] = "values"
    limit: Annotated[int, BeforeValidator(lambda value: value or _USUAL_VALUES), Field(ge=1, le=_MOST_VALUES)] = (
        _USUAL_VALUES
    )
    skip_empty_values: bool = False


class TimesGroup(_Group):
    """Grouped by stretches of time."""

    type: Literal["time"]
    interval: Annotated[
        Annotated[AutomaticInterval, Tag("auto")] | Annotated[TimeunitInterval, Tag("timeunit")],
        _kind_of(("auto", "timeunit"), default="auto"),
    ] = Field(default_factory=AutomaticInterval)


class NumericRange(BaseModel):
    """From one number up to another, which is not in it; without an end on either side where there is none."""

    model_config = ConfigDict(populate_by_name=True)

    start: float | None = Field(None, alias="from")
    end: float | None = Field(None, alias="to")


class RangeGroup(_Group):
    """Grouped by ranges of numbers."""

    type: Literal["range"]
    ranges: list[NumericRange] = Field(max_length=_MOST_RANGES)


class PivotSort(BaseModel):
    """By which figure the groups are sorted."""

    type: str = Field("series", max_length=100)
    field: _FieldName = ""
    direction: str = Field("Descending", max_length=20)

    @property
    def descending(self) -> bool:
        """Whether the largest figure comes first."""
        return not self.direction.lower().startswith("asc")


Group = Annotated[
    Annotated[ValueGroup, Tag("values")] | Annotated[TimesGroup, Tag("time")] | Annotated[RangeGroup, Tag("range")],
    _kind_of(("values", "time", "range"), default="values"),
]
_AnySeries = Annotated[
    Annotated[AverageSeries, Tag("avg")]
    | Annotated[PercentileSeries, Tag("percentile")]
    | Annotated[PercentageSeries, Tag("percentage")]
    | Annotated[Series, Tag("series")],
    _kind_of(("avg", "percentile", "percentage"), default="count", other="series"),
]


class PivotType(_AnyType):
    """Rows, columns and figures."""

    type: Literal["pivot"]
    series: _OrEmpty[_AnySeries] = Field(default_factory=list, max_length=_MOST_SERIES)
    sort: _OrEmpty[PivotSort] = Field(default_factory=list, max_length=_MOST_SERIES)
    rollup: bool = True
    row_groups: _OrEmpty[Group] = Field(default_factory=list)
    column_groups: _OrEmpty[Group] = Field(default_factory=list)
    timezone: str = Field("UTC", max_length=100, exclude_if=lambda zone: zone == "UTC")

    @model_validator(mode="after")
    def _few_fields(self) -> PivotType:
        for name, groups in (("row_groups", self.row_groups), ("column_groups", self.column_groups)):
            if sum(len(each.fields) for each in groups) > _MOST_FIELDS:
                raise ValueError(f"{name} of a pivot name at most {_MOST_FIELDS} fields")
        return self


class UnknownType(_AnyType):
    """A search type that there is not here."""

    time_range: Any = None
    filters: Any = None


SearchType = Annotated[
    Annotated[MessagesType, Tag("messages")] | Annotated[PivotType, Tag("pivot")] | Annotated[UnknownType, Tag("?")],
    _kind_of(("messages", "pivot"), other="?"),
]


class ViewsQuery(BaseModel):
    """One query and what is wanted of what it finds."""

    id: str | None = Field(None, max_length=200)
    query: QueryText | None = None
    timerange: dict[str, Any] | None = None
    filter: dict[str, Any] | None = None
    filters: list[dict[str, Any]] | None = Field(None, max_length=100)
    search_types: list[SearchType] = Field(default_factory=list)


def everywhere(streams: Streams) -> dict[str, Any]:
    """Return the filter of a search that names no streams: all of them."""
    return {"type": "or", "filters": [{"type": "stream", "id": id} for id in streams.ids()]}


def shown_query(query: ViewsQuery) -> dict[str, Any]:
    """Return a query with its defaults."""
    shown = query.model_dump(by_alias=True)
    return shown | {
        "timerange": query.timerange or RECENT,
        "filters": query.filters or [],
        "query": (query.query or QueryText()).model_dump(),
    }
