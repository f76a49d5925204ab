"""Every way to change a bundle is found, and the first record concerned is named where that can be said."""

import io
import json
import random
import runpy
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit.checkpoint import sign_checkpoint
from audit.export import Order, verify_bundle
from audit.export.archive import ArchiveWriter
from tests.support.bundles import export, forge, forge_recorded, newest_note, read_members, vkeys
from tests.support.trail_builder import TrailBuilder

Members = dict[str, bytes]
Line = dict[str, Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> TrailBuilder:
    trail = TrailBuilder(home=tmp_path_factory.mktemp("trail") / "home")
    trail.add_exchanges(6)
    return trail


@pytest.fixture(scope="module")
def bundle(made: TrailBuilder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bundle of records 14 to 32, with checkpoints inside, neighbours and bodies."""
    path = tmp_path_factory.mktemp("bundle") / "b.zip"
    made.add_exchanges(2)
    since = made.clock.now_ms - 14_000
    made.clock.move(60)
    made.add_exchanges(1)
    export(made, path, Order(made_ms=1, since_ms=since, until_ms=made.clock.now_ms - 30_000, with_bodies=True))
    return path


def check(trail: TrailBuilder, path: Path) -> verify_bundle.Report:
    return verify_bundle.verify(path, vkeys(trail))


def canonical(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def on_lines(name: str, change: Callable[[list[Line]], Any]) -> Callable[[Members], None]:
    """Return a change of a member's lines."""

    def apply(members: Members) -> None:
        lines = [json.loads(line) for line in members[name].splitlines()]
        change(lines)
        members[name] = b"".join(canonical(line) + b"\n" for line in lines)

    return apply


def place_of(lines: list[Line], sequence: int) -> int:
    return next(n for n, line in enumerate(lines) if json.loads(line["leaf"])["seq"] == sequence)


def edit_leaf(lines: list[Line], sequence: int, **changes: object) -> None:
    line = lines[place_of(lines, sequence)]
    line["leaf"] = canonical({**json.loads(line["leaf"]), **changes}).decode()


def rehash(lines: list[Line], sequence: int) -> None:
    line = lines[place_of(lines, sequence)]
    line["hash"] = verify_bundle.hashlib.sha256(b"\0" + line["leaf"].encode()).hexdigest()


def swap(lines: list[Line], one: int, other: int) -> None:
    first, second = place_of(lines, one), place_of(lines, other)
    lines[first], lines[second] = lines[second], lines[first]


def drop(lines: list[Line], sequence: int) -> None:
    del lines[place_of(lines, sequence)]


def edit_and_rehash(lines: list[Line], sequence: int, **changes: object) -> None:
    edit_leaf(lines, sequence, **changes)
    rehash(lines, sequence)


CHANGES: dict[str, tuple[str, Callable[[list[Line]], Any], int, int | None]] = {
    "another fact": ("records.jsonl", lambda lines: lines[3].update(facts='{"client":"other"}'), 5, 16),
    "another leaf": ("records.jsonl", lambda lines: edit_leaf(lines, 15, task="other"), 4, 15),
    "another leaf and hash": ("records.jsonl", lambda lines: edit_and_rehash(lines, 15, task="other"), 7, None),
    "another log": ("records.jsonl", lambda lines: edit_and_rehash(lines, 15, origin="other.example/a"), 4, 15),
    "an earlier time": ("records.jsonl", lambda lines: edit_and_rehash(lines, 15, time=1), 4, 15),
    "a place that is no number": ("records.jsonl", lambda lines: lines[4].update(leaf=7), 4, 17),
    "a record dropped": ("records.jsonl", lambda lines: drop(lines, 15), 4, 15),
    "the last record dropped": ("records.jsonl", lambda lines: lines.pop(), 4, None),
    "the first neighbour dropped": ("records.jsonl", lambda lines: lines.pop(0), 4, None),
    "two records swapped": ("records.jsonl", lambda lines: swap(lines, 15, 16), 4, 15),
    "a record twice": ("records.jsonl", lambda lines: lines.insert(4, lines[4]), 4, 18),
    "a hash too many": ("records.jsonl", lambda lines: lines[0]["gap"].append("0" * 64), 4, None),
    "a hash that is none": ("records.jsonl", lambda lines: lines[0].update(gap=["zz"]), 4, None),
    "another gap": ("records.jsonl", lambda lines: lines[0]["gap"].__setitem__(0, "0" * 64), 7, None),
    "a fact hidden": ("records.jsonl", lambda lines: lines[4].pop("facts"), 4, 17),
    "a checkpoint dropped": ("checkpoints.jsonl", lambda lines: lines.pop(0), 2, None),
    "the head dropped": ("checkpoints.jsonl", lambda lines: lines.pop(), 8, None),
    "a checkpoint of nobody": ("checkpoints.jsonl", lambda lines: lines[0].update(note="x"), 8, None),
    "another body": ("bodies.jsonl", lambda lines: lines[1].update(cipher=lines[0]["cipher"]), 6, None),
    "a body that is no base64": ("bodies.jsonl", lambda lines: lines[1].update(cipher="a==="), 4, None),
    "a body without record": ("bodies.jsonl", lambda lines: lines.append({**lines[0], "seq": 999}), 4, None),
    "a body left out": ("bodies.jsonl", lambda lines: lines.pop(1), 2, None),
    "key history changed": ("keys.jsonl", lambda lines: edit_and_rehash(lines, 0, time=1), 2, None),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_bundle_is_tampered_and_the_place_is_named(
    made: TrailBuilder, bundle: Path, tmp_path: Path, name: str
) -> None:
    member, change, step, first_bad = CHANGES[name]

    report = check(made, forge(bundle, tmp_path / "f.zip", on_lines(member, change)))

    assert report.verdict == "tampered"
    assert report.steps[step].verdict == "tampered", list(verify_bundle.lines(report))
    assert first_bad is None or report.first_bad == first_bad


PLACELESS = {
    "a checkpoint dropped": "verified",
    "a body left out": "unverifiable",
    "a body that is no base64": "tampered",
}
"""What a recorded export may leave out without a lie about records."""


@pytest.mark.parametrize("name", CHANGES)
def test_a_forged_export_that_was_recorded_is_found_by_its_own_step(
    made: TrailBuilder, bundle: Path, tmp_path: Path, name: str
) -> None:
    trail = made.copy(tmp_path / "home")
    member, change, step, first_bad = CHANGES[name]

    report = check(trail, forge_recorded(trail, bundle, tmp_path / "f.zip", on_lines(member, change)))

    assert report.steps[2].verdict == report.steps[3].verdict == "verified", list(verify_bundle.lines(report))
    assert report.verdict == PLACELESS.get(name, "tampered")
    assert step == 2 or report.steps[step].verdict == "tampered"
    assert first_bad is None or report.first_bad == first_bad


@pytest.mark.parametrize(
    ("name", "change", "step"),
    [
        ("digests.json", lambda members: members.update({"digests.json": b'{"models":{},"policies":{},"v":1}'}), 9),
        ("keys.jsonl", lambda members: members.update({"keys.jsonl": b""}), 10),
        ("records.jsonl", lambda members: members.update({"records.jsonl": members["records.jsonl"][:-1]}), 4),
    ],
)
def test_a_forged_summary_that_was_recorded_is_found(
    made: TrailBuilder, bundle: Path, tmp_path: Path, *, name: str, change: Callable[[Members], None], step: int
) -> None:
    trail = made.copy(tmp_path / "home")

    report = check(trail, forge_recorded(trail, bundle, tmp_path / "f.zip", change))

    assert report.steps[step].verdict == "tampered", name


def test_a_manifest_that_lists_what_is_not_there_is_found(made: TrailBuilder, bundle: Path, tmp_path: Path) -> None:
    def change(members: Members) -> None:
        manifest = json.loads(members["manifest.json"])
        manifest["members"].append({"name": "more"})
        members["manifest.json"] = canonical(manifest)

    report = check(made, forge(bundle, tmp_path / "f.zip", change, binds=False))

    assert "that the manifest lists are missing" in " ".join(verify_bundle.lines(report))


def test_a_checkpoint_of_the_same_keys_over_another_tree_convicts_the_bundle(made: TrailBuilder, bundle: Path) -> None:
    sizes = [
        int(json.loads(line)["note"].split("\n")[1]) for line in read_members(bundle)["checkpoints.jsonl"].splitlines()
    ]
    for size in (*sizes, 20):
        fork = sign_checkpoint(made.trail.signing_key(), size=size, root=bytes(32), time_s=1)

        report = verify_bundle.verify(bundle, vkeys(made), [fork])

        assert (report.verdict, report.steps[11].verdict) == ("tampered", "tampered")


def test_the_record_of_an_export_must_be_in_the_tree_of_its_checkpoint(
    made: TrailBuilder, bundle: Path, tmp_path: Path
) -> None:
    def change(members: Members) -> None:
        document = json.loads(members["export.json"])
        document["head"][0] = "0" * 64
        members["export.json"] = canonical(document)

    report = check(made, forge(bundle, tmp_path / "f.zip", change))

    assert "is not in the tree that its checkpoint signs" in str(report.steps[2].findings[0])


def test_only_the_first_findings_of_a_step_are_kept(made: TrailBuilder, bundle: Path, tmp_path: Path) -> None:
    def change(members: Members) -> None:
        manifest = json.loads(members["manifest.json"])
        for member in manifest["members"]:
            member["sha256"] = "0" * 64
        members["manifest.json"] = canonical(manifest)

    report = check(made, forge(bundle, tmp_path / "f.zip", change, binds=False))

    assert (len(report.steps[3].findings), report.steps[3].checked) == (5, 10)


def test_a_member_listed_twice_is_refused(made: TrailBuilder, bundle: Path, tmp_path: Path) -> None:
    with bundle.open("rb") as file:
        entries = list(verify_bundle.Archive(file, lambda _count: None).entries.values())
    whole = bundle.read_bytes()
    directory = b"".join(entry.listed() for entry in entries)
    twice = directory + entries[-1].listed()
    offset = len(whole) - len(directory) - verify_bundle.END_BYTES
    (tmp_path / "f.zip").write_bytes(
        whole[:offset] + twice + verify_bundle.end_records(len(entries) + 1, len(twice), offset)
    )

    report = check(made, tmp_path / "f.zip")

    assert "lists a member twice" in str(report.steps[1].findings[0])


def test_a_change_under_whole_digests_is_found_by_the_record_of_the_export(
    made: TrailBuilder, bundle: Path, tmp_path: Path
) -> None:
    forged = forge(bundle, tmp_path / "f.zip", lambda members: members.update({"README.txt": b"trust me"}))

    report = check(made, forged)

    assert (report.verdict, report.steps[2].verdict, report.steps[3].verdict) == ("tampered", "tampered", "verified")


def test_a_member_that_the_manifest_does_not_bind_is_found(made: TrailBuilder, bundle: Path, tmp_path: Path) -> None:
    change = {"README.txt": b"trust me"}

    report = check(made, forge(bundle, tmp_path / "f.zip", lambda members: members.update(change), binds=False))

    assert (report.verdict, report.steps[2].verdict, report.steps[3].verdict) == ("tampered", "verified", "tampered")


@pytest.mark.parametrize("claim", [{"first": 13}, {"end": 20}, {"asked": {"since_ms": 0, "until_ms": 9}}, {"size": 3}])
def test_a_narrower_claim_is_found(made: TrailBuilder, bundle: Path, tmp_path: Path, claim: Line) -> None:
    def change(members: Members) -> None:
        members["manifest.json"] = canonical({**json.loads(members["manifest.json"]), **claim})

    report = check(made, forge(bundle, tmp_path / "f.zip", change))

    assert report.verdict == "tampered"


@pytest.mark.parametrize("document", [b"", b"{}", b"[]", b"\xff", b'{"v":1}', b'{"v": 1}', b'{"note":[],"proof":1}'])
@pytest.mark.parametrize("name", ["manifest.json", "export.json", "digests.json", "verifier.keys"])
def test_documents_of_any_form_are_findings_and_no_crash(
    made: TrailBuilder, bundle: Path, tmp_path: Path, name: str, document: bytes
) -> None:
    report = check(
        made, forge(bundle, tmp_path / "f.zip", lambda members: members.update({name: document}), binds=False)
    )

    assert report.verdict == "tampered"


def test_a_bundle_of_other_keys_is_not_verified(made: TrailBuilder, tmp_path: Path) -> None:
    other = TrailBuilder(home=tmp_path / "other")
    other.add_exchanges(2)
    export(other, tmp_path / "b.zip")

    report = check(made, tmp_path / "b.zip")

    assert (report.verdict, report.steps[2].verdict) == ("tampered", "tampered")
    assert "other keys" in str(report.steps[2].findings[0])


def test_an_older_checkpoint_in_the_place_of_the_head_is_found(
    made: TrailBuilder, bundle: Path, tmp_path: Path
) -> None:
    older = json.loads(read_members(bundle)["checkpoints.jsonl"].splitlines()[0])["note"]
    change = on_lines("checkpoints.jsonl", lambda lines: lines[-1].update(note=older))

    report = check(made, forge(bundle, tmp_path / "f.zip", change))

    assert (report.verdict, report.steps[8].verdict) == ("tampered", "tampered")


def test_the_record_of_another_export_does_not_fit(made: TrailBuilder, bundle: Path, tmp_path: Path) -> None:
    export(made, tmp_path / "other.zip")
    other = read_members(tmp_path / "other.zip")["export.json"]

    report = check(made, forge(bundle, tmp_path / "f.zip", lambda members: members.update({"export.json": other})))

    assert (report.verdict, report.steps[2].verdict) == ("tampered", "tampered")


def test_an_exchange_without_one_of_its_events_is_found(made: TrailBuilder, tmp_path: Path) -> None:
    export(made, tmp_path / "b.zip", Order(made_ms=1, exchange_id=f"ex_{5:032x}"))
    change = on_lines("records.jsonl", lambda lines: lines.pop(1))

    report = check(made, forge(tmp_path / "b.zip", tmp_path / "f.zip", change))

    assert (report.verdict, report.steps[4].verdict) == ("tampered", "tampered")


@pytest.mark.parametrize("seed", range(4))
def test_any_flipped_bit_is_found(made: TrailBuilder, bundle: Path, tmp_path: Path, seed: int) -> None:
    whole, chosen = bundle.read_bytes(), random.Random(seed)  # noqa: S311 - places, not secrets

    for place in chosen.sample(range(len(whole)), 150):
        changed = bytearray(whole)
        changed[place] ^= 1 << chosen.randrange(8)
        (tmp_path / "f.zip").write_bytes(changed)
        assert check(made, tmp_path / "f.zip").verdict != "verified", place


def test_a_flipped_bit_among_the_records_names_a_record(made: TrailBuilder, bundle: Path, tmp_path: Path) -> None:
    with bundle.open("rb") as file:
        entry = verify_bundle.Archive(file, lambda _count: None).entries["records.jsonl"]
    changed = bytearray(bundle.read_bytes())
    changed[entry.offset + len(entry.header()) + entry.packed // 2] ^= 16
    (tmp_path / "f.zip").write_bytes(changed)

    report = check(made, tmp_path / "f.zip")

    assert (report.verdict, report.first_bad is None) == ("tampered", False)
    assert "the first record concerned is" in list(verify_bundle.lines(report))[-1]


def rezipped(bundle: Path, *names: str, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a bundle packed anew by another program, with members added."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in [*read_members(bundle).items(), *((name, b"x") for name in names)]:
            archive.writestr(name, content)
    return data.getvalue()


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("names", [(), ("README.txt",), ("../../etc/cron.d/x",), ("/abs",), ("records.jsonl",)])
def test_zip_tricks_are_refused(made: TrailBuilder, bundle: Path, tmp_path: Path, names: tuple[str, ...]) -> None:
    (tmp_path / "f.zip").write_bytes(rezipped(bundle, *names))

    report = check(made, tmp_path / "f.zip")

    assert (report.verdict, report.steps[1].verdict) == ("unverifiable", "unverifiable")


@pytest.mark.parametrize(
    "change",
    [
        lambda whole: whole + b"x",
        lambda whole: b"x" + whole,
        lambda whole: whole[:-1],
        lambda whole: whole[:-98],
        lambda whole: whole[: len(whole) // 2],
        lambda _: b"",
        lambda _: b"PK\x06\x06" + bytes(94),
        lambda whole: whole + whole[-98:],
    ],
)
def test_bytes_before_after_or_missing_are_found(
    made: TrailBuilder, bundle: Path, tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    (tmp_path / "f.zip").write_bytes(change(bundle.read_bytes()))

    assert check(made, tmp_path / "f.zip").verdict != "verified"


@pytest.mark.parametrize("name", ["README.txt", "records.jsonl", "export.json"])
def test_a_member_left_out_is_found(made: TrailBuilder, bundle: Path, tmp_path: Path, name: str) -> None:
    report = check(made, forge(bundle, tmp_path / "f.zip", lambda members: members.pop(name) and None, binds=False))

    assert report.steps[1].verdict == "tampered"
    assert name in str(report.steps[1].findings[0])


def test_members_in_another_order_are_found(made: TrailBuilder, bundle: Path, tmp_path: Path) -> None:
    members = read_members(bundle)
    with (tmp_path / "f.zip").open("w+b") as file:
        archive = ArchiveWriter(file)
        for name in reversed(members):
            archive.add(name, [members[name]]) if not archive.listed() else _add_anyway(archive, name, members[name])
        archive.finish()

    assert check(made, tmp_path / "f.zip").steps[1].verdict == "tampered"


def _add_anyway(archive: ArchiveWriter, name: str, content: bytes) -> None:
    entries, archive._entries = archive._entries, []  # noqa: SLF001 - as a forger would
    archive.add(name, [content])
    archive._entries = [*entries, *archive._entries]  # noqa: SLF001


def test_a_writer_that_mixes_up_the_order_is_a_fault_of_ours(tmp_path: Path) -> None:
    with (tmp_path / "f.zip").open("w+b") as file:
        archive = ArchiveWriter(file)
        archive.add("verifier.keys", [b""])

        with pytest.raises(RuntimeError, match="too late"):
            archive.add("README.txt", [b""])


def test_a_bomb_unpacks_no_further_than_it_says(made: TrailBuilder, bundle: Path, tmp_path: Path) -> None:
    bomb = forge(bundle, tmp_path / "f.zip", lambda members: members.update({"keys.jsonl": bytes(40_000_000)}))
    with bomb.open("rb") as file:
        entry = verify_bundle.Archive(file, lambda _count: None).entries["keys.jsonl"]
    told = verify_bundle.Entry(name=entry.name, crc=entry.crc, size=100, packed=entry.packed, offset=entry.offset)
    whole = bomb.read_bytes().replace(entry.header(), told.header()).replace(entry.listed(), told.listed())
    bomb.write_bytes(whole)

    report = check(made, bomb)

    assert "larger than the archive says" in " ".join(verify_bundle.lines(report))


def test_documents_and_lines_beyond_every_size_are_refused(
    made: TrailBuilder, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify_bundle, "MAX_LINE", 10)
    assert "longer than any record" in " ".join(verify_bundle.lines(check(made, bundle)))
    monkeypatch.setattr(verify_bundle, "MAX_DOCUMENT", 1000)

    report = check(made, bundle)

    assert "larger than any" in " ".join(verify_bundle.lines(report))


@pytest.mark.parametrize(
    "keys",
    ["", "x", "a+b+c", "a+00000000+AQ==", "a+00000000+A", "{0}\n{0}", "{0}"],
)
def test_keys_that_are_none_are_a_finding(made: TrailBuilder, bundle: Path, keys: str) -> None:
    report = verify_bundle.verify(bundle, keys.format(vkeys(made).splitlines()[0]))

    assert report.verdict == "tampered"


@pytest.mark.parametrize("change", ["size", "dash", "twice", "cut"])
def test_a_note_in_another_spelling_is_found(made: TrailBuilder, change: str) -> None:
    note, keys = newest_note(made), verify_bundle.read_keys(vkeys(made))
    size = note.split("\n")[1]
    forged = {
        "size": note.replace(f"\n{size}\n", f"\n0{size}\n", 1),
        "dash": note.replace("\u2014", "-"),
        "twice": note.replace("=\n", "\n", 1),
        "cut": note[: note.index("\n\n") + 2],
    }[change]

    with pytest.raises((verify_bundle.Bad, ValueError)):
        verify_bundle.read_note(forged, keys)


def test_the_command_tells_usage_apart_from_verdicts(
    made: TrailBuilder, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = tmp_path / "keys"
    keys.write_text(vkeys(made))
    (tmp_path / "empty.zip").touch()
    (tmp_path / "forged.zip").write_bytes(bundle.read_bytes().replace(b"Evidence", b"evidence"))

    codes = [
        verify_bundle.main(arguments)
        for arguments in (
            [],
            ["--help"],
            ["no-such-file"],
            [str(bundle), str(keys)],
            [str(bundle)],
            [str(tmp_path / "empty.zip"), str(keys)],
            [str(tmp_path / "forged.zip"), str(keys)],
        )
    ]

    assert codes == [2, 2, 2, 0, 4, 4, 3]
    assert "usage:" in capsys.readouterr().err


def test_a_person_at_a_terminal_sees_a_bar(monkeypatch: pytest.MonkeyPatch, made: TrailBuilder, bundle: Path) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)

    verify_bundle.main([str(bundle)])

    assert "\r[##" in screen.getvalue()
    assert made


def test_an_old_cryptography_is_told_and_not_guessed_around(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.mldsa", None)

    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(verify_bundle.__file__, run_name="__main__")

    assert stopped.value.code == 4
    assert "install cryptography" in capsys.readouterr().err


def test_base64_has_one_spelling() -> None:
    assert verify_bundle.read_base64("QQ==") == b"A"
    with pytest.raises(verify_bundle.Bad, match="one spelling"):
        verify_bundle.read_base64("QR==")


def test_the_file_runs_as_a_program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["verify_bundle.py"])

    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(verify_bundle.__file__, run_name="__main__")

    assert (stopped.value.code, "usage" in capsys.readouterr().err) == (2, True)
