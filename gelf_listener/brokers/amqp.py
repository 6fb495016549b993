"""
AMQP 0-9-1: how to reach a broker (RabbitMQ, LavinMQ).

aiormq is used without aio-pika on top of it: that waits for the socket after each publish, which halves the rate,
and restores connections by itself, while here input and runner have to know that one broke.
"""

from __future__ import annotations

import asyncio
import logging
import math
import ssl
from typing import cast
from urllib.parse import quote

import aiormq
import aiormq.exceptions
from pydantic import Field

from gelf_listener.client_tls import BrokerTlsSettings
from gelf_listener.errors import Retry, describe
from gelf_listener.settings import Duration

AMQP_ERRORS = (
    aiormq.exceptions.AMQPError,
    aiormq.exceptions.ChannelInvalidStateError,
    OSError,
    EOFError,
    asyncio.IncompleteReadError,
    TimeoutError,
)
"""What aiormq raises when a broker is away, refuses, or hangs up."""

_CLOSE_SECONDS = 2.0

# What the library says about lost connections we say ourselves, once.
logging.getLogger("aiormq").setLevel(logging.CRITICAL)


class AmqpSettings(BrokerTlsSettings):
    """Settings of plug-ins that speak AMQP."""

    host: str = Field("localhost", description="The broker.")
    port: int = Field(0, ge=0, le=65535, description="Its port; 0: 5672, or 5671 with TLS.")
    path: str = Field("/", description="Virtual host, after the slash: `/logs`. `/` is the default one.")
    user: str = Field("guest", description="User.")
    password: str = Field("guest", description="Password.", repr=False)
    heartbeat_seconds: Duration = Field(
        60, ge=0, le=65535, description="Interval of heartbeats; a connection without is closed. 0: none."
    )
    connect_timeout_seconds: Duration = Field(10.0, gt=0, le=600, description="Time to connect.")


def url_of(settings: AmqpSettings) -> str:
    """Write the URL of a broker as aiormq reads it."""
    scheme, port = ("amqps", 5671) if settings.tls else ("amqp", 5672)
    credentials = f"{quote(settings.user, safe='')}:{quote(settings.password, safe='')}"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    virtual_host = settings.path.removeprefix("/") or "/"
    return (
        f"{scheme}://{credentials}@{host}:{settings.port or port}/{quote(virtual_host, safe='')}"
        f"?heartbeat={math.ceil(settings.heartbeat_seconds)}&name=gelf-listener"
    )


async def connect(settings: AmqpSettings, context: ssl.SSLContext | None) -> aiormq.Connection:
    """
    Open a connection.

    Raises:
        Retry: If the broker is away or does not let us in; that may be repaired on its side.
    """
    connection = aiormq.Connection(url_of(settings), context=context)
    try:
        async with asyncio.timeout(settings.connect_timeout_seconds):
            await connection.connect()
    except BaseException as error:
        await disconnect(connection)
        if isinstance(error, AMQP_ERRORS):
            raise Retry(f"no connection to {settings.host}: {describe(error)}") from None
        raise
    return connection


async def open_channel(connection: aiormq.Connection) -> aiormq.Channel:
    """Open a channel on which the broker confirms what is published, or says that no queue takes it."""
    return cast("aiormq.Channel", await connection.channel(publisher_confirms=True, on_return_raises=True))


async def disconnect(connection: aiormq.Connection | None) -> None:
    """Close a connection, whatever state it is in, within a bounded time."""
    if connection is None:
        return
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await connection.close()
    except AMQP_ERRORS:
        pass


def broker_words(error: BaseException) -> str:
    """Say what went wrong in the broker's words, or the name of the error when it has none."""
    texts = [str(part) for part in error.args if part is not None]
    return ": ".join(texts) or describe(error)
