"""Kafka: how to reach a cluster, and what librdkafka says about it."""

from __future__ import annotations

import logging
from typing import Annotated, Any, Literal

from confluent_kafka import KafkaError, KafkaException
from pydantic import BeforeValidator, Field

from gelf_listener.client_tls import BrokerTlsSettings, check_files
from gelf_listener.errors import ConfigError

_log = logging.getLogger(__name__)


def _properties(value: object) -> object:
    """Read ``a=1,b=2``."""
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in value.split(",") if part.strip()]
    if any(not equals for _, equals, _ in pairs):
        raise ValueError("expected name=value, separated by commas")
    return {name.strip(): text.strip() for name, _, text in pairs}


class KafkaSettings(BrokerTlsSettings):
    """Settings of plug-ins that speak Kafka's protocol."""

    host: str = Field("localhost", description="A broker of the cluster; it tells of the others.")
    port: int = Field(9092, ge=1, le=65535, description="Its port.")
    bootstrap_servers: str = Field(
        "", description="More brokers to ask when that one is away: `host:port`, separated by commas."
    )
    user: str = Field("", description="User, for clusters that ask for one (SASL).")
    password: str = Field("", description="Password.", repr=False)
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "PLAIN", description="How user and password are sent."
    )
    properties: Annotated[dict[str, str], BeforeValidator(_properties)] = Field(
        default_factory=dict,
        description="More settings of librdkafka, by its names: `name=value`, separated by commas.",
        repr=False,
    )

    def client_config(self) -> dict[str, Any]:
        """
        Return these settings by librdkafka's names.

        Raises:
            ConfigError: If a certificate's file is missing.
        """
        check_files(self, tls=self.tls)
        host = f"[{self.host}]" if ":" in self.host else self.host
        servers = [f"{host}:{self.port}", *filter(None, map(str.strip, self.bootstrap_servers.split(",")))]
        config: dict[str, Any] = {
            "bootstrap.servers": ",".join(servers),
            "client.id": "gelf-listener",
            "security.protocol": ("SASL_" if self.user else "") + ("SSL" if self.tls else "PLAINTEXT"),
            "reconnect.backoff.max.ms": 5000,
            "log_level": 2,  # what it would say about lost connections we say ourselves, once
        }
        if self.user:
            config |= {
                "sasl.mechanism": self.sasl_mechanism,
                "sasl.username": self.user,
                "sasl.password": self.password,
            }
        if self.tls:
            config |= {
                "ssl.ca.location": str(self.ca) if self.ca else None,
                "ssl.certificate.location": str(self.cert) if self.cert else None,
                "ssl.key.location": str(self.key or self.cert) if self.cert else None,
                "ssl.key.password": self.key_password,
                "enable.ssl.certificate.verification": self.verify,
                "ssl.endpoint.identification.algorithm": "https" if self.verify else "none",
            }
        return {name: value for name, value in config.items() if value is not None}


class KafkaClient:
    """
    Remembers what librdkafka says went wrong, which it tells apart from what became of messages.

    Args:
        name: Of the input or output, for the log.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.last_error = ""

    def on_error(self, error: KafkaError) -> None:
        """Keep an error; called by librdkafka while it is polled."""
        text = error.str()
        if error.code() == KafkaError._ALL_BROKERS_DOWN and self.last_error:  # noqa: SLF001  (their public name)
            return  # what was said before says why
        if text != self.last_error:
            _log.warning("%s: %s", self.name, text)
        self.last_error = text


def make_client(kind: Any, config: dict[str, Any], properties: dict[str, str], client: KafkaClient) -> Any:
    """
    Make a producer or consumer.

    Args:
        kind: The class.
        config: Our configuration.
        properties: What the operator adds; these win.
        client: Is told of errors.

    Raises:
        ConfigError: If librdkafka does not know a property, or its value or a file is unusable.
    """
    try:
        return kind(config | properties | {"error_cb": client.on_error})
    except (KafkaException, TypeError, ValueError) as error:
        detail = error.args[0] if error.args else error
        text = detail.str() if isinstance(detail, KafkaError) else str(detail)
        raise ConfigError(f"librdkafka does not take these settings: {text}") from None
