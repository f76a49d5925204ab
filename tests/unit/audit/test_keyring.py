import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from audit.errors import AuditError, FormatError, OpenError, StoreError
from audit.keyring import MonthSecrets, Trail, VerifierKey, initialise, month_after, open_custodian, prepare_months
from audit.keyring.trail import read_verifier_keys
from tests.support.trails import ORIGIN, START, new_trail

NOVEMBER, JANUARY, FEBRUARY = "2026-11", "2027-01", "2027-02"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_second_start_changes_nothing(tmp_path: Path) -> None:
    new_trail(tmp_path)
    before = contents(tmp_path)

    initialise(tmp_path / "audit", tmp_path / "custodian", origin=ORIGIN, now=START)

    assert contents(tmp_path) == before


def test_everything_is_for_this_user_alone(tmp_path: Path) -> None:
    initialise(tmp_path / "audit", tmp_path / "custodian", origin=ORIGIN, now=START)

    halves = (tmp_path / "audit", tmp_path / "custodian")
    for path in [*halves, *(path for half in halves for path in half.rglob("*"))]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_the_current_month_and_two_more_are_prepared(tmp_path: Path) -> None:
    assert new_trail(tmp_path).prepared_months() == ("2026-11", "2026-12", JANUARY)


def test_the_trails_folder_holds_no_private_month_key(tmp_path: Path) -> None:
    new_trail(tmp_path)
    secrets = open_custodian(tmp_path / "custodian").secrets(NOVEMBER)

    held = b"".join(contents(tmp_path / "audit").values())

    assert secrets.mlkem768.hex().encode() not in held
    assert secrets.x25519.hex().encode() not in held


@pytest.mark.parametrize("lost", ["2026-12.public", "2026-12.index"])
def test_a_start_that_was_cut_short_is_finished_by_the_next(tmp_path: Path, lost: str) -> None:
    trail = new_trail(tmp_path)
    whole = contents(tmp_path)
    (trail.keys / lost).unlink()

    initialise(trail.folder, tmp_path / "custodian", origin=ORIGIN, now=START)

    assert contents(tmp_path) == whole


def test_another_origin_is_refused_by_name(tmp_path: Path) -> None:
    new_trail(tmp_path)

    with pytest.raises(StoreError, match=ORIGIN):
        initialise(tmp_path / "audit", tmp_path / "custodian", origin="other.example", now=START)


@pytest.mark.parametrize("origin", ["", "with space", "x" * 101, "plus+plus", "line\nline"])
def test_an_origin_that_no_checkpoint_can_name_is_refused(tmp_path: Path, origin: str) -> None:
    with pytest.raises(StoreError):
        initialise(tmp_path / "audit", tmp_path / "custodian", origin=origin, now=START)


def test_a_custodian_who_took_the_passphrase_away_is_asked_for_it_only_when_needed(tmp_path: Path) -> None:
    new_trail(tmp_path)
    passphrase = (tmp_path / "custodian" / "passphrase").read_bytes().strip()
    (tmp_path / "custodian" / "passphrase").unlink()

    trail = initialise(tmp_path / "audit", tmp_path / "custodian", origin=ORIGIN, now=START)
    with pytest.raises(StoreError, match="audit keys prepare"):
        initialise(trail.folder, tmp_path / "custodian", origin=ORIGIN, now=datetime(2027, 2, 1, tzinfo=UTC))
    with pytest.raises(StoreError, match="by hand"):
        open_custodian(tmp_path / "custodian")
    custodian = open_custodian(tmp_path / "custodian", passphrase=passphrase)

    assert prepare_months(trail, custodian, now=datetime(2026, 12, 5, tzinfo=UTC)) == (FEBRUARY,)
    assert custodian.months() == ("2026-11", "2026-12", JANUARY, FEBRUARY)


def test_a_wrong_passphrase_opens_nothing(tmp_path: Path) -> None:
    new_trail(tmp_path)

    with pytest.raises(OpenError, match="passphrase"):
        open_custodian(tmp_path / "custodian", passphrase=b"guess")


def test_a_destroyed_month_cannot_be_opened_again(tmp_path: Path) -> None:
    new_trail(tmp_path)
    custodian = open_custodian(tmp_path / "custodian")

    custodian.destroy(NOVEMBER)

    with pytest.raises(OpenError, match="destroyed"):
        custodian.secrets(NOVEMBER)


def test_a_month_file_put_in_anothers_place_does_not_open(tmp_path: Path) -> None:
    new_trail(tmp_path)
    months = tmp_path / "custodian" / "months"
    (months / f"{NOVEMBER}.json").write_bytes((months / f"{JANUARY}.json").read_bytes())

    with pytest.raises(OpenError):
        open_custodian(tmp_path / "custodian").secrets(NOVEMBER)


def test_the_custodian_of_another_trail_is_refused(tmp_path: Path) -> None:
    trail = new_trail(tmp_path)
    other = initialise(tmp_path / "b" / "audit", tmp_path / "b" / "custodian", origin="other.example", now=START)

    with pytest.raises(StoreError, match="not of"):
        prepare_months(trail, open_custodian(tmp_path / "b" / "custodian"), now=START)
    assert other.origin() == "other.example"


def test_past_index_keys_are_forgotten(tmp_path: Path) -> None:
    trail = new_trail(tmp_path)

    assert trail.forget_months_before(JANUARY) == ("2026-11", "2026-12")

    assert trail.prepared_months() == (JANUARY,)
    with pytest.raises(StoreError, match="audit keys prepare"):
        trail.index_key(NOVEMBER)


def test_a_persons_commitment_differs_by_month_and_by_role(tmp_path: Path) -> None:
    trail = new_trail(tmp_path)
    november, december = trail.index_key(NOVEMBER), trail.index_key("2026-12")

    values = {november.user("4711"), november.patient("4711"), november.client("4711"), december.user("4711")}

    assert len(values) == 4
    assert november.user("4711") == trail.index_key(NOVEMBER).user("4711")
    assert "4711" not in repr(november)


def test_the_recorders_keys_are_the_custodians(tmp_path: Path) -> None:
    trail = new_trail(tmp_path)
    secrets = open_custodian(tmp_path / "custodian").secrets(NOVEMBER)

    assert secrets.public() == trail.public_month(NOVEMBER)
    assert secrets.index_key() == trail.index_key(NOVEMBER)


def test_verifier_keys_read_back_as_written(tmp_path: Path) -> None:
    trail = new_trail(tmp_path)

    assert trail.verifier_keys() == trail.signing_key().verifier_keys()


@pytest.mark.parametrize(
    "line",
    ["", "name", "name+00+", "name+00000000+AQ==", "name+zz+!!", "na me+00000000+" + "AQ" * 22,
     "name+00000000+AVxsKqzEWSJJsAqIxIrNKpkbY0OlwOqZ5VQ4gcOiLFxc"],
)  # fmt: skip
def test_a_line_that_is_no_verifier_key_is_refused(line: str) -> None:
    with pytest.raises(FormatError):
        VerifierKey.from_vkey(line)


def test_a_file_without_verifier_keys_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")

    with pytest.raises(FormatError):
        read_verifier_keys(tmp_path / "empty")
    with pytest.raises(StoreError):
        read_verifier_keys(tmp_path / "missing")


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"{}\n", b'{"format":2}\n', b'{"format":1}\n', b'{"format":1,"ed25519":"zz","mldsa44":"zz"}\n',
     b'{"ed25519":"00","format":1,"mldsa44":"00"}\n', b"\xff\n"],
)  # fmt: skip
def test_a_damaged_signing_key_raises_our_error(tmp_path: Path, data: bytes) -> None:
    trail = new_trail(tmp_path)
    (trail.keys / "checkpoint.key").write_bytes(data)

    with pytest.raises(FormatError):
        trail.signing_key()


@pytest.mark.parametrize("n", [0, -1, 3, 2**21, True, "65536"])
def test_a_root_file_with_an_absurd_cost_is_refused(tmp_path: Path, n: object) -> None:
    new_trail(tmp_path)
    root = tmp_path / "custodian" / "root.json"
    value = f'"{n}"' if isinstance(n, str) else str(n).lower()
    root.write_bytes(root.read_bytes().replace(b'"n":65536', f'"n":{value}'.encode()))

    with pytest.raises(AuditError):
        open_custodian(tmp_path / "custodian", passphrase=b"any")


def test_a_key_under_another_months_name_is_refused(tmp_path: Path) -> None:
    trail = new_trail(tmp_path)
    (trail.keys / f"{NOVEMBER}.index").write_bytes((trail.keys / f"{JANUARY}.index").read_bytes())

    with pytest.raises(FormatError, match="another month"):
        trail.index_key(NOVEMBER)


def test_a_damaged_origin_is_refused(tmp_path: Path) -> None:
    trail = new_trail(tmp_path)
    (trail.folder / "trail.json").write_bytes(b'{"format":1,"origin":"a b"}\n')

    with pytest.raises(FormatError):
        trail.origin()


def test_months_follow_each_other_over_the_year() -> None:
    assert (month_after("2026-12"), month_after(NOVEMBER, 14)) == (JANUARY, "2028-01")
    with pytest.raises(FormatError):
        month_after("2026-13")


def test_secrets_of_a_wrong_length_are_refused() -> None:
    with pytest.raises(OpenError):
        MonthSecrets.from_bytes(NOVEMBER, b"short")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match="file"):
        initialise(tmp_path / "file" / "audit", tmp_path / "custodian", origin=ORIGIN, now=START)


def test_a_trail_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="appliance up"):
        Trail(folder=tmp_path).origin()
