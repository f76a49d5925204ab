"""A change of what keeps the months loses none of them, wherever it is cut short."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from audit.errors import OpenError, StoreError
from audit.keyring import MonthSecrets, OpenRoot, open_custodian, open_root, rotation
from audit.keyring.passphrase_root import MIN_SCRYPT_N, PassphraseProtector
from audit.keyring.protectors import read_secret
from audit.keyring.root import RootFile
from tests.support.key_steps import How, until_done
from tests.support.trails import new_trail

NEW = b"another long passphrase"


def all_months(folder: Path, passphrase: bytes | None = None) -> list[MonthSecrets]:
    custodian = open_custodian(folder, passphrase=passphrase)
    return [custodian.secrets(month) for month in custodian.months()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a custodian's folder whose root costs little to open, because these tests open it often."""
    new_trail(tmp_path)
    folder = tmp_path / "custodian"
    opened = open_root(folder)
    rotation.move_root(opened, rotation.kept_root(opened, cheap(read_secret(folder / "passphrase"))))
    return folder


def cheap(passphrase: bytes) -> PassphraseProtector:
    return PassphraseProtector(passphrase=passphrase, cost=MIN_SCRYPT_N)


def cheaply_opened(folder: Path) -> OpenRoot:
    opened = open_root(folder)
    return replace(opened, protector=cheap(read_secret(folder / "passphrase")))


def test_a_rotation_wraps_every_month_anew_and_changes_no_month(folder: Path) -> None:
    before, files = all_months(folder), {path: path.read_bytes() for path in folder.rglob("*.json")}

    months = rotation.rotate_root(open_root(folder))

    assert months == ("2026-11", "2026-12", "2027-01")
    assert all_months(folder) == before
    assert all(path.read_bytes() != data for path, data in files.items())


def test_the_root_before_a_rotation_opens_nothing_after_it(folder: Path) -> None:
    old = (folder / "root.json").read_bytes()
    rotation.rotate_root(open_root(folder))

    (folder / "root.json").write_bytes(old)

    with pytest.raises(OpenError, match="does not open under this root"):
        all_months(folder)


@pytest.mark.parametrize("how", ["kill", "error"])
def test_a_rotation_that_is_cut_short_loses_no_month_and_is_finished_by_the_next(folder: Path, how: How) -> None:
    before, steps = all_months(folder), 0
    opened = cheaply_opened(folder)

    for steps in until_done(lambda: rotation.rotate_root(opened), folder=folder, how=how):  # noqa: B007
        assert all_months(folder) == before
        rotation.rotate_root(cheaply_opened(folder))
        assert all_months(folder) == before
        assert b"next" not in (folder / "root.json").read_bytes()

    assert steps >= 10  # root with the next one, three months, root alone: a rename and a folder's sync each


def test_a_month_made_between_the_two_halves_of_a_rotation_opens_after_it(folder: Path) -> None:
    opened = open_root(folder)
    half = opened.custodian.file.with_next(
        rotation.wrap(opened.root, b"n" * 32, rotation.next_root_identity(opened.custodian.origin))
    )
    half.replace()

    made = open_custodian(folder).ensure("2027-02")
    rotation.rotate_root(open_root(folder))

    assert open_custodian(folder).secrets("2027-02") == made


def test_a_month_is_never_made_under_a_root_that_was_rotated_away_meanwhile(folder: Path) -> None:
    stale = open_custodian(folder)
    rotation.rotate_root(open_root(folder))

    with pytest.raises(StoreError, match="changed meanwhile"):
        stale.ensure("2027-02")


def test_a_month_that_does_not_open_stops_a_rotation_before_it_changes_anything(folder: Path) -> None:
    opened = open_root(folder)
    (folder / "months" / "2026-12.json").write_bytes((folder / "months" / "2026-11.json").read_bytes())
    root = (folder / "root.json").read_bytes()

    with pytest.raises(OpenError, match="2026-12"):
        rotation.rotate_root(opened)

    assert (folder / "root.json").read_bytes() == root


def test_a_next_root_that_does_not_open_is_named(folder: Path) -> None:
    open_root(folder).custodian.file.with_next(b"x" * 60).replace()

    with pytest.raises(OpenError, match="next does not open"):
        open_custodian(folder)


def test_a_changed_passphrase_opens_and_the_one_before_does_not(folder: Path) -> None:
    before, old = all_months(folder), (folder / "passphrase").read_bytes().strip()

    rotation.change_passphrase(open_root(folder), cheap(NEW), keep=False)

    assert all_months(folder, NEW) == before
    assert not (folder / "passphrase").exists()
    with pytest.raises(OpenError, match="passphrase does not open"):
        open_custodian(folder, passphrase=old)
    with pytest.raises(StoreError, match="by hand"):
        open_custodian(folder)


def test_a_short_passphrase_is_refused(folder: Path) -> None:
    with pytest.raises(OpenError, match="at least 12"):
        rotation.change_passphrase(open_root(folder), cheap(b"short"), keep=True)


@pytest.mark.parametrize("how", ["kill", "error"])
@pytest.mark.parametrize("keep", [True, False])
def test_a_change_of_passphrase_that_is_cut_short_locks_nobody_out(folder: Path, how: How, *, keep: bool) -> None:
    before, steps = all_months(folder), 0
    old = (folder / "passphrase").read_bytes().strip()
    opened = open_root(folder)

    for steps in until_done(  # noqa: B007
        lambda: rotation.change_passphrase(opened, cheap(NEW), keep=keep), folder=folder, how=how
    ):
        assert before in tried(lambda: all_months(folder, old), lambda: all_months(folder, NEW))
        if keep:
            assert all_months(folder) == before

    assert steps >= 4
    assert all_months(folder, NEW) == before


def tried(*openings: Callable[[], list[MonthSecrets]]) -> list[list[MonthSecrets]]:
    found = []
    for opening in openings:
        try:
            found.append(opening())
        except (OpenError, StoreError):
            continue
    return found


def test_a_root_moves_only_when_no_rotation_waits(folder: Path) -> None:
    opened = open_root(folder)
    opened.custodian.file.with_next(
        rotation.wrap(opened.root, b"n" * 32, rotation.next_root_identity(opened.custodian.origin))
    ).replace()

    with pytest.raises(StoreError, match="rotate-root"):
        rotation.kept_root(open_root(folder), PassphraseProtector(passphrase=NEW))


def test_a_root_that_moves_to_a_passphrase_leaves_the_file_to_its_owner(folder: Path) -> None:
    opened = open_root(folder)

    rotation.move_root(opened, rotation.kept_root(opened, PassphraseProtector(passphrase=NEW)))

    assert open_custodian(folder, passphrase=NEW).months() == ("2026-11", "2026-12", "2027-01")


def test_a_protector_that_gives_back_another_key_is_not_believed(folder: Path) -> None:
    class Forgetful(PassphraseProtector):
        def unwrap(self, file: RootFile) -> bytes:
            return bytes(len(file.origin))

    with pytest.raises(OpenError, match="gave back another key"):
        rotation.kept_root(open_root(folder), Forgetful(passphrase=NEW))
