"""TLS to brokers: what is wrong with certificates is said before anything is opened."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from gelf_listener.client_tls import BrokerTlsSettings, broker_context
from gelf_listener.errors import ConfigError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An authority, a client's certificate and key, and a file that is neither."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    client = authority.issue_cert("client@example.org")
    client.private_key_and_cert_chain_pem.write_to_path(tmp_path / "client.pem")
    (tmp_path / "text.pem").write_text("no certificate")
    return tmp_path


def test_off() -> None:
    """Nothing is loaded."""
    assert broker_context(BrokerTlsSettings()) is None


def test_on(folder: Path) -> None:
    """The broker has to prove its name, unless told otherwise."""
    context = broker_context(BrokerTlsSettings(tls=True, ca=folder / "ca.pem", cert=folder / "client.pem"))
    assert context is not None
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    trusting = broker_context(BrokerTlsSettings(tls=True, verify=False))
    assert trusting is not None
    assert trusting.verify_mode is ssl.CERT_NONE


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"ca": "ca.pem"}, "'ca' is of use with TLS only"),
        ({"tls": True, "ca": "absent.pem"}, "does not exist"),
        ({"tls": True, "ca": "text.pem"}, "'ca' cannot be loaded"),
        ({"tls": True, "cert": "text.pem"}, "'cert' and 'key' cannot be loaded"),
        ({"tls": True, "cert": "ca.pem", "key": "client.pem"}, "'cert' and 'key' cannot be loaded"),
    ],
)
def test_mistakes(folder: Path, settings: dict[str, Any], why: str) -> None:
    """Each names its setting."""
    paths = {name: folder / value if isinstance(value, str) else value for name, value in settings.items()}
    with pytest.raises(ConfigError, match=why):
        broker_context(BrokerTlsSettings(**paths))
