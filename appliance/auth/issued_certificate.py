"""The certificate and key that a site's own authority issued, checked before anything listens with them.

systemd hands both to the unit (``LoadCredential=``), so they are never in HOME and never made here.  A pair that
callers would refuse (ended, for another name, not for servers) or that does not fit together is refused at start: a
gateway that nobody can call must say so before the playbook ends.  MUST NOT change a file or show what is in a key.

::

    made = given_certificates(os.environ, hostname="appliance.hospital.example")
"""

import ipaddress
import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from appliance.auth.certificates import Certificates
from appliance.clock import Clock
from appliance.config import CREDENTIALS_FOLDER, is_private
from appliance.errors import ConfigError

CERTIFICATE_NAME = "gateway.crt"
KEY_NAME = "gateway.key"
"""The two credentials of the gateway's unit."""

SMALLEST_RSA_BITS = 2048
"""OpenSSL's security level 2 refuses a smaller key at the first handshake (SP 800-131A)."""

ADVICE = "Ask the hospital's certificate authority for a new one, name it in the inventory and run rotate.yml."
"""What to do about a certificate that nobody would accept."""


def given_certificates(environment: Mapping[str, str], *, hostname: str | None) -> Certificates | None:
    """Return the pair that systemd gave to this unit, checked; None if it gave none.

    Raises ConfigError naming the file and what to do.
    """
    folder = environment.get(CREDENTIALS_FOLDER)
    if not folder:
        return None
    certificate, key = Path(folder, CERTIFICATE_NAME), Path(folder, KEY_NAME)
    found = [file for file in (certificate, key) if file.exists()]
    if not found:
        return None
    if len(found) == 1:
        missing = key if found == [certificate] else certificate
        raise ConfigError(f"{missing} is missing beside {found[0].name}; the unit needs LoadCredential= for both.")
    check_pair(certificate, key, hostname=hostname)
    return Certificates(ca=certificate, certificate=certificate, key=key)


def check_pair(certificate: Path, key: Path, *, hostname: str | None, clock: Clock | None = None) -> x509.Certificate:
    """Return the certificate of a pair that a server may use now.  Raises ConfigError naming what is wrong."""
    chain = _read_chain(certificate)
    _check_key(certificate, key, chain[0])
    _check_time(certificate, chain, clock or Clock())
    _check_use(certificate, chain[0])
    if hostname is not None:
        _check_name(certificate, chain[0], hostname)
    return chain[0]


def chain_end(certificate: Path) -> datetime:
    """Return when the first certificate of a file ends: from then on callers refuse.  Raises ConfigError."""
    return min(each.not_valid_after_utc for each in _read_chain(certificate))


def _read_chain(file: Path) -> list[x509.Certificate]:
    """Return the server's certificate and those that lead from it to the authority."""
    try:
        return x509.load_pem_x509_certificates(file.read_bytes())
    except OSError as error:
        raise ConfigError(f"{file} cannot be read ({type(error).__name__}); run the playbook again.") from error
    except ValueError as error:
        raise ConfigError(f"{file} holds no PEM certificate. {ADVICE}") from error


def _check_key(certificate: Path, file: Path, leaf: x509.Certificate) -> None:
    try:
        status = file.stat()
        key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    except OSError as error:
        raise ConfigError(f"{file} cannot be read ({type(error).__name__}); run the playbook again.") from error
    except TypeError as error:
        raise ConfigError(f"{file} is locked with a passphrase; hand it over unlocked, by ansible-vault.") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"{file} holds no PEM private key that a server can use. {ADVICE}") from error
    if not is_private(status, user=os.geteuid()):
        raise ConfigError(f"{file} may be read by other users; take the key as known and have a new one made. {ADVICE}")
    if key.public_key() != leaf.public_key():
        raise ConfigError(f"{file} is not the key of {certificate}; name the two that belong together.")
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < SMALLEST_RSA_BITS:
        raise ConfigError(f"{file} has {key.key_size} bits; callers refuse RSA under {SMALLEST_RSA_BITS}. {ADVICE}")


def _check_time(file: Path, chain: Iterable[x509.Certificate], clock: Clock) -> None:
    now = clock.now()
    for each in chain:
        begin, end = each.not_valid_before_utc, each.not_valid_after_utc
        whose = f"{file} (serial {each.serial_number:x})"
        if now >= end:
            raise ConfigError(f"{whose} ended {end:%Y-%m-%d %H:%M} UTC. {ADVICE}")
        if now < begin:
            message = f"{whose} begins {begin:%Y-%m-%d %H:%M} UTC, and it is {now:%Y-%m-%d %H:%M} here;"
            raise ConfigError(f"{message} look at this machine's clock first.")


def _check_use(file: Path, leaf: x509.Certificate) -> None:
    try:
        uses = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return  # without the extension every use is meant (RFC 5280 section 4.2.1.12)
    if ExtendedKeyUsageOID.SERVER_AUTH not in uses:
        raise ConfigError(f"{file} is not for servers (extended key usage serverAuth is missing). {ADVICE}")


def _check_name(file: Path, leaf: x509.Certificate, hostname: str) -> None:
    names = names_in(leaf)
    if not any(_covers(name, hostname) for name in names):
        told = ", ".join(names) or "no name at all"
        raise ConfigError(f"{file} is for {told}, and callers ask for {hostname}. {ADVICE}")


def names_in(leaf: x509.Certificate) -> tuple[str, ...]:
    """Return the DNS names and addresses that a certificate is for; callers look at nothing else (RFC 9525)."""
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return (*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress)))


def _covers(name: str, hostname: str) -> bool:
    """Say whether a name of a certificate is the host's; ``*`` stands for one whole first label (RFC 9525 6.3)."""
    wanted, given = hostname.lower().rstrip("."), name.lower()
    if given.startswith("*."):
        label, _, rest = wanted.partition(".")
        return bool(label) and rest == given[2:] and not _is_address(wanted)
    return wanted == given


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
