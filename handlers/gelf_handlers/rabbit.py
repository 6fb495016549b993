"""GELF over AMQP 0-9-1 (RabbitMQ), with publisher confirms. Needs the extra ``[amqp]``."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable
from logging import Filter, LogRecord
from typing import Any, Final, Unpack
from urllib.parse import unquote, urlsplit

import graypy
from graypy.handler import BaseGELFHandler

from gelf_handlers.capture import Captured
from gelf_handlers.handler import HandlerOptions, QueuedGELFHandler
from gelf_handlers.stats import Counters
from gelf_handlers.tls import make_context
from gelf_handlers.transport import Interrupted

__all__ = ["ExcludeFilter", "GELFRabbitHandler", "RabbitTransport"]

_HEARTBEAT_SECONDS: Final = 60
_CONFIRM_SECONDS: Final = 10.0
# graypy defines its class only where amqplib imports: on no Python 3. Where it is absent, its base is ours.
_Base: Any = getattr(graypy, "GELFRabbitHandler", BaseGELFHandler)


class ExcludeFilter(Filter):
    """A filter that excludes a logger and its children; graypy's class of that name."""

    def __init__(self, name: str) -> None:
        if not name:
            raise ValueError("ExcludeFilter requires a non-empty name")
        super().__init__(name)

    def filter(self, record: LogRecord) -> bool:
        """Return whether a record is from elsewhere."""
        return not super().filter(record)


class RabbitTransport:
    """
    Publishes persistent messages and waits for the broker's confirms, a batch at a time.

    Guarantee: at least once, from the broker's acknowledgement on. Messages are published as mandatory: one the
    exchange has no queue for comes back and is counted as rejected instead of vanishing.
    """

    max_batch = 200
    idle_seconds: float | None = _HEARTBEAT_SECONDS / 4

    def __init__(
        self,
        open_connection: Callable[[], Any],
        counters: Counters,
        *,
        exchange: str,
        exchange_type: str,
        routing_key: str,
    ) -> None:
        self.stopping: Callable[[], bool] = lambda: False
        self._open = open_connection
        self._counters = counters
        self._exchange = exchange
        self._exchange_type = exchange_type
        self._routing_key = routing_key
        self._connection: Any = None
        self._channel: Any = None
        self._published = 0
        self._unconfirmed: set[int] = set()
        self._refused: set[int] = set()
        self._returned: set[str] = set()

    def send(self, batch: deque[bytes]) -> None:
        """Publish what is in the batch and wait for the confirms."""
        import amqp

        try:
            self._send(batch, amqp.Message)
        except amqp.AMQPError as error:
            self.abandon()
            raise ConnectionError(f"{type(error).__name__}: {error}") from error
        except Interrupted:
            raise
        except OSError:
            self.abandon()
            raise

    def _send(self, batch: deque[bytes], message_class: Any) -> None:
        channel = self._connected()
        self._refused.clear()
        self._returned.clear()
        first = self._published + 1
        self._unconfirmed = set(range(first, first + len(batch)))
        for body in batch:
            self._published += 1
            message = message_class(
                body,
                content_type="application/json",
                content_encoding="utf-8",
                delivery_mode=2,
                message_id=str(self._published),
            )
            channel.basic_publish(message, self._exchange, self._routing_key, mandatory=True)
        tags = range(first, self._published + 1)
        deadline = time.monotonic() + _CONFIRM_SECONDS
        try:
            while self._unconfirmed:
                if self.stopping():
                    raise Interrupted("closing before the broker confirmed")
                if time.monotonic() > deadline:
                    raise TimeoutError(f"the broker did not confirm within {_CONFIRM_SECONDS:g} s")
                try:
                    self._connection.drain_events(timeout=0.25)
                except TimeoutError:
                    continue
        finally:
            kept = []
            for tag in tags:
                body = batch.popleft()
                if tag in self._unconfirmed or tag in self._refused:
                    kept.append(body)
                elif str(tag) in self._returned:
                    self._counters.rejected += 1
                    self._counters.fail(
                        f"no queue is bound to exchange {self._exchange!r} for routing key {self._routing_key!r}",
                        topic="unroutable",
                    )
                else:
                    self._counters.sent += 1
            batch.extendleft(reversed(kept))
        if batch:
            raise ConnectionError("the broker refused messages (basic.nack)")

    def _connected(self) -> Any:
        if self._channel is not None and self._connection.connected:
            return self._channel
        self.abandon()
        connection = self._open()
        try:
            connection.connect()
            channel = connection.channel()
            channel.exchange_declare(self._exchange, type=self._exchange_type, durable=True, auto_delete=False)
            channel.confirm_select()
        except BaseException:
            connection.collect()
            raise
        channel.events["basic_ack"].add(self._on_ack)
        channel.events["basic_nack"].add(self._on_nack)
        channel.events["basic_return"].add(self._on_return)
        self._published = 0
        self._connection, self._channel = connection, channel
        self._counters.connections += 1
        return channel

    def _on_ack(self, delivery_tag: int, multiple: bool) -> None:
        self._unconfirmed.difference_update(self._tags(delivery_tag, multiple))

    def _on_nack(self, delivery_tag: int, multiple: bool) -> None:
        tags = self._tags(delivery_tag, multiple)
        self._refused.update(tags)
        self._unconfirmed.difference_update(tags)

    def _tags(self, delivery_tag: int, multiple: bool) -> list[int]:
        return [tag for tag in self._unconfirmed if tag <= delivery_tag] if multiple else [delivery_tag]

    def _on_return(self, *arguments: Any) -> None:
        self._returned.add(str(arguments[-1].properties.get("message_id")))

    def idle(self) -> None:
        """Answer the broker's heartbeats and send ours."""
        if self._connection is None:
            return
        import amqp

        try:
            with contextlib.suppress(TimeoutError):
                self._connection.drain_events(timeout=0.01)
            self._connection.heartbeat_tick()
        except (amqp.AMQPError, OSError):
            self.abandon()

    def close(self) -> None:
        """Close the connection in the protocol's way."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            try:
                connection.close()
            except Exception:
                connection.collect()

    def abandon(self) -> None:
        """Close this process's copy of the socket."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            transport = getattr(connection, "_transport", None)
            raw = getattr(transport, "sock", None)
            if isinstance(raw, socket.socket):
                raw.close()  # collect() would shut the connection down for the parent process too


class GELFRabbitHandler(QueuedGELFHandler, _Base):
    """
    Publishes GELF to RabbitMQ; graypy's class of that name, on a maintained client.

    graypy 2.1.0 has no such class on Python 3 (amqplib does not import); where it has, this is a subclass of it.

    Args:
        url: ``amqp://user:password@host:port/virtual_host`` or ``amqps://``; parts are percent-decoded.
        exchange: Declared durable.
        exchange_type: Its type.
        virtual_host: Used if the URL names none.
        routing_key: Given to each message.
        validate: With ``amqps``: check the server's certificate and name.
        ca_certs: Bundle to check against; the system's when None.
        certfile: The client's certificate.
        keyfile: The client's key, unless it is in `certfile`.
        compress: Accepted as graypy does, without effect: AMQP consumers expect plain JSON.
        options: See `HandlerOptions`.

    Raises:
        ImportError: If the extra is not installed.
        ValueError: If the URL is not AMQP's.
    """

    def __init__(
        self,
        url: str,
        exchange: str = "logging.gelf",
        exchange_type: str = "fanout",
        virtual_host: str = "/",
        routing_key: str = "",
        *,
        validate: bool = True,
        ca_certs: str | None = None,
        certfile: str | None = None,
        keyfile: str | None = None,
        compress: bool = True,
        **options: Unpack[HandlerOptions],
    ) -> None:
        try:
            import amqp
        except ImportError as error:
            raise ImportError("GELFRabbitHandler needs the extra: pip install 'gelf-handlers[amqp]'") from error
        parsed = urlsplit(url)
        if parsed.scheme not in ("amqp", "amqps"):
            raise ValueError(f"invalid URL scheme {parsed.scheme!r}: expected amqp or amqps")
        theirs, ours = self._split_options(options)
        BaseGELFHandler.__init__(self, compress=compress, **theirs)
        tls = parsed.scheme == "amqps"
        self.url = url
        self.exchange = exchange
        self.exchange_type = exchange_type
        self.routing_key = routing_key
        self.virtual_host = unquote(parsed.path[1:]) or virtual_host
        host, port = parsed.hostname or "localhost", parsed.port or (5671 if tls else 5672)
        arguments: dict[str, Any] = {
            "host": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            "userid": unquote(parsed.username or "guest"),
            "password": unquote(parsed.password or "guest"),
            "virtual_host": self.virtual_host,
            "heartbeat": _HEARTBEAT_SECONDS,
            "connect_timeout": 5.0,
            "read_timeout": 10.0,
            "write_timeout": 10.0,
        }
        if tls:
            make_context(
                validate=validate, ca_certs=ca_certs, certfile=certfile, keyfile=keyfile
            )  # a bad file: tell now
            arguments["ssl"] = {"certfile": certfile, "keyfile": keyfile}
            if validate:
                arguments["ssl"] |= {"ca_certs": ca_certs, "cert_reqs": ssl.CERT_REQUIRED, "server_hostname": host}
            else:
                arguments["ssl"]["cert_reqs"] = ssl.CERT_NONE
        self._connect: Callable[[], Any] = lambda: amqp.Connection(**arguments)
        self.addFilter(ExcludeFilter("amqp"))
        self._start_queue(f"gelf+amqp{'s' if tls else ''}://{host}:{port}/{exchange}", **ours)

    def _new_transport(self, counters: Counters) -> RabbitTransport:
        return RabbitTransport(
            self._connect,
            counters,
            exchange=self.exchange,
            exchange_type=self.exchange_type,
            routing_key=self.routing_key,
        )

    def _encode(self, captured: Captured) -> bytes:
        """Return the message's JSON."""
        return self._pack_gelf_dict(self._make_gelf_dict(self._restore(captured)))
