"""The certificates of one stand-in: an authority of its own, its host's certificate, and one of another host.

All made at start and never trusted by anything but the test or the demonstration that was handed `ca_pem`.
"""

import datetime as dt
import hashlib
import ssl
import tempfile
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOST = "api.stand-in.test"
"""Resolves nowhere (RFC 6761 6.2), so that who connects has pinned the address."""

OTHER_HOST = "elsewhere.test"
_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """What a stand-in shows, and what vouches for it."""

    ca_pem: str
    spki_sha256: str
    """Of the host's key, 64 hex digits."""

    right: ssl.SSLContext
    wrong: ssl.SSLContext

    @classmethod
    def make(cls, host: str = HOST) -> "Certificates":
        """Make them all for one host; nothing stays on disk."""
        authority = _Authority.make()
        key = ec.generate_private_key(ec.SECP256R1())
        spki = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return cls(
            ca_pem=authority.certificate.public_bytes(serialization.Encoding.PEM).decode(),
            spki_sha256=hashlib.sha256(spki).hexdigest(),
            right=authority.context(key, host, "localhost"),
            wrong=authority.context(key, OTHER_HOST),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Authority:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def make(cls) -> "_Authority":
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("Authority of a stand-in")
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_agreement=False,
            key_encipherment=False, data_encipherment=False, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        builder = (
            _builder(name, name, key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(usage, critical=True)
        )
        return cls(key=key, certificate=builder.sign(key, hashes.SHA256()))

    def context(self, key: ec.EllipticCurvePrivateKey, *hosts: str) -> ssl.SSLContext:
        """Return a server's TLS context for the hosts; loopback goes with ``localhost``."""
        names: list[x509.GeneralName] = [x509.DNSName(host) for host in hosts]
        if "localhost" in hosts:
            names.append(x509.IPAddress(ip_address("127.0.0.1")))
        certificate = (
            _builder(_name(hosts[0]), self.certificate.subject, key.public_key())
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return _server_context(certificate, key)


def _server_context(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    # `ssl` reads a key from a file only; the folder is gone before anybody connects.
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "stand-in.pem")
        file.touch(mode=0o600)
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context.load_cert_chain(file)
    return context


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=_DAYS))
    )
