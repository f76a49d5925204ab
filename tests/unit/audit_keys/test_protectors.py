"""Which secret a root asks for, where it may lie, and what a root's file may not say."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from audit.errors import OpenError, StoreError
from audit.keyring import initialise, missing_months, open_custodian, open_root, rotation
from audit.keyring.pkcs11_root import TokenProtector
from audit.keyring.protectors import opens_alone, secret_wanted
from audit.keyring.root import RootFile
from tests.support.softhsm import LABEL, PIN, SoftToken, soft_token
from tests.support.trails import ORIGIN, START, new_trail

LATER = datetime(2026, 12, 20, tzinfo=UTC)
"""When one more month is to be made ahead."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    new_trail(tmp_path)
    return tmp_path / "custodian"


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SoftToken:
    made = soft_token(tmp_path / "hsm")
    monkeypatch.setenv("SOFTHSM2_CONF", str(made.configuration))
    return made


def move_to(token: SoftToken, folder: Path) -> None:
    opened = open_root(folder)
    protector = TokenProtector(module=token.module, token=LABEL, pin=PIN.encode())
    rotation.move_root(opened, rotation.kept_root(opened, protector))


def test_the_passphrase_is_asked_for_unless_its_file_is_there(folder: Path) -> None:
    assert secret_wanted(folder) == "Custodian passphrase"
    assert opens_alone(folder)

    (folder / "passphrase").rename(folder / "elsewhere")

    assert not opens_alone(folder)


def test_a_coming_passphrase_alone_opens_too(folder: Path) -> None:
    (folder / "passphrase").rename(folder / "passphrase.next")

    assert opens_alone(folder)
    assert open_custodian(folder).months()


def test_a_wrong_passphrase_file_without_another_is_told(folder: Path) -> None:
    (folder / "passphrase").write_bytes(b"something else\n")

    with pytest.raises(OpenError, match="passphrase does not open"):
        open_custodian(folder)


def test_a_keeper_of_a_newer_release_is_named(folder: Path) -> None:
    file = RootFile.read(folder)
    RootFile(path=file.path, members={**file.members, "protector": "cloud"}).replace()

    with pytest.raises(OpenError, match="'cloud', which this release does not know"):
        open_custodian(folder)


def test_the_tokens_pin_is_asked_for_by_the_tokens_name(folder: Path, token: SoftToken) -> None:
    move_to(token, folder)

    assert secret_wanted(folder) == f"PIN of the token '{LABEL}'"
    assert not opens_alone(folder)


def test_a_start_makes_months_with_the_pins_file(folder: Path, token: SoftToken) -> None:
    move_to(token, folder)
    (folder / "pkcs11.pin").write_text(PIN + "\n")

    trail = initialise(folder.parent / "audit", folder, origin=ORIGIN, now=LATER)

    assert "2027-02" in trail.prepared_months()
    assert not (folder / "pkcs11.pin.tried").exists()


def test_a_start_goes_on_without_the_token_while_this_months_keys_last(folder: Path, token: SoftToken) -> None:
    move_to(token, folder)
    (folder / "pkcs11.pin").write_text(PIN + "\n")
    token.lose()

    trail = initialise(folder.parent / "audit", folder, origin=ORIGIN, now=LATER)

    assert missing_months(trail, now=LATER) == ("2027-02",)
    with pytest.raises(OpenError, match="no token named"):
        initialise(folder.parent / "audit", folder, origin=ORIGIN, now=datetime(2027, 5, 1, tzinfo=UTC))


def test_a_start_that_lacks_nothing_asks_no_keeper(folder: Path) -> None:
    (folder / "passphrase").write_bytes(b"something else\n")

    assert initialise(folder.parent / "audit", folder, origin=ORIGIN, now=START).origin() == ORIGIN


def test_a_start_with_another_trails_custodian_is_refused(folder: Path) -> None:
    file = RootFile.read(folder)
    RootFile(path=file.path, members={**file.members, "origin": "other.example"}).replace()

    with pytest.raises(StoreError, match=r"custodian of other\.example"):
        initialise(folder.parent / "audit", folder, origin=ORIGIN, now=START)


def test_a_start_without_the_passphrase_goes_on_while_this_months_keys_last(folder: Path) -> None:
    (folder / "passphrase").unlink()

    trail = initialise(folder.parent / "audit", folder, origin=ORIGIN, now=LATER)

    assert missing_months(trail, now=LATER) == ("2027-02",)
