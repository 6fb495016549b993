"""TLS settings: certificates that fit, and errors that say which file and why."""

from __future__ import annotations

import datetime as dt
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gelf_listener.errors import ConfigError
from gelf_listener.inputs.tls import TlsSettings, server_context


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a certificate, its key plain and encrypted, another key, and things that are neither."""
    directory = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (directory / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def private(encryption: Any, of: ec.EllipticCurvePrivateKey = key) -> bytes:
        return of.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)

    plain = private(serialization.NoEncryption())
    (directory / "key.pem").write_bytes(plain)
    (directory / "encrypted.pem").write_bytes(private(serialization.BestAvailableEncryption(b"hunter2")))
    (directory / "both.pem").write_bytes((directory / "cert.pem").read_bytes() + plain)
    other = ec.generate_private_key(ec.SECP256R1())
    (directory / "other.pem").write_bytes(private(serialization.NoEncryption(), other))
    (directory / "garbage.pem").write_text("no certificate")
    trustme.CA().cert_pem.write_to_path(directory / "ca.pem")
    (directory / "cas").mkdir()
    return directory


def context(files: Path, **settings: Any) -> ssl.SSLContext:
    paths = {name: files / value for name, value in settings.items() if name in ("cert", "key", "client_ca")}
    return server_context(TlsSettings(**settings | paths))


@pytest.mark.parametrize(
    "settings",
    [
        {"cert": "both.pem"},
        {"cert": "cert.pem", "key": "key.pem"},
        {"cert": "cert.pem", "key": "encrypted.pem", "key_password": "hunter2"},
        {"cert": "cert.pem", "key": "key.pem", "key_password": "not needed"},
    ],
    ids=lambda settings: "-".join(settings.values()),
)
def test_certificates(settings: dict[str, Any], files: Path) -> None:
    """In one file or two, with an encrypted key (PKCS#8) or a plain one; clients need show none."""
    made = context(files, **settings)
    assert made.verify_mode == ssl.CERT_NONE
    assert made.minimum_version == ssl.TLSVersion.TLSv1_2


def test_versions(files: Path) -> None:
    """TLS 1.2 and later, or 1.3 alone."""
    assert context(files, cert="both.pem", min_tls="1.3").minimum_version == ssl.TLSVersion.TLSv1_3


@pytest.mark.parametrize(
    ("auth", "mode"),
    [
        (None, ssl.CERT_REQUIRED),
        ("required", ssl.CERT_REQUIRED),
        ("optional", ssl.CERT_OPTIONAL),
        ("none", ssl.CERT_NONE),
    ],
)
@pytest.mark.parametrize("authority", ["ca.pem", "cas"])
def test_client_certificates(auth: str | None, mode: ssl.VerifyMode, authority: str, files: Path) -> None:
    """A CA, or a directory of them, asks for certificates unless told otherwise."""
    assert context(files, cert="both.pem", client_ca=authority, client_auth=auth).verify_mode == mode


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"cert": "none.pem"}, "setting 'cert': '"),
        ({"cert": "cert.pem", "key": "none.pem"}, "setting 'key': '"),
        ({"cert": "both.pem", "client_ca": "none.pem"}, "setting 'client_ca': '"),
        ({"cert": "cert.pem"}, "settings 'cert' and 'key' cannot be loaded"),
        ({"cert": "garbage.pem"}, "settings 'cert' and 'key' cannot be loaded"),
        ({"cert": "cert.pem", "key": "other.pem"}, "settings 'cert' and 'key' cannot be loaded"),
        ({"cert": "cert.pem", "key": "encrypted.pem"}, "an encrypted key needs 'key_password'"),
        ({"cert": "cert.pem", "key": "encrypted.pem", "key_password": "wrong"}, "is 'key_password' right?"),
        ({"cert": "cert.pem", "key": "encrypted.pem", "key_password": "x" * 2000}, "is 'key_password' right?"),
        ({"cert": "both.pem", "client_ca": "garbage.pem"}, "setting 'client_ca' cannot be loaded"),
        ({"cert": "both.pem", "client_auth": "required"}, "setting 'client_auth' is 'required', but 'client_ca' is not set"),
    ],
)  # fmt: skip
def test_errors(settings: dict[str, Any], words: str, files: Path) -> None:
    """Each names the setting; none asks on the terminal; none shows a password."""
    with pytest.raises(ConfigError) as caught:
        context(files, **settings)
    assert words in str(caught.value)
    for secret in ("wrong", "hunter2", "xxxx"):
        assert secret not in str(caught.value).replace("wrong tag", "").replace("wrong version", "")
