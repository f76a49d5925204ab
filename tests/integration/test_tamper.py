"""Every change to a trail is found and named, by anyone who holds the public keys (FORMAT.md section 12)."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from audit.canonical import Value
from audit.checkpoint import sign_receipt
from audit.cli.root import root
from audit.compact import unpack
from audit.merkle import leaf_hash
from tests.support.trail_builder import TrailBuilder
from tests.support.trail_forger import another_key, cut, rebuild, sign_anew

EXCHANGES, KEPT = 8, 5
LAST = 4 * EXCHANGES


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> TrailBuilder:
    builder = TrailBuilder(home=tmp_path_factory.mktemp("trail") / "home")
    builder.add_exchanges(KEPT)  # the recorder stops here once: the database keeps a checkpoint of 21 records
    builder.add_exchanges(EXCHANGES - KEPT)
    return builder


@pytest.fixture
def trail(original: TrailBuilder, tmp_path: Path) -> TrailBuilder:
    return original.copy(tmp_path / "home")


@pytest.fixture
def receipt(original: TrailBuilder) -> str:
    """Return the compact receipt of the last record, as its caller kept it."""
    leaf = unpack(original.sql("SELECT leaf FROM record WHERE sequence = ?", LAST)[0][0])
    key = original.trail.signing_key()
    return sign_receipt(key, sequence=LAST, leaf_hash=leaf_hash(leaf), time_ms=original.clock.now_ms).compact


@pytest.fixture
def checkpoint(original: TrailBuilder, tmp_path: Path) -> Path:
    """Return the newest checkpoint, as an auditor kept it."""
    file = tmp_path / "checkpoint.txt"
    file.write_text(original.sql("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1")[0][0])
    return file


def _verify(trail: TrailBuilder, *options: str) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(root, ["verify", str(trail.trail.folder), "--json", *options])
    return result.exit_code, json.loads(result.stdout)


def _failed(report: dict[str, Any]) -> set[int]:
    return {step["number"] for step in report["steps"] if step["verdict"] == "tampered"}


def test_an_untouched_trail_is_verified(trail: TrailBuilder, receipt: str, checkpoint: Path) -> None:
    code, report = _verify(trail, "--receipt", receipt, "--checkpoint", str(checkpoint))

    assert (code, report["verdict"], report["first_bad"]) == (0, "verified", None)
    assert report["records"] == report["signed_records"] == LAST + 1
    assert report["outside"] == 2


@pytest.mark.parametrize("column", ["leaf", "facts", "nodes", "ciphertext"])
@pytest.mark.parametrize("sequence", [1, 13, LAST - 1])
@pytest.mark.parametrize("place", [0, 0.5, 1])
def test_a_flipped_bit_is_found_and_named(trail: TrailBuilder, column: str, sequence: int, place: float) -> None:
    stored = bytearray(trail.sql(f"SELECT {column} FROM record WHERE sequence = ?", sequence)[0][0])  # noqa: S608
    stored[round(place * (len(stored) - 1))] ^= 0x01
    trail.sql(f"UPDATE record SET {column} = ? WHERE sequence = ?", bytes(stored), sequence)  # noqa: S608

    code, report = _verify(trail)

    assert (code, report["verdict"], report["first_bad"]) == (3, "tampered", sequence)


@pytest.mark.parametrize(
    ("change", "step"),
    [
        ("UPDATE record SET time = time + 1 WHERE sequence = 9", 4),
        ("UPDATE record SET exchange = 'ex_0' WHERE sequence = 9", 4),
        ("UPDATE record SET task = NULL WHERE sequence = 9", 4),
        ("UPDATE record SET event = 'ev_0' WHERE sequence = 9", 4),
        ("DELETE FROM blind_index WHERE sequence = 9", 4),
        ("INSERT INTO blind_index VALUES (zeroblob(16), 9)", 4),
        ("INSERT INTO blind_index VALUES ('text', 9)", 4),
        ("UPDATE record SET facts = x'7b7d' WHERE sequence = 9", 5),
        ("UPDATE record SET facts = 7 WHERE sequence = 9", 5),
        ("UPDATE record SET leaf = 7 WHERE sequence = 9", 3),
        ("UPDATE record SET leaf = 'text' WHERE sequence = 9", 3),
        ("UPDATE record SET nodes = x'' WHERE sequence = 9", 8),
        ("UPDATE record SET ciphertext = 5 WHERE sequence = 9", 6),
        ("UPDATE record SET ciphertext = x'00' WHERE sequence = 10", 6),
        ("UPDATE record SET wrapped_key = x'00' WHERE sequence = 10", 6),
        ("UPDATE checkpoint SET size = size + 100 WHERE size = 21", 9),
        ("UPDATE checkpoint SET note = 5", 9),
        ("UPDATE checkpoint SET note = replace(note, 'A', 'B')", 9),
    ],
)
def test_a_changed_column_is_found_by_its_step(trail: TrailBuilder, change: str, step: int) -> None:
    trail.sql(change)

    code, report = _verify(trail)

    assert code == 3
    assert step in _failed(report)
    assert report["first_bad"] in {None, 0, 9, 10}


def test_an_index_row_for_a_record_that_is_not_there_is_found(trail: TrailBuilder) -> None:
    trail.sql("INSERT INTO blind_index VALUES (zeroblob(16), 5000)")

    assert _verify(trail)[1]["first_bad"] == 5000


@pytest.mark.parametrize("sequence", [0, 1, 14, LAST - 1])
def test_a_deleted_record_is_found_and_named(trail: TrailBuilder, sequence: int) -> None:
    trail.sql("DELETE FROM record WHERE sequence = ?", sequence)

    code, report = _verify(trail)

    assert (code, report["first_bad"]) == (3, sequence)
    assert 2 in _failed(report)


def test_an_inserted_record_is_found(trail: TrailBuilder) -> None:
    _insert_copy(trail, -1, of=0)

    code, report = _verify(trail)

    assert (code, report["first_bad"]) == (3, 0)


def _insert_copy(trail: TrailBuilder, sequence: int, *, of: int) -> None:
    columns = ", ".join(row[1] for row in trail.sql("PRAGMA table_info(record)")[1:])
    trail.sql(f"INSERT INTO record SELECT ?, {columns} FROM record WHERE sequence = ?", sequence, of)  # noqa: S608


def test_a_record_added_by_hand_at_the_end_is_found(trail: TrailBuilder) -> None:
    _insert_copy(trail, LAST + 1, of=LAST)

    code, report = _verify(trail)

    assert (code, report["first_bad"]) == (3, LAST + 1)


def test_two_records_that_changed_places_are_found(trail: TrailBuilder) -> None:
    for old, new in ((6, -6), (7, 6), (-6, 7)):
        trail.sql("UPDATE record SET sequence = ? WHERE sequence = ?", new, old)

    code, report = _verify(trail)

    assert (code, report["first_bad"]) == (3, 6)


@pytest.mark.parametrize("columns", ["ciphertext", "ciphertext, wrapped_key"])
def test_swapped_bodies_are_found(trail: TrailBuilder, columns: str) -> None:
    _swap(trail, columns, 5, 9)

    code, report = _verify(trail)

    assert (code, report["first_bad"], _failed(report)) == (3, 5, {6})


def test_swapped_wrapped_keys_are_found_by_opening(trail: TrailBuilder) -> None:
    _swap(trail, "wrapped_key", 5, 9)
    options = ("--open-bodies", "--passphrase-file", str(trail.passphrase_file), "--home", str(trail.home))

    code, report = _verify(trail, *options)

    assert (code, report["verdict"], report["first_bad"]) == (4, "unverifiable", 5)
    assert report["steps"][11]["findings"][0]["sequence"] == 5


def test_every_body_of_an_untouched_trail_opens(trail: TrailBuilder) -> None:
    options = ("--open-bodies", "--passphrase-file", str(trail.passphrase_file), "--home", str(trail.home))

    code, report = _verify(trail, *options)

    assert code == 0
    assert report["steps"][11]["checked"] == 2 * EXCHANGES


def test_a_cut_tail_is_found_against_the_databases_own_checkpoints(trail: TrailBuilder) -> None:
    trail.sql("DELETE FROM record WHERE sequence >= 20")

    code, report = _verify(trail)

    assert (code, report["first_bad"]) == (3, 20)
    assert {4, 9, 10} <= _failed(report)


def test_a_cut_tail_is_found_against_the_witness(trail: TrailBuilder) -> None:
    witness = trail.trail.witness.read_bytes()
    cut(trail, 20)
    trail.trail.witness.write_bytes(witness)

    code, report = _verify(trail)

    assert (code, report["first_bad"], _failed(report)) == (3, 20, {10})


def test_a_restored_old_copy_is_found_against_a_receipt_from_outside(trail: TrailBuilder, receipt: str) -> None:
    cut(trail, 21)
    assert _verify(trail)[0] == 0, "an old copy of every file is whole by itself"

    code, report = _verify(trail, "--receipt", receipt)

    assert (code, report["first_bad"], _failed(report)) == (3, 21, {11})


def test_a_restored_old_copy_is_found_against_a_checkpoint_from_outside(trail: TrailBuilder, checkpoint: Path) -> None:
    cut(trail, 21)

    code, report = _verify(trail, "--checkpoint", str(checkpoint))

    assert (code, report["first_bad"], _failed(report)) == (3, 21, {10})


def test_a_witness_file_from_outside_counts_as_a_checkpoint(trail: TrailBuilder, tmp_path: Path) -> None:
    kept = tmp_path / "kept.log"
    kept.write_bytes(trail.trail.witness.read_bytes())
    cut(trail, 21)

    assert _verify(trail, "--checkpoint", str(kept))[1]["first_bad"] == 21


def test_an_edited_leaf_with_a_tree_that_fits_it_is_found_by_the_signatures(trail: TrailBuilder) -> None:
    def edit(sequence: int, members: dict[str, Value]) -> None:
        if sequence == 18:
            members["skew"] = 5

    rebuild(trail, edit)

    code, report = _verify(trail)

    assert code == 3
    assert _failed(report) == {9, 10}
    assert report["first_bad"] <= 18 <= report["first_bad_last"]


def test_a_trail_that_is_signed_anew_is_found_with_the_real_keys(trail: TrailBuilder, original: TrailBuilder) -> None:
    _forge(trail)
    assert _verify(trail)[0] == 0, "with the thief's own keys everything fits"

    code, report = _verify(trail, "--public-key", str(original.trail.folder / "verifier.keys"))

    assert code == 3
    assert {9, 10} <= _failed(report)


def test_a_trail_that_is_signed_anew_is_found_with_a_receipt(trail: TrailBuilder, receipt: str) -> None:
    _forge(trail)

    code, report = _verify(trail, "--receipt", receipt)

    assert (code, _failed(report)) == (3, {11})


def test_a_thief_who_has_the_signing_key_is_found_with_an_older_receipt(trail: TrailBuilder, receipt: str) -> None:
    def edit(sequence: int, members: dict[str, Value]) -> None:
        if sequence == LAST:
            members["skew"] = 5

    sign_anew(trail, rebuild(trail, edit), trail.trail.signing_key())

    code, report = _verify(trail, "--receipt", receipt)

    assert (code, report["first_bad"], _failed(report)) == (3, LAST, {11})


def test_one_vkey_line_is_enough_as_public_key(trail: TrailBuilder, original: TrailBuilder) -> None:
    vkey = original.trail.verifier_keys()[0].to_vkey()

    assert _verify(trail, "--public-key", vkey)[0] == 0
    _forge(trail)
    assert _verify(trail, "--public-key", vkey)[0] == 3


@pytest.mark.parametrize(
    ("change", "step"),
    [
        ("UPDATE record SET ciphertext = NULL WHERE sequence = 9", 6),
        ("UPDATE record SET wrapped_key = NULL WHERE sequence = 9", 6),
        ("DELETE FROM checkpoint", 9),
    ],
)
def test_what_is_missing_makes_a_trail_unverifiable(trail: TrailBuilder, change: str, step: int) -> None:
    trail.sql(change)

    code, report = _verify(trail)

    assert (code, report["verdict"]) == (4, "unverifiable")
    assert report["steps"][step - 1]["verdict"] == "unverifiable"


def test_an_empty_trail_is_unverifiable(trail: TrailBuilder) -> None:
    trail.trail.witness.unlink()
    for table in ("record", "blind_index", "checkpoint", "term_block"):
        trail.sql(f"DELETE FROM {table}")  # noqa: S608

    assert _verify(trail)[0] == 4


def test_a_line_that_a_crash_tore_is_no_fault(trail: TrailBuilder) -> None:
    with trail.trail.witness.open("ab") as witness:
        witness.write(b'{"note":"hosp')

    code, report = _verify(trail)

    assert code == 0
    assert report["steps"][9]["notes"] == ["1 torn lines"]


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_file_that_is_no_trail_is_unverifiable_without_a_traceback(trail: TrailBuilder, content: bytes) -> None:
    trail.trail.database.write_bytes(content)

    result = CliRunner().invoke(root, ["verify", str(trail.trail.folder)])

    assert result.exit_code == 4
    assert "Traceback" not in result.output
    assert "UNVERIFIABLE" in result.stdout


def test_damaged_pages_never_look_verified(trail: TrailBuilder) -> None:
    content = bytearray(trail.trail.database.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 8192] = b"\xa5" * 8192
    trail.trail.database.write_bytes(content)

    assert _verify_text(trail) in {3, 4}


def test_missing_verifier_keys_say_what_to_give(trail: TrailBuilder) -> None:
    (trail.trail.folder / "verifier.keys").unlink()

    code, report = _verify(trail)

    assert code == 4
    assert "verifier keys" in report["reason"]


def _verify_text(trail: TrailBuilder) -> int:
    return CliRunner().invoke(root, ["verify", str(trail.trail.folder)]).exit_code


def _swap(trail: TrailBuilder, columns: str, one: int, other: int) -> None:
    names = columns.split(", ")
    setting = ", ".join(f"{name} = ?" for name in names)
    rows = {place: trail.sql(f"SELECT {columns} FROM record WHERE sequence = ?", place)[0] for place in (one, other)}  # noqa: S608
    trail.sql(f"UPDATE record SET {setting} WHERE sequence = ?", *rows[other], one)  # noqa: S608
    trail.sql(f"UPDATE record SET {setting} WHERE sequence = ?", *rows[one], other)  # noqa: S608


def _forge(trail: TrailBuilder) -> None:
    """Change who was told what, and sign everything with another key."""

    def edit(sequence: int, members: dict[str, Value]) -> None:
        if sequence == LAST:
            members["skew"] = 5

    sign_anew(trail, rebuild(trail, edit), another_key())
