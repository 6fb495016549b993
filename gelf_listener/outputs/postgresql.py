"""postgresql: copy into a table."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import json
import math
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal, LiteralString, Self

import psycopg
from psycopg import sql
from pydantic import Field, model_validator

from gelf_listener.errors import ConfigError, Retry, describe
from gelf_listener.message import FieldValue, Message
from gelf_listener.outputs.confirmed import ConfirmedOutput
from gelf_listener.rendering.values import value_text
from gelf_listener.settings import Duration, OutputSettings

_COLUMNS: dict[str, LiteralString] = {
    "id": 'text collate "C" not null',
    "timestamp": "timestamptz not null",
    "received_at": "timestamptz not null",
    "host": "text not null",
    "level": "smallint",
    "short_message": "text not null",
    "full_message": "text",
    "input": "text",
    "peer": "inet",
    "fields": "jsonb not null",
}
_STAGING = "gelf_listener_batch"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]{0,49}")
"""A name of a table: PostgreSQL takes 63 bytes, and partitions' and indexes' names are longer than their table's."""
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""PostgreSQL's text holds no NUL, and UTF-8 no half of a surrogate pair."""
_LARGEST_INTEGER = 1 << 1024
_FOR_GOOD = (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.ProgramLimitExceeded)
"""Errors about a row; all others may pass, or be repaired by the operator."""
_AWAY = (psycopg.Error, OSError, TimeoutError)
_CLOSE_SECONDS = 2.0


class PostgresqlSettings(OutputSettings):
    """Settings of `postgresql://`."""

    host: str = Field("localhost", description="The server; a directory (`/run/postgresql`) means its socket.")
    port: int = Field(5432, ge=1, le=65535, description="Its port.")
    path: str = Field("", description="Database, after the slash; empty: the one called like the user.")
    user: str = Field("", description="User; empty: the one we run as.")
    password: str = Field("", description="Password; empty: what libpq finds in ~/.pgpass.", repr=False)
    table: str = Field("gelf", description="Table, or schema and table: `logs.gelf`.")
    create_table: bool = Field(True, description="Make the table, its index and partitions when they are not there.")
    partition: Literal["none", "daily", "monthly"] = Field(
        "none", description="Make the table partitioned by the time of receiving (UTC)."
    )
    tls: Literal["disable", "prefer", "require", "verify-ca", "verify-full"] = Field(
        "prefer", description="Encryption, in libpq's words (`sslmode`)."
    )
    ca: Path | None = Field(None, description="PEM file of the authority that issued the server's certificate.")
    cert: Path | None = Field(None, description="PEM file with our own certificate, for servers that ask for one.")
    key: Path | None = Field(None, description="PEM file with its private key.")
    timeout_seconds: Duration = Field(30.0, ge=1, le=3600, description="Time to connect, and for one batch.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        parts = self.table.split(".")
        if len(parts) > 2 or not all(map(_NAME.fullmatch, parts)):
            raise ValueError(f"{self.table!r} is not a name of a table: letters, digits and _, at most 50")
        return self


class PostgresqlOutput(ConfirmedOutput):
    """
    Copies messages into a table, a row each.

    Guarantee: at least once, and with the primary key on ``id`` each id once: a message that comes again is left out.
    A message counts as written once its transaction was committed.
    """

    Settings: ClassVar[type[PostgresqlSettings]] = PostgresqlSettings
    settings: PostgresqlSettings

    def __init__(self, settings: PostgresqlSettings) -> None:
        for name, path in (("ca", settings.ca), ("cert", settings.cert), ("key", settings.key)):
            if path is not None and not path.exists():
                raise ConfigError(f"setting {name!r}: {str(path)!r} does not exist")
        super().__init__(settings)
        self._table = sql.Identifier(*settings.table.split("."))
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._partitions: set[str] = set()
        self._duplicates = 0

    async def connect(self) -> None:
        """Connect, and make the table when it is not there; see `ConfirmedOutput.connect`."""
        try:
            await self._open()
        except _AWAY as error:
            await self.disconnect()
            raise Retry(describe(error)) from None

    async def send(self, messages: Sequence[Message]) -> str:
        """Copy messages in one transaction; see `ConfirmedOutput.send`."""
        try:
            await self._open()
            await self._insert(messages)
        except _AWAY as error:
            await self.disconnect()
            return describe(error)
        return ""

    def counters(self) -> dict[str, float]:
        """Return what was committed, and how much of it the table had already."""
        return super().counters() | {"duplicate_messages_total": self._duplicates}

    async def _insert(self, messages: Sequence[Message]) -> None:
        """Write messages; when a row among them cannot be stored, halves of them, down to that row."""
        if not messages:
            return
        try:
            async with asyncio.timeout(self.settings.timeout_seconds):
                inserted = await self._transaction(messages)
        except _FOR_GOOD as error:
            if len(messages) == 1:
                self._progress.refused(messages[0], describe(error))
                return
            middle = len(messages) // 2
            await self._insert(messages[:middle])
            await self._insert(messages[middle:])
        else:
            self._duplicates += len(messages) - inserted
            self._progress.written(messages)

    async def _transaction(self, messages: Sequence[Message]) -> int:
        """Copy messages into a table of this connection, and from there what is new; return how many were."""
        connection = self._connection
        assert connection is not None  # noqa: S101  (opened by write)
        await self._make_partitions(messages)
        columns = sql.SQL(", ").join(map(sql.Identifier, _COLUMNS))
        staging = sql.Identifier(_STAGING)
        async with connection.transaction(), connection.cursor() as cursor:
            async with cursor.copy(sql.SQL("copy {} ({}) from stdin").format(staging, columns)) as copy:
                for message in messages:
                    await copy.write_row(_row(message))
            statement = "insert into {} ({}) select {} from {} order by received_at, id on conflict do nothing"
            await cursor.execute(sql.SQL(statement).format(self._table, columns, columns, staging))
            return cursor.rowcount

    async def _open(self) -> None:
        if self._connection is not None and not self._connection.closed and not self._connection.broken:
            return
        await self.disconnect()
        settings = self.settings
        async with asyncio.timeout(settings.timeout_seconds):
            self._connection = connection = await psycopg.AsyncConnection.connect(
                host=settings.host,
                port=settings.port,
                dbname=settings.path.strip("/") or None,
                user=settings.user or None,
                password=settings.password or None,
                sslmode=settings.tls,
                sslrootcert=str(settings.ca) if settings.ca else None,
                sslcert=str(settings.cert) if settings.cert else None,
                sslkey=str(settings.key) if settings.key else None,
                connect_timeout=math.ceil(settings.timeout_seconds),
                application_name="gelf-listener",
                client_encoding="utf-8",
                autocommit=True,
            )
            if settings.create_table:
                await self._make_table(connection)
            await connection.execute(
                sql.SQL("create temporary table {} ({}) on commit delete rows").format(
                    sql.Identifier(_STAGING), _definitions()
                )
            )

    async def _make_table(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Make the table and its index; of several listeners that do so at once, one does."""
        partitioned = self.settings.partition != "none"
        key, by = (
            (sql.SQL("id, received_at"), sql.SQL(" partition by range (received_at)"))
            if partitioned
            else (sql.SQL("id"), sql.SQL(""))
        )
        index = sql.Identifier(f"{self.settings.table.split('.')[-1]}_timestamp")
        async with connection.transaction():
            await self._lock(connection)
            await connection.execute(
                sql.SQL("create table if not exists {} ({}, primary key ({}))").format(self._table, _definitions(), key)
                + by
            )
            await connection.execute(
                sql.SQL("create index if not exists {} on {} (timestamp)").format(index, self._table)
            )

    async def _make_partitions(self, messages: Sequence[Message]) -> None:
        settings, connection = self.settings, self._connection
        if settings.partition == "none" or not settings.create_table or connection is None:
            return
        for start in {_period(message.received_at, settings.partition) for message in messages}:
            name = f"{settings.table}_{start:%Y%m%d}"
            if name in self._partitions:
                continue
            statement = "create table if not exists {} partition of {} for values from ({}) to ({})"
            async with connection.transaction():
                await self._lock(connection)
                await connection.execute(
                    sql.SQL(statement).format(
                        sql.Identifier(*name.split(".")),
                        self._table,
                        sql.Literal(start),
                        sql.Literal(_next_period(start, settings.partition)),
                    )
                )
            self._partitions.add(name)

    async def _lock(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Let no other listener make the same until the transaction ends."""
        await connection.execute(
            "select pg_advisory_xact_lock(hashtext(%s))", (f"gelf-listener {self.settings.table}",)
        )

    async def disconnect(self) -> None:
        """Disconnect; see `ConfirmedOutput.disconnect`."""
        connection, self._connection = self._connection, None
        self._partitions.clear()
        if connection is not None:
            try:
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await connection.close()
            except _AWAY:
                pass


def _definitions() -> sql.Composed:
    return sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in _COLUMNS.items()
    )


def _row(message: Message) -> tuple[Any, ...]:
    """Return a message as a row, without what PostgreSQL cannot hold."""
    received_at = dt.datetime.fromtimestamp(message.received_at, dt.UTC)
    try:
        timestamp = dt.datetime.fromtimestamp(message.timestamp, dt.UTC)
    except (OverflowError, ValueError, OSError):
        timestamp = received_at
    return (
        message.id,
        timestamp,
        received_at,
        _text(message.host),
        message.level,
        _text(message.short_message),
        None if message.full_message is None else _text(message.full_message),
        message.input,
        None if message.peer is None else _address(message.peer.host),
        json.dumps({_text(name): _value(value) for name, value in message.fields.items()}, ensure_ascii=False),
    )


@lru_cache(4096)
def _address(host: str) -> str | None:
    """Return an address without its zone; None where a plug-in put something else."""
    host = host.partition("%")[0]
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return None
    return host


def _text(value: str) -> str:
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", value)


def _value(value: FieldValue) -> FieldValue:
    """Return a value as JSON has it; a number JSON or jsonb has no room for is a text."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return value if -_LARGEST_INTEGER < value < _LARGEST_INTEGER else value_text(value)


def _period(seconds: float, partition: str) -> dt.date:
    """Return the first day of the period of a partition."""
    day = dt.datetime.fromtimestamp(seconds, dt.UTC).date()
    return day.replace(day=1) if partition == "monthly" else day


def _next_period(start: dt.date, partition: str) -> dt.date:
    if partition == "daily":
        return start + dt.timedelta(days=1)
    return (start + dt.timedelta(days=31)).replace(day=1)
