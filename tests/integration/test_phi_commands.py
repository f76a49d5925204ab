"""The phi commands with the real models: what is found is listed, explained, replaced and measured, and never leaks."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from appliance.cli.phi_detect import detect
from appliance.cli.root import main
from appliance.config import CHECKOUT
from tests.support.command_line import Done, run
from tests.support.published_scorer import published_scorer
from tests.support.terminal import Terminal

NOTE = """Discharge summary
Patient: Anna Weaver    MRN: 4482913    DOB: 03/14/1951
Seen by Dr. Lindqvist at Lakeside Memorial Hospital on 11/02/2026. Call (312) 555-0142.
Metformin 500 mg twice daily; HbA1c 7.9 %. Parkinson's disease is stable in this 74-year-old woman.
"""
VALUES = ("Anna", "Weaver", "4482913", "03/14/1951", "Lindqvist", "Lakeside", "11/02/2026", "555-0142")
CLINICAL = ("Metformin 500 mg", "HbA1c 7.9 %", "Parkinson's disease", "74-year-old")
SHARED = CHECKOUT.parent / "shared"

pytestmark = pytest.mark.skipif(
    not (CHECKOUT / "var" / "models" / "guard").exists(), reason="the guard's models are not here: 'make gateway'"
)


@pytest.fixture
def home(tmp_path: Path, policies: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    (folder / "appliance.yaml").write_text(f"policies: {policies}\n")
    return folder


@pytest.fixture
def note(tmp_path: Path) -> Path:
    file = tmp_path / "note.txt"
    file.write_text(NOTE)
    return file


def _scan(home: Path, *arguments: str) -> Done:
    return run("phi", "scan", *arguments, home=home)


def test_a_scan_lists_kinds_and_places_and_no_text(home: Path, note: Path) -> None:
    told = _scan(home, str(note), "--json")
    found = [(each["kind"], NOTE[each["start"] : each["end"]]) for each in told.json()["findings"]]

    for kind, value in (
        ("NAME", "Anna Weaver"),
        ("MRN", "4482913"),
        ("DATE", "03/14/1951"),
        ("PHONE", "(312) 555-0142"),
    ):
        assert (kind, value) in found
    assert [value for value in VALUES if value in told.out + told.err] == []
    assert [value for value in CLINICAL if any(value in text for _kind, text in found)] == []


def test_what_is_known_of_the_patient_is_found_in_every_form(home: Path, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("weaver anna rang; her number ends in 2913.")
    (tmp_path / "patient.json").write_text(json.dumps({"name": "Anna Weaver", "mrn": "4482913"}))

    told = _scan(home, str(tmp_path / "note.txt"), "--patient", str(tmp_path / "patient.json"), "--json").json()

    assert "known_name" in {each["recognizer"] for each in told["findings"]}


def test_records_are_scanned_line_by_line_in_the_types_of_the_sets(home: Path, tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [
        {"id": "a", "text": NOTE},
        {"id": 2, "text": "take it daily", "meta": None},
        {"id": "c", "text": "weaver rang", "meta": {"patient": {"names": ["Anna Weaver"]}}},
        {"id": "d", "text": ""},
    ]
    (tmp_path / "set.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))

    done = _scan(home, "--jsonl", str(tmp_path / "set.jsonl"))
    lines = [json.loads(line) for line in done.out.splitlines()]

    assert [line["id"] for line in lines] == ["a", 2, "c", "d"]
    assert {"start": 27, "end": 38, "type": "NAME"}.items() <= lines[0]["spans"][0].items()
    assert lines[1]["spans"] == lines[3]["spans"] == []
    assert [(span["start"], span["end"], span["type"]) for span in lines[2]["spans"]] == [(0, 6, "NAME")]
    assert "Weaver" not in done.out


def test_a_finding_is_explained_by_what_found_it(home: Path, note: Path) -> None:
    shown, told = (run("phi", "explain", str(note), "--at", "2:11", *form, home=home) for form in ((), ("--json",)))

    assert "name, offsets 27-38" in shown.out
    assert "gives the kind" in shown.out
    assert told.json()["replaced"]["kind"] == "NAME"
    assert told.json()["guesses"][0]["outcome"] == "gives the kind"
    assert "Weaver" not in shown.out + told.out


def test_a_place_where_nothing_is_replaced_says_so(home: Path, note: Path) -> None:
    done = run("phi", "explain", str(note), "--at", "0", home=home)

    assert done.out == "Nothing is replaced at offset 0 (line 1, column 1).\n"


def test_a_preview_shows_what_would_leave(home: Path, note: Path) -> None:
    told = run("phi", "preview", str(note), "--show", "--json", home=home).json()

    assert [value for value in VALUES if value in told["text"]] == []
    assert [value for value in CLINICAL if value not in told["text"]] == []
    assert told["days"] == "shift"
    assert told["counts"]["MRN"] == 1


def test_a_person_at_a_terminal_is_shown_text_and_what_was_done(
    home: Path, note: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = Terminal()
    monkeypatch.setattr(sys, "stdout", shown)

    with pytest.raises(SystemExit) as left:
        main(["phi", "preview", str(note), "--home", str(home)])

    assert left.value.code == 0
    assert "Metformin 500 mg" in shown.getvalue()


def test_a_fhir_resource_is_previewed_by_its_paths(home: Path, tmp_path: Path) -> None:
    patient = {
        "resourceType": "Patient",
        "name": [{"family": "Weaver", "given": ["Anna"]}],
        "birthDate": "1951-03-14",
        "maritalStatus": {"text": "Anna Weaver is married"},
    }
    (tmp_path / "patient.json").write_text(json.dumps(patient))

    told = run("phi", "preview", str(tmp_path / "patient.json"), "--show", "--json", home=home).json()

    left = json.loads(told["text"])
    assert left["resourceType"] == "Patient"
    assert [value for value in ("Weaver", "Anna", "1951-03-14") if value in told["text"]] == []


def test_a_kind_that_the_policy_refuses_stays_in_the_building(home: Path, note: Path, policies: Path) -> None:
    (policies / "phi.yaml").write_text("mode: shift\nactions: {MRN: refuse}\n")

    done = run("phi", "preview", str(note), "--show", home=home)

    assert (done.code, done.out) == (1, "")
    assert "4482913" not in done.err


def test_the_guard_is_measured_beside_stock_presidio(home: Path, tmp_path: Path) -> None:
    labels = [{"start": NOTE.index("Anna"), "end": NOTE.index("Anna") + 4, "type": "NAME"}]
    records = [{"id": 1, "text": NOTE, "spans": labels}, {"id": 2, "text": "take it daily", "spans": []}]
    file = tmp_path / "set.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in records))

    shown, told = (
        run("phi", "evaluate", str(file), *form, home=home) for form in (("--stock",), ("--json", "--limit", "1"))
    )

    assert "stock Presidio" in shown.out
    assert "recall, in full" in shown.out
    (only,) = told.json()["sets"]
    assert only["guard"]["recall"]["full"] == 1
    assert only["guard"]["texts"] == 1
    assert "stock" not in only
    assert "Weaver" not in shown.out + told.out


def test_the_published_scorer_can_call_the_guard() -> None:
    detector = published_scorer().get_detector("appliance.cli.phi_detect:detect")

    assert (27, 38, "NAME") in [found[:3] for found in detector(NOTE)]
    assert detect("take it daily") == []
