"""Fixtures: real servers, each started when the first test of a session (of a worker) asks for it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme

from tests.services.fluent import FluentServer
from tests.services.kafka import Kafka
from tests.services.nats import NatsServer
from tests.services.opensearch import OpenSearch
from tests.services.postgresql import PostgreSql
from tests.services.rabbitmq import RabbitMq
from tests.services.redis import RedisServer
from tests.services.victorialogs import VictoriaLogs


class ServerCertificates(NamedTuple):
    """A small authority's files, PEM, readable by servers that run as another user."""

    ca: Path
    server: Path
    """Certificate and key of localhost and 127.0.0.1."""
    cert: Path
    key: Path


@pytest.fixture(scope="session")
def server_certificates(tmp_path_factory: pytest.TempPathFactory) -> ServerCertificates:
    """Make an authority and a server's certificate."""
    folder = tmp_path_factory.mktemp("authority")
    authority = trustme.CA()
    server = authority.issue_cert("localhost", "127.0.0.1")
    made = ServerCertificates(*(folder / f"{name}.pem" for name in ("ca", "server", "cert", "key")))
    authority.cert_pem.write_to_path(made.ca)
    server.private_key_and_cert_chain_pem.write_to_path(made.server)
    server.private_key_pem.write_to_path(made.key)
    for blob in server.cert_chain_pems:
        blob.write_to_path(made.cert, append=True)
    return made


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory, server_certificates: ServerCertificates) -> Iterator[RabbitMq]:
    """A RabbitMQ; a test that stops it starts it again."""
    made = RabbitMq(tmp_path_factory.mktemp("rabbitmq"), (server_certificates.server, server_certificates.ca))
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory, server_certificates: ServerCertificates) -> Iterator[Kafka]:
    """An Apache Kafka; a test that stops it starts it again."""
    made = Kafka(tmp_path_factory.mktemp("kafka"), server_certificates.cert, server_certificates.key)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def redis_server(
    tmp_path_factory: pytest.TempPathFactory, server_certificates: ServerCertificates
) -> Iterator[RedisServer]:
    """A Redis; a test that stops it starts it again, empty."""
    names = server_certificates
    made = RedisServer(tmp_path_factory.mktemp("redis"), names.ca, names.cert, names.key)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """A NATS with JetStream; a test that stops it starts it again."""
    made = NatsServer(tmp_path_factory.mktemp("nats"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def postgresql(server_certificates: ServerCertificates) -> Iterator[PostgreSql]:
    """A PostgreSQL; a test that stops it starts it again."""
    with tempfile.TemporaryDirectory(prefix="gelf-postgresql-") as folder:
        made = PostgreSql(Path(folder), server_certificates.cert, server_certificates.key)
        try:
            made.start()
            yield made
        finally:
            made.stop()


@pytest.fixture(scope="session")
def opensearch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenSearch]:
    """An OpenSearch; a test that stops it starts it again."""
    made = OpenSearch(tmp_path_factory.mktemp("opensearch"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def victorialogs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VictoriaLogs]:
    """A VictoriaLogs, which takes what Loki, OpenTelemetry, Elasticsearch and syslog clients send."""
    made = VictoriaLogs(tmp_path_factory.mktemp("victorialogs"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def fluent(tmp_path: Path, server_certificates: ServerCertificates) -> Iterator[FluentServer]:
    """A server of the forward protocol, not started."""
    made = FluentServer(tmp_path, server_certificates.cert, server_certificates.key)
    try:
        yield made
    finally:
        made.stop()
