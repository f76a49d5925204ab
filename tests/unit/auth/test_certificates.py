import os
import ssl
import stat
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from appliance.auth.certificates import Certificates, default_hosts, ensure_certificates
from appliance.clock import Clock
from appliance.errors import ConfigError

HOSTS = ("localhost", "127.0.0.1", "::1", "server.ward")


@dataclass(frozen=True, slots=True)
class FixedClock(Clock):
    """Stands still."""

    moment: datetime

    def now(self) -> datetime:
        """Return the moment."""
        return self.moment


NOW = datetime(2026, 11, 23, tzinfo=UTC)


def ensure(folder: Path, *, now: datetime = NOW, hosts: tuple[str, ...] = HOSTS) -> Certificates:
    return ensure_certificates(folder, hosts, clock=FixedClock(now))


def read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_the_first_start_makes_an_authority_and_a_certificate_for_this_machine(tmp_path: Path) -> None:
    made = ensure(tmp_path / "tls")
    authority, server = read(made.ca), read(made.certificate)

    server.verify_directly_issued_by(authority)
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(name.value) for name in names} == set(HOSTS)
    assert server.not_valid_after_utc - server.not_valid_before_utc <= timedelta(days=397)
    assert made.unnamed == ()


def test_the_authority_may_name_nothing_else(tmp_path: Path) -> None:
    authority = read(ensure(tmp_path / "tls").ca)

    limits = authority.extensions.get_extension_for_class(x509.NameConstraints)

    assert limits.critical
    assert {str(name.value) for name in limits.value.permitted_subtrees or ()} == {
        "localhost", "127.0.0.1/32", "::1/128", "server.ward",
    }  # fmt: skip


def test_keys_are_for_their_owner_alone_and_nothing_is_left_lying_about(tmp_path: Path) -> None:
    ensure(tmp_path / "tls")

    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "tls").iterdir()}

    assert files == dict.fromkeys(["ca.crt", "ca.key", "server.crt", "server.key", "tls.lock"], 0o600)


def test_a_second_start_changes_nothing(tmp_path: Path) -> None:
    made = ensure(tmp_path / "tls")
    before = made.certificate.read_bytes(), made.ca.read_bytes()

    ensure(tmp_path / "tls", now=NOW + timedelta(days=300))

    assert (made.certificate.read_bytes(), made.ca.read_bytes()) == before


@pytest.mark.parametrize("days", [368, 500])
def test_a_certificate_that_runs_out_is_renewed_under_the_same_authority(tmp_path: Path, days: int) -> None:
    made = ensure(tmp_path / "tls")
    old, authority = made.certificate.read_bytes(), made.ca.read_bytes()

    ensure(tmp_path / "tls", now=NOW + timedelta(days=days))

    assert made.certificate.read_bytes() != old
    assert made.ca.read_bytes() == authority


def test_a_certificate_from_the_future_is_made_again_when_the_clock_was_set_back(tmp_path: Path) -> None:
    made = ensure(tmp_path / "tls")
    ensure(tmp_path / "tls", now=NOW + timedelta(days=400))
    old = made.certificate.read_bytes()

    ensure(tmp_path / "tls", now=NOW + timedelta(days=1))

    assert made.certificate.read_bytes() != old


def test_an_authority_from_the_future_says_that_the_clock_is_wrong(tmp_path: Path) -> None:
    ensure(tmp_path / "tls")

    with pytest.raises(ConfigError, match="clock"):
        ensure(tmp_path / "tls", now=NOW - timedelta(days=1))


def test_an_expired_authority_says_what_to_do(tmp_path: Path) -> None:
    ensure(tmp_path / "tls")

    with pytest.raises(ConfigError, match="has expired"):
        ensure(tmp_path / "tls", now=NOW + timedelta(days=3700))


def test_a_host_that_the_authority_may_not_name_is_left_out_and_told(tmp_path: Path) -> None:
    ensure(tmp_path / "tls")

    made = ensure(tmp_path / "tls", hosts=(*HOSTS, "new.name", "10.0.0.9"))

    assert made.unnamed == ("new.name", "10.0.0.9")


def test_a_lost_server_certificate_is_made_again(tmp_path: Path) -> None:
    made = ensure(tmp_path / "tls")
    made.certificate.unlink()

    ensure(tmp_path / "tls")

    read(made.certificate).verify_directly_issued_by(read(made.ca))


def test_an_authority_whose_making_was_interrupted_is_made_again(tmp_path: Path) -> None:
    made = ensure(tmp_path / "tls")
    for name in ("ca.crt", "server.crt", "server.key"):
        (tmp_path / "tls" / name).unlink()

    ensure(tmp_path / "tls")

    read(made.certificate).verify_directly_issued_by(read(made.ca))


def test_a_server_key_that_does_not_fit_is_replaced(tmp_path: Path) -> None:
    made = ensure(tmp_path / "tls")
    other = ensure(tmp_path / "other")
    made.key.write_bytes(other.key.read_bytes())

    ensure(tmp_path / "tls")

    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(made.certificate, made.key)


def test_a_foreign_server_certificate_is_never_overwritten(tmp_path: Path) -> None:
    made, other = ensure(tmp_path / "tls"), ensure(tmp_path / "other")
    made.certificate.write_bytes(other.certificate.read_bytes())
    made.key.write_bytes(other.key.read_bytes())

    with pytest.raises(ConfigError, match="not issued by"):
        ensure(tmp_path / "tls")

    assert made.certificate.read_bytes() == other.certificate.read_bytes()


def test_a_foreign_authority_key_is_refused(tmp_path: Path) -> None:
    ensure(tmp_path / "tls")
    ensure(tmp_path / "other")
    (tmp_path / "tls" / "ca.key").write_bytes((tmp_path / "other" / "ca.key").read_bytes())

    with pytest.raises(ConfigError, match="belong together"):
        ensure(tmp_path / "tls")


@pytest.mark.parametrize("name", ["ca.crt", "ca.key", "server.crt", "server.key"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    ensure(tmp_path / "tls")
    (tmp_path / "tls" / name).write_bytes(b"-----BEGIN NONSENSE-----\n")

    with pytest.raises(ConfigError, match="damaged"):
        ensure(tmp_path / "tls")


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    made = ensure(tmp_path / "tls")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    made.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))

    with pytest.raises(ConfigError, match="elliptic-curve"):
        ensure(tmp_path / "tls")


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    made = ensure(tmp_path / "tls")
    made.key.chmod(0o640)

    with pytest.raises(ConfigError, match="chmod 600"):
        ensure(tmp_path / "tls")


def test_callers_reach_the_gateway_by_loopback_machine_name_and_its_own_address() -> None:
    assert default_hosts("0.0.0.0") == ("localhost", "127.0.0.1", "::1", os.uname().nodename.lower())  # noqa: S104
    assert default_hosts("10.1.2.3")[-1] == "10.1.2.3"
