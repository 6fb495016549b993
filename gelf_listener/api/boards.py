"""
Boards: charts and lists on one page, and saved searches; made through the API, or in files of the configuration.

A file has the form that the API exports and imports, so a board that was made on the page can go on in Git.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from gelf_listener.errors import ConfigError, QueryError, describe
from gelf_listener.query import parse

_MAX_FILE_BYTES = 8 * 1024 * 1024

_FIGURE = re.compile(r"count|(?:count|distinct|avg|min|max|sum|stddev|variance|p\d{1,2}(?:\.\d{1,4})?|p100):.+")


def _query(text: str) -> str:
    try:
        parse(text or "*")
    except QueryError as error:
        raise ValueError(f"not a query: {error}") from None
    return text


def _figure(text: str) -> str:
    if not _FIGURE.fullmatch(text):
        raise ValueError(f"{text[:100]!r} is not a figure; expected count, or one of a field such as p95:duration_ms")
    return text


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
FieldName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
QueryText = Annotated[str, StringConstraints(max_length=8000), AfterValidator(_query)]
Figure = Annotated[str, StringConstraints(max_length=300), AfterValidator(_figure)]
Moment = Annotated[str, StringConstraints(max_length=100)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Range(_Document):
    """A time range as the API's parameters have it; all messages where nothing is given."""

    since: Moment = ""
    from_: Moment = Field("", alias="from")
    to: Moment = ""
    keyword: Moment = ""


class Panel(_Document):
    """A chart or a list."""

    title: Annotated[str, StringConstraints(max_length=200)] = ""
    show: Literal["lines", "bars", "heat", "table", "figures", "messages"] = Field(
        "lines", description="How: a chart, a table, figures alone, or the newest messages."
    )
    query: QueryText = ""
    by: Annotated[list[FieldName], Field(max_length=2, description="Fields, or time, as in aggregate.")] = []
    metric: Annotated[list[Figure], Field(min_length=1, max_length=4, description="As in aggregate.")] = ["count"]
    limit: Annotated[int, Field(ge=1, le=50, description="Most values of a field, or messages.")] = 10
    columns: Annotated[list[FieldName], Field(max_length=20, description="Of a list of messages.")] = []
    wide: bool = Field(False, description="Whether it is as wide as the page.")


class Board(_Document):
    """Charts and lists over one time range."""

    name: Name
    description: Annotated[str, StringConstraints(max_length=1000)] = ""
    range: Range = Field(default_factory=lambda: Range(since="1h"), description="Unless somebody chooses another.")
    panels: Annotated[list[Panel], Field(max_length=12)] = []


class SavedSearch(_Document):
    """A query with a name."""

    name: Name
    query: QueryText = ""
    range: Range = Field(default_factory=Range)
    columns: Annotated[list[FieldName], Field(max_length=50)] = []


class Collection(_Document):
    """What a file has."""

    gelf_listener: Literal[1] = Field(1, description="The file's format; an unknown one is refused.")
    boards: Annotated[list[Board], Field(max_length=100)] = []
    searches: Annotated[list[SavedSearch], Field(max_length=500)] = []


class Configured(NamedTuple):
    """What files have, by an id that stays as long as the name does."""

    boards: dict[str, Board]
    searches: dict[str, SavedSearch]


def read_boards(paths: Sequence[Path]) -> Configured:
    """
    Read files, and all ``*.json`` in directories.

    Raises:
        ConfigError: If one cannot be read, or two boards or searches have the same name.
    """
    boards: dict[str, Board] = {}
    searches: dict[str, SavedSearch] = {}
    for path in paths:
        try:
            files = sorted(path.glob("*.json")) if path.is_dir() else [path]
            texts = [(file, _bounded(file)) for file in files]
        except OSError as error:
            raise ConfigError(f"boards {str(path)!r} cannot be read: {describe(error)}") from None
        for file, text in texts:
            collection = _read(file, text)
            for board in collection.boards:
                boards[_id(board.name, boards, file)] = board
            for search in collection.searches:
                searches[_id(search.name, searches, file)] = search
    return Configured(boards, searches)


def _bounded(file: Path) -> bytes:
    with file.open("rb") as opened:
        text = opened.read(_MAX_FILE_BYTES + 1)
    if len(text) > _MAX_FILE_BYTES:
        raise ConfigError(f"boards {str(file)!r}: larger than {_MAX_FILE_BYTES // 2**20} MiB")
    return text


def _read(file: Path, text: bytes) -> Collection:
    try:
        return Collection.model_validate(json.loads(text))
    except ValidationError as error:
        [first, *_] = error.errors(include_url=False)
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"boards {str(file)!r}: {where}: {first['msg'].removeprefix('Value error, ')}") from None
    except ValueError as error:
        raise ConfigError(f"boards {str(file)!r} is not JSON: {error}") from None


def _id(name: str, taken: Container[str], file: Path) -> str:
    id = "configured-" + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if id in taken:
        raise ConfigError(f"boards {str(file)!r}: {name!r} is there twice; give one another name")
    return id
