"""The hospital's certificate is looked at before anybody calls, and what is wrong is said with what to do."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from appliance.auth.issued_certificate import chain_end, check_pair, given_certificates, names_in
from appliance.errors import ConfigError

NAME = "appliance.hospital.example"
NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def issue(
    folder: Path,
    *,
    names: Sequence[str] = (NAME,),
    days: tuple[int, int] = (-1, 90),
    key: Key | None = None,
    uses: Sequence[ObjectIdentifier] = (ExtendedKeyUsageOID.SERVER_AUTH,),
) -> tuple[Path, Path]:
    """Write a pair as a hospital's authority issues it."""
    secret = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(secret.public_key())
        .serial_number(0xABC).not_valid_before(NOW + days[0] * DAY).not_valid_after(NOW + days[1] * DAY)
    )  # fmt: skip
    if names:
        general = [x509.DNSName(name) for name in names]
        builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=False)
    if uses:
        builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
    made = builder.sign(secret, hashes.SHA256())
    certificate, file = folder / "gateway.crt", folder / "gateway.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    write_key(file, secret)
    return certificate, file


def write_key(file: Path, key: Key, passphrase: bytes = b"") -> None:
    """Write a private key for its owner alone."""
    locking = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    file.touch(mode=0o600)
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locking))


@pytest.mark.parametrize("host", [NAME, "APPLIANCE.hospital.example.", None])
def test_a_pair_that_callers_would_take_is_good(tmp_path: Path, host: str | None) -> None:
    certificate, key = issue(tmp_path)

    assert names_in(check_pair(certificate, key, hostname=host)) == (NAME,)
    assert chain_end(certificate) == NOW + 90 * DAY


def test_a_certificate_without_stated_uses_is_for_every_use(tmp_path: Path) -> None:
    check_pair(*issue(tmp_path, uses=()), hostname=NAME)


@pytest.mark.parametrize(
    ("given", "host", "covers"),
    [
        ("*.hospital.example", NAME, True),
        ("*.hospital.example", "a.b.hospital.example", False),
        ("*.hospital.example", "hospital.example", False),
        ("*.0.0.1", "127.0.0.1", False),
        ("other.hospital.example", NAME, False),
    ],
)
def test_a_star_stands_for_one_label(tmp_path: Path, given: str, host: str, *, covers: bool) -> None:
    certificate, key = issue(tmp_path, names=[given])

    if covers:
        check_pair(certificate, key, hostname=host)
    else:
        with pytest.raises(ConfigError, match=f"callers ask for {host}.*run rotate.yml"):
            check_pair(certificate, key, hostname=host)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"days": (-9, -2)}, r"\(serial abc\) ended 20.*Ask the hospital's certificate authority"),
        ({"days": (2, 9)}, r"begins 20.*look at this machine's clock first"),
        ({"names": ()}, "is for no name at all, and callers ask for"),
        ({"uses": (ExtendedKeyUsageOID.CLIENT_AUTH,)}, "is not for servers"),
        ({"key": rsa.generate_private_key(public_exponent=65537, key_size=1024)}, "has 1024 bits"),  # noqa: S505
    ],
)
def test_a_certificate_that_callers_would_refuse_is_refused_at_start(
    tmp_path: Path, changes: dict[str, object], told: str
) -> None:
    certificate, key = issue(tmp_path, **changes)  # type: ignore[arg-type]

    with pytest.raises(ConfigError, match=told):
        check_pair(certificate, key, hostname=NAME)


def test_an_intermediate_that_has_ended_is_found_behind_a_good_certificate(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    certificate, key = issue(tmp_path)
    ended, _ = issue(tmp_path / "old", days=(-9, -2))
    certificate.write_bytes(certificate.read_bytes() + ended.read_bytes())

    with pytest.raises(ConfigError, match="ended"):
        check_pair(certificate, key, hostname=NAME)


def test_a_key_of_another_certificate_is_refused_with_both_files(tmp_path: Path) -> None:
    certificate, key = issue(tmp_path)
    key.unlink()
    write_key(key, ec.generate_private_key(ec.SECP256R1()))

    with pytest.raises(ConfigError, match=r"gateway\.key is not the key of .*gateway\.crt"):
        check_pair(certificate, key, hostname=NAME)


def test_a_key_that_is_locked_open_to_others_or_no_key_is_refused(tmp_path: Path) -> None:
    certificate, key = issue(tmp_path)
    key.chmod(0o644)
    with pytest.raises(ConfigError, match="may be read by other users; take the key as known"):
        check_pair(certificate, key, hostname=NAME)

    key.unlink()
    write_key(key, ec.generate_private_key(ec.SECP256R1()), passphrase=b"a passphrase")
    with pytest.raises(ConfigError, match="locked with a passphrase"):
        check_pair(certificate, key, hostname=NAME)

    key.write_text("no key")
    with pytest.raises(ConfigError, match="holds no PEM private key"):
        check_pair(certificate, key, hostname=NAME)

    key.unlink()
    with pytest.raises(ConfigError, match=r"gateway\.key cannot be read \(FileNotFoundError\); run the playbook"):
        check_pair(certificate, key, hostname=NAME)


def test_a_file_that_holds_no_certificate_is_refused(tmp_path: Path) -> None:
    certificate, key = issue(tmp_path)
    certificate.write_text("no certificate")

    with pytest.raises(ConfigError, match="holds no PEM certificate"):
        check_pair(certificate, key, hostname=NAME)
    with pytest.raises(ConfigError, match="cannot be read"):
        chain_end(tmp_path / "missing.crt")


def test_the_pair_that_systemd_hands_over_is_taken(tmp_path: Path) -> None:
    certificate, key = issue(tmp_path)

    given = given_certificates({"CREDENTIALS_DIRECTORY": str(tmp_path)}, hostname=NAME)

    assert given is not None
    assert (given.certificate, given.key, given.ca) == (certificate, key, certificate)


def test_without_credentials_nothing_is_given_and_half_a_pair_is_a_mistake(tmp_path: Path) -> None:
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert given_certificates({}, hostname=NAME) is None
    assert given_certificates(environment, hostname=NAME) is None

    certificate, key = issue(tmp_path)
    key.rename(tmp_path / "aside")
    with pytest.raises(
        ConfigError, match=r"gateway\.key is missing beside gateway\.crt; the unit needs LoadCredential"
    ):
        given_certificates(environment, hostname=NAME)
    (tmp_path / "aside").rename(key)
    certificate.unlink()
    with pytest.raises(ConfigError, match=r"gateway\.crt is missing beside gateway\.key"):
        given_certificates(environment, hostname=NAME)
