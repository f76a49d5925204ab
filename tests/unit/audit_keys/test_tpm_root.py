"""The root in a real TPM 2.0 (swtpm): what opens it, and what a person reads when it does not."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.errors import OpenError, StoreError
from audit.keyring import open_custodian, open_root, rotation
from audit.keyring.protectors import opens_alone, secret_wanted
from audit.keyring.root import RootFile
from audit.keyring.tpm_root import TpmProtector
from tests.support.spawned import Spawned, spawned
from tests.support.swtpm import SoftTpm, running_tpm
from tests.support.trails import new_trail

PIN = b"8080-4711"


@pytest.fixture
def tpm() -> Iterator[SoftTpm]:
    with running_tpm() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    new_trail(tmp_path)
    return tmp_path / "custodian"


def move(folder: Path, protector: TpmProtector) -> None:
    opened = open_root(folder)
    rotation.move_root(opened, rotation.kept_root(opened, protector))


def test_months_open_on_this_machine_without_asking_anybody(folder: Path, tpm: SoftTpm) -> None:
    before = open_custodian(folder).secrets("2026-11")

    move(folder, TpmProtector(tcti=tpm.tcti))

    assert secret_wanted(folder) == ""
    assert opens_alone(folder)
    assert open_custodian(folder).secrets("2026-11") == before
    assert open_custodian(folder, passphrase=b"").secrets("2026-11") == before


def test_a_copy_of_the_folder_opens_on_no_other_machine(folder: Path, tpm: SoftTpm) -> None:
    move(folder, TpmProtector(tcti=tpm.tcti))
    with running_tpm() as other:
        change(folder, "tcti", other.tcti)

        with pytest.raises(OpenError, match="another machine's"):
            open_custodian(folder)


def test_a_cleared_tpm_says_that_it_was_cleared(folder: Path, tpm: SoftTpm) -> None:
    move(folder, TpmProtector(tcti=tpm.tcti))

    tpm.clear()

    with pytest.raises(OpenError, match="it was cleared"):
        open_custodian(folder)


def test_a_pin_opens_and_a_wrong_one_is_tried_once(folder: Path, tpm: SoftTpm) -> None:
    move(folder, TpmProtector(tcti=tpm.tcti, pin=PIN))
    assert secret_wanted(folder) == "PIN of the TPM's root"
    assert open_custodian(folder, passphrase=PIN).months()

    with pytest.raises(OpenError, match="tried once"):
        open_custodian(folder, passphrase=b"0000")

    assert b"LOCKOUT_COUNTER: 0x1" in tpm.run("tpm2_getcap", "properties-variable")


def test_a_locked_tpm_says_so(folder: Path, tpm: SoftTpm) -> None:
    move(folder, TpmProtector(tcti=tpm.tcti, pin=PIN))
    for _ in range(3):
        with pytest.raises(OpenError):
            open_custodian(folder, passphrase=b"0000")

    with pytest.raises(OpenError, match="is locked"):
        open_custodian(folder, passphrase=PIN)


def test_a_machine_that_started_otherwise_opens_nothing(folder: Path, tpm: SoftTpm) -> None:
    move(folder, TpmProtector(tcti=tpm.tcti, pcrs="sha256:0,7"))
    assert open_custodian(folder).months()

    tpm.boot_otherwise()

    with pytest.raises(OpenError, match="PCRs differ"):
        open_custodian(folder)


def test_others_wrong_pins_lock_no_root_without_a_pin(folder: Path, tpm: SoftTpm, tmp_path: Path) -> None:
    move(folder, TpmProtector(tcti=tpm.tcti, pcrs="sha256:7"))
    new_trail(tmp_path / "b")
    move(tmp_path / "b" / "custodian", TpmProtector(tcti=tpm.tcti, pin=PIN))
    for _ in range(3):
        with pytest.raises(OpenError):
            open_custodian(tmp_path / "b" / "custodian", passphrase=b"0000")

    assert open_custodian(folder).months()


def test_a_pin_and_pcrs_together_are_refused(folder: Path) -> None:
    with pytest.raises(OpenError, match="choose one"):
        move(folder, TpmProtector(pcrs="sha256:7", pin=PIN))


def test_no_tpm_is_told(folder: Path) -> None:
    with pytest.raises(OpenError, match="no TPM answers"):
        move(folder, TpmProtector(tcti="swtpm:path=/nowhere/tpm.sock"))


def test_tools_that_are_not_installed_are_named(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(OpenError, match="tpm2_createprimary cannot be started; install it"):
        move(folder, TpmProtector())


def test_pcrs_that_are_no_selection_are_told(folder: Path, tpm: SoftTpm) -> None:
    with pytest.raises(OpenError, match="PCRs are written as sha256:0,2,4,7"):
        move(folder, TpmProtector(tcti=tpm.tcti, pcrs="junk"))


def test_a_refusal_that_we_have_no_words_for_is_given_by_its_code(folder: Path, tpm: SoftTpm) -> None:
    move(folder, TpmProtector(tcti=tpm.tcti))
    tpm.run("tpm2_hierarchycontrol", "-C", "platform", "shEnable", "clear")

    with pytest.raises(OpenError, match=r"the TPM refused tpm2_createprimary \(0x[0-9a-f]+\)"):
        open_custodian(folder)


def test_an_owners_authorisation_is_told(folder: Path, tpm: SoftTpm) -> None:
    tpm.run("tpm2_changeauth", "-c", "owner", "secret")

    with pytest.raises(OpenError, match="owner's authorisation"):
        move(folder, TpmProtector(tcti=tpm.tcti))


def test_neither_pin_nor_key_is_in_an_argument_or_an_environment(folder: Path, tpm: SoftTpm) -> None:
    seen: list[Spawned] = []
    with spawned(seen):
        move(folder, TpmProtector(tcti=tpm.tcti, pin=PIN))
        root = open_root(folder, passphrase=PIN).root
    texts = " ".join(text for child in seen for text in child.everything())

    assert len(seen) > 10
    given = hashlib.sha256(b"audit/1/tpm-pin\n" + PIN).hexdigest()[:32]
    assert all(secret not in texts for secret in (PIN.decode(), given, root.hex()))


def test_what_the_tpm_gives_back_for_another_trail_opens_nothing(folder: Path, tpm: SoftTpm) -> None:
    move(folder, TpmProtector(tcti=tpm.tcti))
    change(folder, "origin", "hospital.example/b2")

    with pytest.raises(OpenError, match="does not open"):
        open_custodian(folder)


def test_a_rotation_in_the_tpm_keeps_every_month(folder: Path, tpm: SoftTpm) -> None:
    before = open_custodian(folder).secrets("2026-12")
    move(folder, TpmProtector(tcti=tpm.tcti, pin=PIN))

    rotation.rotate_root(open_root(folder, passphrase=PIN))

    assert open_custodian(folder, passphrase=PIN).secrets("2026-12") == before


def test_a_pins_file_lets_a_program_open_and_a_wrong_one_is_tried_once_ever(folder: Path, tpm: SoftTpm) -> None:
    move(folder, TpmProtector(tcti=tpm.tcti, pin=PIN))
    with pytest.raises(StoreError, match="by hand"):
        open_custodian(folder)
    (folder / "tpm2.pin").write_bytes(b"0000\n")
    for words in ("tried once", "tried before", "tried before"):
        with pytest.raises(OpenError, match=words):
            open_custodian(folder)
    assert b"LOCKOUT_COUNTER: 0x1" in tpm.run("tpm2_getcap", "properties-variable")

    (folder / "tpm2.pin").write_bytes(PIN + b"\n")

    assert open_custodian(folder).months()
    assert open_custodian(folder).months()


def change(folder: Path, name: str, value: str) -> None:
    file = RootFile.read(folder)
    RootFile(path=file.path, members={**file.members, name: value}).replace()
