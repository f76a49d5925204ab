"""What an evidence bundle proves, and when there is none."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from audit.access import MONTHS_PREPARED
from audit.errors import AppendError, FormatError, QueryError, RecorderUnavailableError, StoreError
from audit.export import Order, Source, open_bundle, verify_bundle, write_bundle
from audit.query import Reader
from audit.record import Event, Kind
from audit.rows import Rows
from audit.store.address import sqlite_address
from tests.support.bundles import ALWAYS, export, newest_note, read_members, vkeys
from tests.support.trail_builder import BODY, PATIENT, USER, TrailBuilder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> TrailBuilder:
    trail = TrailBuilder(home=tmp_path_factory.mktemp("trail") / "home")
    trail.add_exchanges(6)
    return trail


@pytest.fixture
def trail(made: TrailBuilder, tmp_path: Path) -> TrailBuilder:
    """Return a copy that a test may change."""
    return made.copy(tmp_path / "home")


def check(trail: TrailBuilder, bundle: Path, *outside: str) -> verify_bundle.Report:
    return verify_bundle.verify(bundle, vkeys(trail), outside)


def test_a_bundle_of_everything_is_verified(trail: TrailBuilder, tmp_path: Path) -> None:
    written = export(trail, tmp_path / "b.zip")

    report = check(trail, tmp_path / "b.zip")

    assert report.verdict == "verified", list(verify_bundle.lines(report))
    assert (written.first, written.end, written.records) == (0, 25, 25)
    assert report.steps[4].checked == 25
    assert (tmp_path / "b.zip").stat().st_mode & 0o777 == 0o600


def test_an_auditor_checks_it_alone_with_plain_python(trail: TrailBuilder, tmp_path: Path) -> None:
    export(trail, tmp_path / "made.zip")
    away = tmp_path / "away"
    away.mkdir()
    shutil.copy(tmp_path / "made.zip", away / "bundle.zip")
    (away / "keys").write_text(vkeys(trail))
    (away / "verify_bundle.py").write_bytes(read_members(away / "bundle.zip")["verify_bundle.py"])
    (away / "older.checkpoint").write_text(newest_note(trail))
    command = [sys.executable, "-I", "verify_bundle.py", "bundle.zip", "keys", "older.checkpoint"]

    done = subprocess.run(command, cwd=away, capture_output=True, text=True, check=False, env={})

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith("VERIFIED: records 0 to 24 of hospital.example/test")
    assert [line[:2] for line in done.stdout.splitlines()[:11]] == [f"{number:2}" for number in range(1, 12)]
    assert b"import audit" not in (away / "verify_bundle.py").read_bytes()


def test_the_script_in_the_bundle_is_the_one_of_this_release(trail: TrailBuilder, tmp_path: Path) -> None:
    export(trail, tmp_path / "b.zip")

    members = read_members(tmp_path / "b.zip")

    assert members["verify_bundle.py"] == Path(verify_bundle.__file__).read_bytes()
    assert members["verifier.keys"].decode() == vkeys(trail)


def test_any_zip_program_can_open_it(trail: TrailBuilder, tmp_path: Path) -> None:
    export(trail, tmp_path / "b.zip")

    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [name for name in verify_bundle.MEMBERS if name != "bodies.jsonl"]


def test_the_same_records_give_the_same_bytes(trail: TrailBuilder, tmp_path: Path) -> None:
    twin = trail.copy(tmp_path / "twin")

    first, second = export(trail, tmp_path / "a.zip"), export(twin, tmp_path / "b.zip")

    assert first.manifest == second.manifest
    one, other = (read_members(tmp_path / name) for name in ("a.zip", "b.zip"))
    assert {name for name in one if one[name] != other[name]} == {"export.json"}


def test_a_span_of_time_holds_its_records_and_proves_its_edges(trail: TrailBuilder, tmp_path: Path) -> None:
    end = trail.clock.now_ms
    order = Order(made_ms=1, since_ms=end - 8000, until_ms=end - 4000)

    written = export(trail, tmp_path / "b.zip", order)

    report = check(trail, tmp_path / "b.zip")
    lines = [json.loads(line) for line in read_members(tmp_path / "b.zip")["records.jsonl"].splitlines()]
    assert report.verdict == "verified", list(verify_bundle.lines(report))
    assert 0 < written.first < written.end < 25
    assert [("facts" in line) for line in lines] == [False, *[True] * written.records, False]


def test_a_span_without_records_proves_that_there_were_none(trail: TrailBuilder, tmp_path: Path) -> None:
    order = Order(made_ms=1, since_ms=trail.clock.now_ms + 1, until_ms=trail.clock.now_ms + 2)

    written = export(trail, tmp_path / "b.zip", order)

    report = check(trail, tmp_path / "b.zip")
    assert (written.records, report.verdict) == (0, "verified")
    assert list(verify_bundle.lines(report))[-1].startswith("VERIFIED: no record of")


def test_one_exchange_leaves_alone_with_its_sealed_bodies(trail: TrailBuilder, tmp_path: Path) -> None:
    order = Order(made_ms=1, exchange_id=f"ex_{5:032x}", with_bodies=True)

    written = export(trail, tmp_path / "b.zip", order)

    report = check(trail, tmp_path / "b.zip")
    assert (written.records, report.verdict, report.steps[6].checked) == (4, "verified", 2)


def test_an_exchange_that_is_not_there_gives_no_bundle(trail: TrailBuilder, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="No signed record"):
        export(trail, tmp_path / "b.zip", Order(made_ms=1, exchange_id="ex_none"))

    assert sorted(path.name for path in tmp_path.iterdir()) == ["home"]


def test_bodies_leave_only_when_asked_for_and_sealed(trail: TrailBuilder, tmp_path: Path) -> None:
    export(trail, tmp_path / "b.zip")
    export(trail, tmp_path / "bodies.zip", Order(made_ms=1, until_ms=2**53 - 1, with_bodies=True))

    plain, sealed = read_members(tmp_path / "b.zip"), read_members(tmp_path / "bodies.zip")

    assert "bodies.jsonl" not in plain
    assert check(trail, tmp_path / "bodies.zip").steps[6].checked == 13  # the first export's own people, too
    for content in (*plain.values(), *sealed.values()):
        assert not [canary for canary in (BODY, PATIENT.encode(), USER.encode()) if canary in content]


def test_the_policies_and_models_met_are_listed_with_their_span(trail: TrailBuilder, tmp_path: Path) -> None:
    export(trail, tmp_path / "b.zip")

    digests = json.loads(read_members(tmp_path / "b.zip")["digests.json"])

    assert digests == {"models": {"smol@sha256:" + "0" * 64: [2, 24]}, "policies": {"a" * 64: [2, 24]}, "v": 1}


def test_the_key_history_leaves_with_every_bundle(trail: TrailBuilder, tmp_path: Path) -> None:
    with trail.opened() as log:
        trail.append(log, [Event(kind=Kind.OPERATION, code=MONTHS_PREPARED, client="audit-command")])
    order = Order(made_ms=1, since_ms=1, until_ms=2)

    export(trail, tmp_path / "b.zip", order)

    lines = [json.loads(line) for line in read_members(tmp_path / "b.zip")["keys.jsonl"].splitlines()]
    assert [json.loads(line["leaf"])["kind"] for line in lines] == ["epoch", "operation"]
    assert check(trail, tmp_path / "b.zip").steps[10].verdict == "verified"


def test_the_export_is_a_record_that_names_what_left(trail: TrailBuilder, tmp_path: Path) -> None:
    written = export(trail, tmp_path / "b.zip")

    with Rows.open(sqlite_address(trail.trail.database)) as rows:
        entry = next(Reader(rows).span(written.recorded, end=written.recorded + 1))

    assert (entry.leaf.kind, entry.leaf.code) == (Kind.ACCESS, "export")
    assert entry.facts["manifest"] == written.manifest
    assert (entry.facts["first"], entry.facts["end"], entry.facts["bodies"]) == (0, 25, False)


def test_no_record_no_bundle(trail: TrailBuilder, tmp_path: Path) -> None:
    def seal(_facts: dict[str, Any]) -> tuple[int, str]:
        raise RecorderUnavailableError("no recorder")

    keys, head = trail.trail.verifier_keys(), newest_note(trail)
    with Rows.open(sqlite_address(trail.trail.database)) as rows, pytest.raises(AppendError):
        write_bundle(tmp_path / "b.zip", Source(Reader(rows)), order=ALWAYS, head=head, keys=keys, seal=seal)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["home"]


def test_a_recorder_that_lies_about_the_record_gives_no_bundle(trail: TrailBuilder, tmp_path: Path) -> None:
    keys, head = trail.trail.verifier_keys(), newest_note(trail)

    with Rows.open(sqlite_address(trail.trail.database)) as rows, pytest.raises(StoreError, match="own record"):
        write_bundle(
            tmp_path / "b.zip", Source(Reader(rows)), order=ALWAYS, head=head, keys=keys, seal=lambda _: (3, head)
        )

    assert not (tmp_path / "b.zip").exists()


def test_a_bundle_never_replaces_a_file(trail: TrailBuilder, tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_text("mine")

    with pytest.raises(QueryError, match="there already"):
        export(trail, tmp_path / "b.zip")

    assert (tmp_path / "b.zip").read_text() == "mine"


def test_a_record_whose_body_is_gone_is_told_and_not_hidden(trail: TrailBuilder, tmp_path: Path) -> None:
    trail.sql("UPDATE record SET ciphertext = NULL, wrapped_key = NULL WHERE sequence = 5")

    export(trail, tmp_path / "b.zip", Order(made_ms=1, until_ms=2**53 - 1, with_bodies=True))

    report = check(trail, tmp_path / "b.zip")
    assert (report.verdict, report.first_bad) == ("unverifiable", 5)


@pytest.mark.parametrize("column", ["leaf", "facts"])
def test_a_damaged_row_is_named_and_gives_no_bundle(trail: TrailBuilder, tmp_path: Path, column: str) -> None:
    trail.sql(f"UPDATE record SET {column} = 7 WHERE sequence = 5")  # noqa: S608

    with pytest.raises(FormatError, match="record 5 is damaged"):
        export(trail, tmp_path / "b.zip")


def test_changed_facts_leave_and_are_found_by_the_auditor(trail: TrailBuilder, tmp_path: Path) -> None:
    packed = trail.sql("SELECT facts FROM record WHERE sequence = 10")[0][0]
    trail.sql("UPDATE record SET facts = ? WHERE sequence = 5", packed)

    export(trail, tmp_path / "b.zip")

    report = check(trail, tmp_path / "b.zip")
    assert (report.verdict, report.first_bad, report.steps[5].verdict) == ("tampered", 5, "tampered")


def test_without_keys_from_outside_nothing_is_more_than_unverifiable(trail: TrailBuilder, tmp_path: Path) -> None:
    export(trail, tmp_path / "b.zip")

    report = verify_bundle.verify(tmp_path / "b.zip", None)

    assert (report.verdict, report.first_bad) == ("unverifiable", None)
    assert "verifier.keys" in str(report.steps[2].findings[0])


def test_a_checkpoint_kept_outside_is_compared(trail: TrailBuilder, tmp_path: Path) -> None:
    kept = newest_note(trail)
    other = TrailBuilder(home=tmp_path / "other")
    other.add_exchanges(1)
    export(trail, tmp_path / "b.zip")

    assert check(trail, tmp_path / "b.zip", kept).verdict == "verified"
    assert check(trail, tmp_path / "b.zip", newest_note(other)).verdict == "tampered"


def test_a_checkpoint_from_before_the_range_is_said_to_be_incomparable(trail: TrailBuilder, tmp_path: Path) -> None:
    kept = newest_note(trail)
    trail.clock.move(10)
    trail.add_exchanges(2)

    export(trail, tmp_path / "b.zip", Order(made_ms=1, since_ms=trail.clock.now_ms - 3000, until_ms=2**53 - 1))

    report = check(trail, tmp_path / "b.zip", kept)
    assert (report.verdict, report.steps[11].verdict) == ("unverifiable", "unverifiable")


def test_the_program_opens_a_bundle_with_the_same_code(trail: TrailBuilder, tmp_path: Path) -> None:
    export(trail, tmp_path / "b.zip")
    seen: list[tuple[int, int]] = []
    bundle = open_bundle(tmp_path / "b.zip")

    report = bundle.verify(trail.trail.verifier_keys(), moved=lambda done, total: seen.append((done, total)))

    assert report.verdict == "verified"
    assert seen[-1][0] <= seen[-1][1]
    assert bundle.verify(None).verdict == "unverifiable"


def test_a_bundle_that_is_not_there_is_a_slip_of_the_person(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="no file"):
        open_bundle(tmp_path / "none.zip")
    (tmp_path / "gone.zip").touch()
    bundle = open_bundle(tmp_path / "gone.zip")
    (tmp_path / "gone.zip").unlink()

    with pytest.raises(QueryError, match="cannot be read"):
        bundle.verify(None)


def test_a_long_key_history_is_read_page_by_page(
    trail: TrailBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit.export.source.MAX_LIMIT", 1)
    with trail.opened() as log:
        event = Event(kind=Kind.OPERATION, code=MONTHS_PREPARED, client="audit-command")
        trail.append(log, [event, event, event])

    export(trail, tmp_path / "b.zip")

    assert check(trail, tmp_path / "b.zip").steps[10].checked == 4


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("UPDATE record SET wrapped_key = NULL WHERE sequence = 5", "the sealed body of record 5"),
        ("UPDATE record SET leaf = (SELECT leaf FROM record WHERE sequence = 6) WHERE sequence = 5", "record 5"),
        ("UPDATE checkpoint SET note = x'00' WHERE size = (SELECT min(size) FROM checkpoint)", "the checkpoint of"),
    ],
)
def test_other_damage_is_named_and_gives_no_bundle(
    trail: TrailBuilder, tmp_path: Path, change: str, named: str
) -> None:
    trail.clock.move(100)
    trail.add_exchanges(1)
    trail.sql(change)

    with pytest.raises(FormatError, match=f"{named}.* is damaged"):
        export(trail, tmp_path / "b.zip", Order(made_ms=1, until_ms=2**53 - 1, with_bodies=True))
