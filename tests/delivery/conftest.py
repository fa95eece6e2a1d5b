"""Certificates of the tests' own authority, and a recording mail server."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.delivery.servers import Recorder
from tests.delivery.zygote import Zygote


@dataclass(frozen=True)
class Authority:
    """A certificate authority of the tests.

    Attributes:
        file: its certificate, for clients.
        good: server side with a certificate for localhost and 127.0.0.1.
        other: server side with a certificate for another host, by the same authority.
    """

    file: Path
    good: ssl.SSLContext
    other: ssl.SSLContext


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder = tmp_path_factory.mktemp("authority")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of the tests")])
    own = _builder(name, name, key).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    certificate = own.sign(key, hashes.SHA256())
    file = folder / "authority.pem"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    local = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    return Authority(
        file,
        _server_side(folder / "good.pem", name, key, local),
        _server_side(folder / "other.pem", name, key, [x509.DNSName("elsewhere.example")]),
    )


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
    )


def _server_side(
    path: Path, issuer: x509.Name, issuer_key: ec.EllipticCurvePrivateKey, names: list[x509.GeneralName]
) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Mail server of the tests")])
    built = _builder(subject, issuer, key).add_extension(x509.SubjectAlternativeName(names), critical=False)
    certificate = built.sign(issuer_key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """A mail server (aiosmtpd) that records every mail it accepts."""
    with Recorder() as server:
        yield server


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """What runs enqueue and deliver in processes that may be killed."""
    with Zygote() as running:
        yield running
