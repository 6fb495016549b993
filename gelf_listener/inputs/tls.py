"""TLS: certificates and client certificates of the encrypted inputs."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from gelf_listener.client_tls import load_certificate
from gelf_listener.errors import ConfigError
from gelf_listener.settings import Duration

_log = logging.getLogger(__name__)


class TlsSettings(BaseModel):
    """Settings of inputs that listen with TLS."""

    cert: Path = Field(description="PEM file with the certificate and its chain (and the key, when `key` is not set).")
    key: Path | None = Field(None, description="PEM file with the private key; may be encrypted (PKCS#8).")
    key_password: str | None = Field(None, description="Password of an encrypted key.", repr=False)
    client_ca: Path | None = Field(
        None, description="PEM file or directory of CAs whose client certificates are accepted."
    )
    client_auth: Literal["none", "optional", "required"] | None = Field(
        None, description="Whether clients must show a certificate; `required` when `client_ca` is set."
    )
    min_tls: Literal["1.2", "1.3"] = Field("1.2", description="Oldest TLS version that is accepted.")
    handshake_timeout_seconds: Duration = Field(10.0, gt=0, le=600, description="Time for a handshake.")


def tls_of(settings: object) -> TlsSettings | None:
    """Return an input's settings for TLS; None if it does not listen with TLS."""
    return settings if isinstance(settings, TlsSettings) else None


def server_context(settings: TlsSettings) -> ssl.SSLContext:
    """
    Load certificates into a context for a listening socket.

    Raises:
        ConfigError: If a file is missing, unreadable, or does not fit the others.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    # No session tickets (TLS 1.3): they lie unread with clients that only write, and closing a socket with unread data
    # resets the connection, which loses what was sent last. That is every GELF client but those that speak HTTP.
    context.num_tickets = 0
    context.minimum_version = ssl.TLSVersion.TLSv1_3 if settings.min_tls == "1.3" else ssl.TLSVersion.TLSv1_2
    for name, path in (("cert", settings.cert), ("key", settings.key), ("client_ca", settings.client_ca)):
        if path is not None and not path.exists():
            raise ConfigError(f"setting {name!r}: {str(path)!r} does not exist")
    load_certificate(context, settings.cert, settings.key, settings.key_password)
    client_auth = settings.client_auth or ("required" if settings.client_ca else "none")
    if client_auth != "none":
        if settings.client_ca is None:
            raise ConfigError(f"setting 'client_auth' is {client_auth!r}, but 'client_ca' is not set")
        try:
            if settings.client_ca.is_dir():
                context.load_verify_locations(capath=str(settings.client_ca))
            else:
                context.load_verify_locations(cafile=str(settings.client_ca))
        except (ssl.SSLError, OSError) as error:
            raise ConfigError(f"setting 'client_ca' cannot be loaded: {error}") from None
        context.verify_mode = ssl.CERT_REQUIRED if client_auth == "required" else ssl.CERT_OPTIONAL
    return context
