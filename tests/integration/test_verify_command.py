"""`audit verify` of everything that can be kept: a live trail, copies of its database, receipts, proofs and bundles."""

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from audit.canonical import encode
from audit.checkpoint import sign_checkpoint, sign_receipt
from audit.cli.progress import shown
from audit.cli.root import root
from audit.compact import unpack
from audit.keyring import SigningKey
from audit.merkle import leaf_hash
from audit.tlog_proof import HEADER, read_proof
from tests.support.bundles import export, newest_note
from tests.support.trail_builder import TrailBuilder

EXCHANGES = 3
RELEASE = 3
"""Place of the first exchange's release: epoch, intent, decision, release."""


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> TrailBuilder:
    builder = TrailBuilder(home=tmp_path_factory.mktemp("trail") / "home")
    builder.add_exchanges(EXCHANGES)
    return builder


@pytest.fixture
def trail(original: TrailBuilder, tmp_path: Path) -> TrailBuilder:
    return original.copy(tmp_path / "home")


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(root, list(arguments))


def _json(*arguments: str) -> tuple[int, dict[str, Any]]:
    result = _run("verify", *arguments, "--json")
    return result.exit_code, json.loads(result.stdout)


def _keys(trail: TrailBuilder) -> str:
    return str(trail.trail.folder / "verifier.keys")


def _exchange(trail: TrailBuilder) -> str:
    name: str = trail.sql("SELECT exchange FROM record WHERE sequence = ?", RELEASE)[0][0]
    return name


def _proof(trail: TrailBuilder, name: str) -> str:
    result = _run("receipt", name, "--proof", "--home", str(trail.home))
    assert result.exit_code == 0, result.output
    return result.stdout


def _compact(trail: TrailBuilder, place: int) -> str:
    leaf = unpack(trail.sql("SELECT leaf FROM record WHERE sequence = ?", place)[0][0])
    return sign_receipt(trail.trail.signing_key(), sequence=place, leaf_hash=leaf_hash(leaf), time_ms=1).compact


@pytest.mark.parametrize("named", ["home", "trail folder", "database folder", "database file", "address", "plain file"])
def test_a_trail_is_verified_however_it_is_named(trail: TrailBuilder, named: str) -> None:
    folder, database = str(trail.trail.folder), str(trail.trail.database)
    arguments = {
        "home": ["--home", str(trail.home)],
        "trail folder": [folder],
        "database folder": ["--database", folder],
        "database file": ["--database", database],
        "address": ["--database", f"sqlite:///{database}", "--home", str(trail.home)],
        "plain file": [database],
    }[named]

    code, report = _json(*arguments)

    assert (code, report["verdict"], report["records"]) == (0, "verified", 4 * EXCHANGES + 1)


def test_a_copied_database_file_is_verified_with_the_public_key_alone(trail: TrailBuilder, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / "copy.db"
    copy.parent.mkdir()
    shutil.copy(trail.trail.database, copy)

    code, report = _json(str(copy), "--public-key", _keys(trail))
    without, said = _json(str(copy))

    assert (code, report["keys_from_outside"]) == (0, True)
    assert (without, said["verdict"]) == (4, "unverifiable")


def test_the_first_bad_record_is_named_with_exit_code_3(trail: TrailBuilder) -> None:
    trail.sql("UPDATE record SET time = time + 1 WHERE sequence = 5")

    code, report = _json("--home", str(trail.home))

    assert (code, report["verdict"], report["first_bad"]) == (3, "tampered", 5)


def test_a_missing_database_is_unverifiable(tmp_path: Path) -> None:
    code, report = _json("--home", str(tmp_path))

    assert (code, report["verdict"], report["first_bad"]) == (4, "unverifiable", None)
    assert _run("verify", "--home", str(tmp_path)).exit_code == 4


def test_a_witness_that_cannot_be_read_is_unverifiable_and_named(trail: TrailBuilder) -> None:
    witness = trail.trail.witness
    witness.write_bytes(witness.read_bytes() + b"\xff\xfe no line at all\n")
    torn, _ = _json(str(trail.trail.folder))
    (trail.home / "witness").mkdir(exist_ok=True)
    name = trail.home / "witness" / witness.name
    name.unlink(missing_ok=True)
    name.symlink_to("/proc/self/mem")

    code, report = _json(str(trail.trail.folder))

    assert torn == 0
    assert (code, report["steps"][9]["verdict"]) == (4, "unverifiable")


def test_a_witness_whose_first_month_was_moved_away_still_speaks(trail: TrailBuilder) -> None:
    witness = trail.trail.witness
    witness.rename(witness.with_name(f"{witness.stem}-2026-12{witness.suffix}"))
    trail.sql("DELETE FROM checkpoint")
    trail.sql("DELETE FROM record WHERE sequence > 9")

    code, report = _json(str(trail.trail.folder))

    assert (code, report["steps"][9]["verdict"]) == (3, "tampered")


def test_the_file_that_a_syslog_server_wrote_counts_as_a_checkpoint(trail: TrailBuilder, tmp_path: Path) -> None:
    lines = trail.trail.witness.read_text().splitlines()
    log = tmp_path / "siem.log"
    log.write_text("".join(f"<110>1 2026-11-23T07:00:00Z a1 audit - checkpoint - {line}\n" for line in lines))

    code, report = _json("--home", str(trail.home), "--checkpoint", str(log))

    assert (code, report["steps"][9]["verdict"]) == (0, "verified")
    assert report["steps"][9]["checked"] >= len(lines)


def test_several_things_to_verify_are_wrong_usage(trail: TrailBuilder) -> None:
    result = _run("verify", str(trail.trail.folder), "--database", str(trail.trail.database))

    assert result.exit_code == 2
    assert "one thing" in result.stderr


def test_a_wrong_address_is_unverifiable(trail: TrailBuilder) -> None:
    code, report = _json("--database", "mysql://host/trail", "--home", str(trail.home))

    assert (code, report["verdict"]) == (4, "unverifiable")


def test_the_proof_of_an_exchange_is_that_of_its_release(trail: TrailBuilder, tmp_path: Path) -> None:
    text = _proof(trail, _exchange(trail))
    file = tmp_path / "release.tlog-proof"
    file.write_text(text)

    code, report = _json("--proof", str(file), "--public-key", _keys(trail))

    assert text.startswith(HEADER)
    assert (code, report["verdict"]) == (0, "verified")
    assert [(record["sequence"], record["kind"]) for record in report["records"]] == [(RELEASE, "release")]


@pytest.mark.parametrize("by", ["sequence", "event"])
def test_the_proof_of_one_record_is_given_by_its_name(trail: TrailBuilder, by: str) -> None:
    name = str(trail.sql(f"SELECT {by} FROM record WHERE sequence = 2")[0][0])  # noqa: S608

    assert read_proof(_proof(trail, name)).index == 2


def test_a_proof_is_held_against_the_receipt_and_told_to_people(trail: TrailBuilder, tmp_path: Path) -> None:
    file = tmp_path / "release.tlog-proof"
    file.write_text(_proof(trail, _exchange(trail)))
    keys = ("--public-key", _keys(trail))

    same = _run("verify", str(file), *keys, "--receipt", _compact(trail, RELEASE))
    other = _run("verify", str(file), *keys, "--receipt", _compact(trail, RELEASE + 1))

    assert (same.exit_code, other.exit_code) == (0, 3)
    assert "VERIFIED" in same.stdout
    assert "TAMPERED" in other.stdout


def test_a_proof_without_its_record_needs_the_receipt(trail: TrailBuilder, tmp_path: Path) -> None:
    text = _proof(trail, _exchange(trail))
    file = tmp_path / "bare.tlog-proof"
    file.write_text("\n".join(line for line in text.split("\n") if not line.startswith("extra ")))
    keys = ("--public-key", _keys(trail))

    bare, _ = _json("--proof", str(file), *keys)
    code, report = _json("--proof", str(file), *keys, "--receipt", _compact(trail, RELEASE))

    assert (bare, code, report["records"][0]["sequence"]) == (4, 0, RELEASE)


@pytest.mark.parametrize(("before", "after", "code"), [("index 3", "index 2", 3), (HEADER, "c2sp.org/x@v1", 4)])
def test_a_proof_that_does_not_hold_is_tampered_and_one_that_is_none_unverifiable(
    trail: TrailBuilder, tmp_path: Path, before: str, after: str, code: int
) -> None:
    file = tmp_path / "changed.tlog-proof"
    file.write_text(_proof(trail, _exchange(trail)).replace(before, after, 1))

    found, report = _json("--proof", str(file), "--public-key", _keys(trail))

    assert (found, report["verdict"]) == (code, "tampered" if code == 3 else "unverifiable")


def test_a_proof_that_was_kept_convicts_a_trail_that_was_rolled_back(trail: TrailBuilder, tmp_path: Path) -> None:
    last = 4 * EXCHANGES
    file = tmp_path / "kept.tlog-proof"
    file.write_text(_proof(trail, str(last)))
    for table, column in (("record", "sequence"), ("blind_index", "sequence"), ("checkpoint", "size")):
        trail.sql(f"DELETE FROM {table} WHERE {column} >= ?", last)  # noqa: S608

    code, report = _json(str(trail.trail.database), "--receipt", str(file))

    assert (code, report["first_bad"]) == (3, last)


def test_a_receipt_file_is_verified_by_what_it_is(trail: TrailBuilder, tmp_path: Path) -> None:
    file = tmp_path / "receipt.json"
    _run("receipt", _exchange(trail), "--output", str(file), "--home", str(trail.home))

    code, report = _json(str(file), "--public-key", _keys(trail))

    assert (code, report["verdict"], len(report["records"])) == (0, "verified", 4)
    damaged = file.read_text().replace("release", "outcome")
    file.write_text(damaged)
    assert _json(str(file), "--public-key", _keys(trail))[0] == 3
    file.write_text(damaged[:-50])
    assert _json(str(file), "--public-key", _keys(trail))[0] == 4


def test_an_outside_checkpoint_of_another_log_is_unverifiable(trail: TrailBuilder, tmp_path: Path) -> None:
    other = SigningKey.from_seeds(origin="another.example/log", ed25519=b"\x01" * 32, mldsa44=b"\x02" * 32)
    note = sign_checkpoint(other, size=1, root=b"\x00" * 32, time_s=1)
    file, kept = tmp_path / "checkpoint.txt", tmp_path / "witness.log"
    file.write_text(note)
    kept.write_bytes(encode({"v": 1, "time": 1, "note": note}) + b"\n")

    code, _ = _json("--home", str(trail.home), "--checkpoint", str(file))
    noted, report = _json("--home", str(trail.home), "--checkpoint", str(kept))

    assert (code, noted) == (4, 0)
    assert "1 checkpoints of other logs" in report["steps"][9]["notes"]


def test_a_bundle_is_verified_with_keys_from_outside_and_told_step_by_step(trail: TrailBuilder, tmp_path: Path) -> None:
    bundle = tmp_path / "evidence.zip"
    export(trail, bundle)
    kept = tmp_path / "checkpoint.txt"
    kept.write_text(newest_note(trail))

    code, report = _json("--bundle", str(bundle), "--public-key", _keys(trail), "--checkpoint", str(kept))
    _, bare = _json(str(bundle))
    plain = _run("verify", str(bundle), "--public-key", _keys(trail))
    without = _run("verify", "--bundle", str(bundle))

    assert (code, report["verdict"], report["first_bad"]) == (0, "verified", None)
    assert bare["verdict"] == "unverifiable"
    assert (plain.exit_code, "VERIFIED" in plain.stdout) == (0, True)
    assert (without.exit_code, "--public-key" in without.stdout) == (4, True)


def test_a_changed_bundle_is_tampered(trail: TrailBuilder, tmp_path: Path) -> None:
    bundle = tmp_path / "evidence.zip"
    export(trail, bundle)
    data = bytearray(bundle.read_bytes())
    data[len(data) // 2] ^= 1
    bundle.write_bytes(data)

    assert _run("verify", str(bundle), "--public-key", _keys(trail)).exit_code == 3


def test_bodies_are_opened_with_the_passphrase_and_none_is_shown(trail: TrailBuilder) -> None:
    options = ("--open-bodies", "--passphrase-file", str(trail.passphrase_file), "--home", str(trail.home))

    result = _run("verify", *options)
    trail.sql("UPDATE record SET wrapped_key = (SELECT wrapped_key FROM record WHERE sequence = 1) WHERE sequence = 5")
    code, report = _json(*options)

    assert result.exit_code == 0
    assert "Canary" not in result.output
    assert (code, report["first_bad"], report["steps"][11]["verdict"]) == (4, 5, "unverifiable")


def test_a_database_that_is_locked_for_writing_is_never_kept_waiting(trail: TrailBuilder) -> None:
    with sqlite3.connect(trail.trail.database, timeout=0) as writer:
        writer.execute("BEGIN IMMEDIATE")
        code, _ = _json("--home", str(trail.home))
        writer.execute("UPDATE checkpoint SET time = time")
    writer.close()

    assert code == 0


def test_the_bar_shows_how_much_how_fast_and_how_long() -> None:
    console = Console(force_terminal=True, width=120, record=True)
    pages = [[0] * 5000] * 6
    with shown(30_000, console=lambda: console) as bar:
        assert sum(1 for _ in bar.passing(iter(pages), "reading the index", total=None)) == 30_000
        bar.reach(1, 2)
        assert sum(1 for _ in bar.passing(iter(pages), "verifying records", total=30_000)) == 30_000
    with shown(5, console=lambda: console) as bar:
        bar.advance(1)
        bar.reach(1, 2)
    drawn = console.export_text()

    assert "verifying records" in drawn
    assert "30000/30000" in drawn
    assert "/s" in drawn
