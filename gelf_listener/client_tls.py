"""TLS: how we know whom we connect to, and how it knows us."""

from __future__ import annotations

import contextlib
import ssl
from pathlib import Path

from pydantic import BaseModel, Field

from gelf_listener.errors import ConfigError

_MOST_PEM_BYTES = 1024 * 1024


class ClientTlsSettings(BaseModel):
    """Settings of plug-ins that connect with TLS."""

    ca: Path | None = Field(
        None,
        description="PEM file of the authority that issued the destination's certificate; the system's by default.",
    )
    cert: Path | None = Field(None, description="PEM file with our own certificate, for those who ask for one.")
    key: Path | None = Field(None, description="PEM file with its private key, when it is not in `cert`.")
    key_password: str | None = Field(None, description="Password of an encrypted key.", repr=False)
    verify: bool = Field(True, description="Check that the destination's certificate is valid and names its host.")


class BrokerTlsSettings(ClientTlsSettings):
    """Settings of plug-ins that connect to a broker, perhaps with TLS."""

    tls: bool = Field(False, description="Encrypt the connection.")


def check_files(settings: ClientTlsSettings, *, tls: bool) -> None:
    """
    Look at what can be wrong without asking the destination.

    Raises:
        ConfigError: If a file is missing, or is set while TLS is off.
    """
    for name, path in (("ca", settings.ca), ("cert", settings.cert), ("key", settings.key)):
        if path is None:
            continue
        if not tls:
            raise ConfigError(f"setting {name!r} is of use with TLS only")
        if not path.exists():
            raise ConfigError(f"setting {name!r}: {str(path)!r} does not exist")


def broker_context(settings: BrokerTlsSettings) -> ssl.SSLContext | None:
    """
    Make the context of a connection; None when TLS is off.

    Raises:
        ConfigError: If a file is missing, unreadable, or does not fit the others.
    """
    check_files(settings, tls=settings.tls)
    return client_context(settings) if settings.tls else None


def load_certificate(context: ssl.SSLContext, cert: Path, key: Path | None, password: str | None) -> None:
    """
    Load a certificate and its key into a context.

    Raises:
        ConfigError: If they cannot be loaded.
    """
    try:
        # The callback keeps OpenSSL from asking on the terminal when a key turns out to be encrypted.
        context.load_cert_chain(cert, key, lambda: password or "")
    except (ssl.SSLError, OSError, ValueError) as error:
        hint = _key_hint(cert, key, password)
        raise ConfigError(f"settings 'cert' and 'key' cannot be loaded: {error}{hint}") from None


def _key_hint(cert: Path | None, key: Path | None, password: str | None) -> str:
    """Say what may be wrong with a certificate and key that cannot be loaded."""
    texts = {}
    for path in {path for path in (cert, key) if path is not None}:
        with contextlib.suppress(OSError):  # the error itself says so
            texts[path] = path.read_bytes()[:_MOST_PEM_BYTES]
    if cert in texts and b"-----BEGIN CERTIFICATE" not in texts[cert]:
        return "; 'cert' has no -----BEGIN CERTIFICATE----- (PEM)"
    holder = key or cert
    of_key = None if holder is None else texts.get(holder)
    if of_key is None:
        return ""
    if b"PRIVATE KEY-----" not in of_key:
        return f"; {'cert' if key is None else 'key'!r} has no -----BEGIN PRIVATE KEY----- (PEM)"
    if b"ENCRYPTED" not in of_key:
        return ""
    return "; is 'key_password' right?" if password else "; an encrypted key needs 'key_password'"


def client_context(settings: ClientTlsSettings) -> ssl.SSLContext:
    """
    Make the context of a connection with TLS.

    Raises:
        ConfigError: If a file is missing, unreadable, or does not fit the others.
    """
    check_files(settings, tls=True)
    try:
        context = ssl.create_default_context(cafile=None if settings.ca is None else str(settings.ca))
    except (ssl.SSLError, OSError) as error:
        raise ConfigError(f"setting 'ca' cannot be loaded: {error}") from None
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.cert is not None:
        load_certificate(context, settings.cert, settings.key, settings.key_password)
    return context
