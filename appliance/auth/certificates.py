"""The self-made certificate authority of the embedded default, and the gateway's certificate under it.

The authority may name this machine and loopback only (RFC 5280 §4.2.1.10 name constraints), so trusting its
``ca.crt`` trusts nothing else; its key stays in HOME/tls, mode 0600.  The server's certificate is renewed at start
when fewer than 30 days are left.  Files that this module did not make, or that do not belong together, are
never overwritten: ConfigError says what to do.

::

    made = ensure_certificates(config.tls, default_hosts(config.host))
"""

import ipaddress
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from appliance.auth.private_file import locked, write_private
from appliance.clock import Clock
from appliance.config import make_private
from appliance.errors import ConfigError

AUTHORITY_LIFETIME = timedelta(days=3652)
"""Ten years: about the life of the server; clients install it once."""

SERVER_LIFETIME = timedelta(days=397)
"""Clients refuse longer ones (CA/Browser Forum Baseline Requirements, 6.3.2, 398 days)."""

RENEW_BEFORE = timedelta(days=30)
"""A restart a month is enough to never see an expired one."""

BACKDATED = timedelta(hours=1)
"""Tolerates clients whose clock is behind; taken out of the lifetime."""

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """Where the files are."""

    ca: Path
    """Certificate that callers trust; not a secret."""

    certificate: Path
    key: Path
    unnamed: tuple[str, ...] = ()
    """Wanted hosts that the authority may not name, because it was made before the machine had them."""


@dataclass(frozen=True, slots=True)
class _Pair:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def default_hosts(host: str) -> tuple[str, ...]:
    """Return the names by which callers reach a gateway that listens on `host`."""
    names = ["localhost", "127.0.0.1", "::1", socket.gethostname().lower()]
    if host not in {"", "0.0.0.0", "::"}:  # noqa: S104  # compared with, not bound to
        names.append(host.lower())
    return tuple(dict.fromkeys(names))


def ensure_certificates(folder: Path, hosts: Sequence[str], *, clock: Clock | None = None) -> Certificates:
    """Make what is missing, renew what runs out, and return the files.

    Raises ConfigError when a file is foreign, damaged, expired (the authority) or readable by others (a key).
    """
    now = (clock or Clock()).now()
    make_private(folder)
    with locked(folder / "tls"):
        if not _is_any_there(folder):
            _write_pair(folder, "ca", _new_authority(hosts, now))
        authority = _read_pair(folder, "ca")
        _check_authority(folder, authority, now)
        named = tuple(host for host in hosts if _may_name(authority.certificate, host))
        if not _is_server_good(folder, authority, hosts=named, now=now):
            _write_pair(folder, "server", _new_server(authority, named, now))
    return Certificates(
        ca=folder / "ca.crt",
        certificate=folder / "server.crt",
        key=folder / "server.key",
        unnamed=tuple(host for host in hosts if host not in named),
    )


def _is_any_there(folder: Path) -> bool:
    return any((folder / name).exists() for name in ("ca.crt", "server.crt", "server.key"))


def _check_authority(folder: Path, authority: _Pair, now: datetime) -> None:
    certificate = authority.certificate
    advice = f"Move {folder} away and start again to make a new one; callers must then trust the new ca.crt."
    if certificate.public_key() != authority.key.public_key():
        raise ConfigError(f"{folder}/ca.crt and ca.key do not belong together. {advice}")
    if now >= certificate.not_valid_after_utc:
        raise ConfigError(f"The certificate authority in {folder} has expired. {advice}")
    if now < certificate.not_valid_before_utc:
        raise ConfigError(f"The certificate authority in {folder} is from the future; set this machine's clock.")


def _is_server_good(folder: Path, authority: _Pair, *, hosts: Sequence[str], now: datetime) -> bool:
    files = [folder / "server.crt", folder / "server.key"]
    if not all(file.exists() for file in files):
        return False
    server = _read_pair(folder, "server")
    try:
        server.certificate.verify_directly_issued_by(authority.certificate)
    except (InvalidSignature, ValueError, TypeError) as error:
        message = f"{files[0]} was not issued by {folder}/ca.crt; move {folder} away, or remove server.crt and "
        message += "server.key to have new ones made."
        raise ConfigError(message) from error
    certificate = server.certificate
    is_current = certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - RENEW_BEFORE
    is_pair = certificate.public_key() == server.key.public_key()
    return is_current and is_pair and set(hosts) <= _names_of(certificate)


def _names_of(certificate: x509.Certificate) -> set[str]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in names}


def _may_name(authority: x509.Certificate, host: str) -> bool:
    permitted = authority.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
    address = _to_address(host)
    if address is None:
        return any(isinstance(name, x509.DNSName) and name.value == host for name in permitted)
    return any(isinstance(name, x509.IPAddress) and _covers(name.value, address) for name in permitted)


def _covers(network: object, address: _Address) -> bool:
    return isinstance(network, ipaddress.IPv4Network | ipaddress.IPv6Network) and address in network


def _to_address(host: str) -> _Address | None:
    with suppress(ValueError):
        return ipaddress.ip_address(host)
    return None


def _new_authority(hosts: Sequence[str], now: datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"Clinical inference appliance CA {os.urandom(4).hex()}")
    permitted: list[x509.GeneralName] = []
    for host in hosts:
        address = _to_address(host)
        permitted.append(x509.DNSName(host) if address is None else x509.IPAddress(ipaddress.ip_network(address)))
    builder = (
        _builder(name, key, lifetime=AUTHORITY_LIFETIME, now=now)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(is_authority=True), critical=True)
        .add_extension(x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=None), critical=True)
    )
    return _Pair(builder.sign(key, hashes.SHA256()), key)


def _new_server(authority: _Pair, hosts: Sequence[str], now: datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    names: list[x509.GeneralName] = []
    for host in hosts:
        address = _to_address(host)
        names.append(x509.DNSName(host) if address is None else x509.IPAddress(address))
    issuer = authority.certificate
    builder = (
        _builder(_name("Clinical inference appliance gateway"), key, lifetime=SERVER_LIFETIME, now=now)
        .issuer_name(issuer.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(is_authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()),
            critical=False,
        )
    )
    return _Pair(builder.sign(authority.key, hashes.SHA256()), key)


def _builder(
    name: x509.Name, key: ec.EllipticCurvePrivateKey, *, lifetime: timedelta, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now - BACKDATED + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _write_pair(folder: Path, name: str, pair: _Pair) -> None:
    secret = pair.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    # The key first: a crash between the two leaves a key without its certificate, which the next start replaces,
    # never a certificate in force without its key.
    write_private(folder / f"{name}.key", secret)
    write_private(folder / f"{name}.crt", pair.certificate.public_bytes(serialization.Encoding.PEM))


def _read_pair(folder: Path, name: str) -> _Pair:
    certificate_file, key_file = folder / f"{name}.crt", folder / f"{name}.key"
    try:
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
        certificate.extensions.get_extension_for_class(
            x509.NameConstraints if name == "ca" else x509.SubjectAlternativeName
        )
    except (OSError, ValueError, TypeError, x509.ExtensionNotFound) as error:
        message = f"{certificate_file} and {key_file.name} are missing, damaged or not made by the appliance; "
        message += f"restore them from the backup, or move {folder} away and start again to make new ones."
        raise ConfigError(message, detail=type(error).__name__) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ConfigError(f"{key_file} holds no elliptic-curve key; move {folder} away and start again.")
    if key_file.stat().st_mode & 0o077:
        raise ConfigError(f"{key_file} may be read by other users; run 'chmod 600' on it, or make a new one.")
    return _Pair(certificate, key)
