"""postgresql: tables of a real PostgreSQL."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from gelf_listener.address import Address
from gelf_listener.errors import ConfigError, Refused, Retry
from gelf_listener.outputs.postgresql import PostgresqlOutput
from gelf_listener.plugins import OUTPUT_GROUP, make
from gelf_listener.testing.contracts import OutputContract, run
from tests.services.postgresql import PostgreSql
from tests.services.runner import start_patiently, write_patiently
from tests.unit.outputs.messages import RECEIVED_AT, make_batch, make_message

pytestmark = pytest.mark.external

DAY = 86400


@pytest.fixture
def connection(postgresql: PostgreSql) -> Iterator[Any]:
    """An administrator's connection."""
    with postgresql.connect() as made:
        yield made


@pytest.fixture
def table() -> str:
    """A new name."""
    return f"t{uuid.uuid4().hex}"


def output(server: PostgreSql, table: str, **settings: Any) -> PostgresqlOutput:
    address = f"postgresql://postgres@127.0.0.1:{server.port}/postgres?table={table}"
    made: PostgresqlOutput = make(OUTPUT_GROUP, Address.parse(address), settings)
    return made


async def written(made: PostgresqlOutput, batch: list[Any]) -> None:
    try:
        await made.start()
        await made.write(batch)
    finally:
        await made.close()


def texts(connection: Any, table: str) -> list[str]:
    if connection.execute("select to_regclass(%s)", (table,)).fetchone()[0] is None:
        return []
    return [row[0] for row in connection.execute(f"select short_message from {table} order by received_at, id")]


class TestOutputContract(OutputContract):
    """The laws of every output."""

    scheme = "postgresql"

    @pytest.fixture(autouse=True)
    def _table(self, postgresql: PostgreSql, connection: Any, table: str) -> None:
        self.server, self.connection, self.table = postgresql, connection, table

    def make(self, tmp_path):
        return output(self.server, self.table)

    def texts(self, tmp_path):
        return texts(self.connection, self.table)


def test_a_row(postgresql: PostgreSql, connection: Any, table: str) -> None:
    """Every part of a message has its column; fields keep their types."""
    fields: dict[str, Any] = {"n": 5, "x": 1.5, "yes": True, "text": "ü", "big": 2**70}
    message = make_message(
        "hello", level=3, full_message="more", fields=fields, timestamp=RECEIVED_AT - 1.25, received_at=RECEIVED_AT
    )
    run(written(output(postgresql, table), [message]))
    row = connection.execute(
        f"select id, timestamp, received_at, host, level, short_message, full_message, input, host(peer), fields from {table}"
    ).fetchone()
    received = dt.datetime.fromtimestamp(RECEIVED_AT, dt.UTC)
    expected = (received - dt.timedelta(seconds=1.25), received, "web1", 3, "hello", "more", "gelf+udp-12201")
    assert row == (message.id, *expected, "192.0.2.7", fields)
    found = connection.execute(f"select fields->>'text' from {table} where (fields->>'n')::int > 4").fetchall()
    assert found == [("ü",)]


def test_what_postgresql_cannot_hold(postgresql: PostgreSql, connection: Any, table: str) -> None:
    """NUL, half surrogates, infinite and gigantic numbers, and times beyond the calendar are made fit."""
    fields: dict[str, Any] = {
        "nul\0": "a\0b",
        "half": "\ud800x",
        "nan": float("nan"),
        "inf": float("-inf"),
        "big": 10**5000,
    }
    odd = make_message("a\0b\udfff", host="h\0", fields=fields, timestamp=1e18, raw=b"{}", exact=False)
    tabs = make_message("tab\tnew\nline\\N", fields={"null": "\\N"})
    run(written(output(postgresql, table), [odd, tabs]))
    first, second = connection.execute(f"select short_message, host, fields, timestamp from {table} order by id")
    bad = "\N{REPLACEMENT CHARACTER}"
    assert first[:2] == (f"a{bad}b{bad}", f"h{bad}")
    assert first[2].pop("big").startswith("0x")
    assert first[2] == {f"nul{bad}": f"a{bad}b", "half": f"{bad}x", "nan": "nan", "inf": "-inf"}
    assert first[3] == dt.datetime.fromtimestamp(RECEIVED_AT, dt.UTC)
    assert (second[0], second[2]) == ("tab\tnew\nline\\N", {"null": "\\N"})


def test_what_comes_again_is_stored_once(postgresql: PostgreSql, connection: Any, table: str) -> None:
    """Whether in one batch, a later one, or from another listener."""
    batch = make_batch(5)
    batch[3].stored_id = batch[2].id
    made = output(postgresql, table)
    run(written(made, batch))
    run(written(output(postgresql, table), batch + make_batch(1, start=5)))
    assert texts(connection, table) == [f"message {number}" for number in (0, 1, 2, 4, 5)]
    assert made.counters() == {"written_messages_total": 5, "duplicate_messages_total": 1}


def test_bad_rows_are_refused_by_themselves(postgresql: PostgreSql, connection: Any, table: str) -> None:
    """An operator's constraint refuses its rows, the rest is written, in order."""
    connection.execute(
        f"create table {table} (id text primary key, timestamp timestamptz, received_at timestamptz, host text,"
        " level smallint, short_message text check (short_message not like '%7'), full_message text, input text,"
        " peer inet, fields jsonb)"
    )
    batch = make_batch(30)
    made = output(postgresql, table)
    with pytest.raises(Refused, match="check constraint") as caught:
        run(written(made, batch))
    assert list(caught.value.messages) == [batch[7], batch[17], batch[27]]
    assert texts(connection, table) == [f"message {number}" for number in range(30) if number % 10 != 7]
    assert made.counters()["written_messages_total"] == 27


@pytest.mark.parametrize("partition", ["daily", "monthly"])
def test_partitions(postgresql: PostgreSql, connection: Any, table: str, partition: str) -> None:
    """One for each period of receiving, whatever the clients' clocks say; made as they are needed."""
    batch = [make_message(f"m{n}", received_at=RECEIVED_AT + n * DAY, timestamp=0.0) for n in (0, 0, 1, 40)]
    run(written(output(postgresql, table, partition=partition), batch))
    run(written(output(postgresql, table, partition=partition), batch))
    names = connection.execute(
        "select relid::regclass::text from pg_partition_tree(%s) where isleaf order by 1", (table,)
    ).fetchall()
    ends = {"daily": ["20260921", "20260922", "20261031"], "monthly": ["20260901", "20261001"]}
    assert names == [(f"{table}_{end}",) for end in ends[partition]]
    assert texts(connection, table) == ["m0", "m0", "m1", "m40"]


def test_listeners_that_start_at_once(postgresql: PostgreSql, connection: Any, table: str) -> None:
    """Make the table and its partitions together, and write all."""

    async def main() -> None:
        made = [output(postgresql, table, partition="daily") for _ in range(6)]
        await asyncio.gather(*(written(one, make_batch(10, start=n * 10)) for n, one in enumerate(made)))

    run(main())
    assert len(texts(connection, table)) == 60


def test_a_schema(postgresql: PostgreSql, connection: Any, table: str) -> None:
    """The table's name may have one."""
    connection.execute(f"create schema s{table[:20]}")
    name = f"s{table[:20]}.logs"
    run(written(output(postgresql, name, partition="daily"), make_batch(2)))
    assert len(texts(connection, name)) == 2


def test_no_table(postgresql: PostgreSql, table: str) -> None:
    """Somebody may make it."""
    with pytest.raises(Retry, match="does not exist"):
        run(written(output(postgresql, table, create_table=False), make_batch(1)))


def test_tls_and_password(postgresql: PostgreSql, connection: Any, table: str, server_certificates: Any) -> None:
    """Both sides prove who they are."""
    connection.execute("drop role if exists ann")
    connection.execute("create role ann login superuser password 'secret'")

    def secure(password: str, **settings: Any) -> PostgresqlOutput:
        address = f"postgresql://ann:{password}@localhost:{postgresql.port}/postgres?table={table}&tls=verify-full"
        made: PostgresqlOutput = make(OUTPUT_GROUP, Address.parse(address), settings)
        return made

    run(written(secure("secret", ca=server_certificates.ca), make_batch(1)))
    assert len(texts(connection, table)) == 1
    with pytest.raises(Retry, match="password authentication failed"):
        run(written(secure("wrong", ca=server_certificates.ca), []))
    with pytest.raises(Retry, match="certificate"):
        run(written(secure("secret"), []))


def test_the_server_is_away(postgresql: PostgreSql, table: str) -> None:
    """Absent, waiting for a lock, or ended while we were connected: tried again, and nothing comes twice."""
    with pytest.raises(Retry, match="refused"):
        run(written(make(OUTPUT_GROUP, Address.parse("postgresql://127.0.0.1:1/x")), []))

    async def main() -> None:
        made = output(postgresql, table, timeout_seconds=1)
        batch = make_batch(3)
        await start_patiently(made)
        await write_patiently(made, batch[:1])
        with postgresql.connect() as other, other.transaction():
            other.execute(f"lock table {table} in access exclusive mode")
            with pytest.raises(Retry, match="no answer in time"):
                await made.write(batch)
        await write_patiently(made, batch)
        postgresql.stop()
        with pytest.raises(Retry):
            await made.write(batch)
        postgresql.start()
        await write_patiently(made, batch)
        await made.close()

    run(main())
    with postgresql.connect() as connection:
        assert texts(connection, table) == ["message 0", "message 1", "message 2"]


def test_settings_that_cannot_work() -> None:
    """Are said before anything is opened."""
    for address, why in {
        "postgresql://x?table=a;drop": "is not a name of a table",
        "postgresql://x?table=a.b.c": "is not a name of a table",
        "postgresql://x?ca=/no/such": "does not exist",
        "postgresql://x?tls=maybe": "'tls' is 'maybe'",
    }.items():
        with pytest.raises(ConfigError, match=why):
            make(OUTPUT_GROUP, Address.parse(address))
