"""TLS contexts for the handlers: graypy's arguments, today's `ssl`."""

from __future__ import annotations

import ssl

__all__ = ["make_context"]


def make_context(
    *, validate: bool, ca_certs: str | None, certfile: str | None, keyfile: str | None, check_hostname: bool = True
) -> ssl.SSLContext:
    """
    Make a client's context.

    Args:
        validate: Check the server's certificate and, unless `check_hostname` is off, its name.
        ca_certs: Bundle to check against; the system's when None.
        certfile: The client's certificate, and its key unless `keyfile` is given.
        keyfile: The client's key.
        check_hostname: Check the name in the certificate.

    Raises:
        OSError: If a file is missing or no certificate.
    """
    context = ssl.create_default_context(cafile=ca_certs)
    if not validate:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif not check_hostname:
        context.check_hostname = False
    if certfile is not None:
        context.load_cert_chain(certfile, keyfile)
    return context
