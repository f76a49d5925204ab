"""The phi commands read what a person gives them, say what is wrong with it, and print no text where nobody looks."""

import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from appliance.cli import doctor_home, phi_show
from appliance.cli.doctor_finding import Verdict
from appliance.cli.phi_explain import _guesses, _joined
from appliance.cli.phi_show import Places, check_show, excerpt, found_table, summary
from appliance.clinical_text import ClinicalText
from appliance.config import CHECKOUT, load_config
from appliance.phi.findings import Finding, Kind, without_overlaps
from appliance.phi.model_files import pinned_files
from tests.support.command_line import run
from tests.support.policy_folder import edit
from tests.support.terminal import Terminal

MODELS = CHECKOUT / "var" / "models" / "guard"
NOTE = "Seen by Anna Weaver.\nMRN 4482913, at Lakeside on BB-204913.\n"


@pytest.fixture
def home(tmp_path: Path, policies: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    (folder / "appliance.yaml").write_text(f"policies: {policies}\nguard_models: {tmp_path / 'no-models'}\n")
    return folder


@pytest.fixture
def note(tmp_path: Path) -> Path:
    file = tmp_path / "note.txt"
    file.write_text(NOTE)
    return file


@pytest.fixture
def listed(policies: Path) -> Path:
    edit(policies, "phi.yaml", old="facilities: []", new="facilities: [Lakeside]")
    edit(
        policies,
        "phi.yaml",
        old="id_formats: []",
        new="id_formats: [{name: biobank, kind: OTHER_ID, pattern: 'BB-[0-9]{6}'}]",
    )
    return policies


def _finding(value: str, kind: Kind = Kind.NAME, *, score: float = 0.9, name: str = "rule") -> Finding:
    start = NOTE.index(value)
    return Finding(kind=kind, start=start, end=start + len(value), score=score, recognizer=name)


@pytest.mark.parametrize("command", [("scan",), ("explain", "--at", "1:9"), ("preview", "--show")])
def test_without_the_models_a_person_is_told_how_to_fetch_them(
    home: Path, note: Path, command: tuple[str, ...]
) -> None:
    done = run("phi", command[0], str(note), *command[1:], home=home)

    assert done.code == 1
    assert "run 'make gateway', which fetches them ('.ci/guard-models' does it alone)" in done.err
    assert "Weaver" not in done.out + done.err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "note.txt is empty, so there is nothing to look at."),
        (b"Weaver \xff", "note.txt:1: this is no UTF-8; save it as UTF-8"),
        (b"a\nPK\x00Weaver", "note.txt:2: a NUL character, so this is a binary file"),
        (b"x" * (16 * 1024**2 + 1), "note.txt is larger than 16 MiB; split it."),
    ],
)
def test_a_text_that_cannot_be_read_is_refused_with_what_to_do(
    home: Path, note: Path, content: bytes, said: str
) -> None:
    note.write_bytes(content)

    done = run("phi", "scan", str(note), home=home)

    assert done.code == 1
    assert said in done.err
    assert "Weaver" not in done.err


def test_a_missing_file_and_a_folder_are_named(home: Path, tmp_path: Path) -> None:
    assert "nowhere cannot be read (No such file or directory)" in run("phi", "scan", "/nowhere", home=home).err
    assert "is a folder; name a file in it." in run("phi", "scan", str(tmp_path), home=home).err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"id": 1, "text": "Weaver"', "set.jsonl:1: this is no JSON"),
        ('{"id": 1, "text": "a", "meta": {"patient": "Weaver"}}', "line 1: meta.patient' is no JSON object"),
        ('{"id": 1, "text": "a", "meta": {"patient": {"nmae": "Weaver"}}}', "line 1: meta.patient.nmae' is no known"),
    ],
)
def test_a_record_that_is_wrong_is_refused_before_anything_is_scanned(
    home: Path, tmp_path: Path, line: str, said: str
) -> None:
    (tmp_path / "set.jsonl").write_text(line)

    done = run("phi", "scan", "--jsonl", str(tmp_path / "set.jsonl"), home=home)

    assert (done.code, done.out) == (1, "")
    assert said in done.err
    assert "Weaver" not in done.err


@pytest.mark.parametrize(
    ("people", "said"),
    [
        ("Weaver", "is no JSON"),
        ('{"nmae": "Weaver"}', ": 'patient.nmae' is no known key"),
        ('"Weaver"', ": 'patient' is no JSON object"),
        ("", "is empty"),
        ("[]", "lists nobody; write somebody or leave out --patient."),
        ('{"dob": "Weaver"}', ": 'patient.birth_date' has a wrong form (write a day as 1951-03-14 or 03/14/1951)."),
        ('{"ssn": ["Weaver"]}', ": 'patient.ssn' has a wrong form (write it as text)."),
        ('{"name": [["Weaver"]]}', ": 'patient.names[0]' has a wrong form (write it as text)."),
        ('{"resourceType": "Patient", "name": "Weaver"}', "as FHIR R4 writes them: lists of 'name' and 'identifier'."),
        ("{}", ": 'patient' says nothing to look for; send a name or a number."),
    ],
)
def test_a_patient_that_is_wrong_is_refused_with_what_to_do(
    home: Path, note: Path, tmp_path: Path, people: str, said: str
) -> None:
    (tmp_path / "patient.json").write_text(people)

    done = run("phi", "scan", str(note), "--patient", str(tmp_path / "patient.json"), home=home)

    assert done.code == 1
    assert f"patient.json{said}" in done.err or said in done.err
    assert "patient.json" in done.err
    assert "Weaver" not in done.err


@pytest.mark.parametrize(
    "arguments", [("scan", "--show"), ("explain", "--at", "1", "--show"), ("preview",), ("site", "test", "--show")]
)
def test_a_text_is_printed_on_a_terminal_only(home: Path, note: Path, arguments: tuple[str, ...]) -> None:
    done = run("phi", *arguments, str(note), home=home)

    assert done.code == 2
    assert "terminal" in done.err
    assert "Weaver" not in done.out + done.err


def test_a_program_is_told_no_text_even_on_a_terminal() -> None:
    with contextlib.redirect_stdout(Terminal()), pytest.raises(typer.BadParameter, match="a program needs no text"):
        check_show(show=True, as_json=True)


def test_on_a_terminal_the_identifier_is_shown_in_its_place() -> None:
    with contextlib.redirect_stdout(Terminal()) as shown:
        check_show(show=True)
        found_table(ClinicalText(NOTE), [_finding("Anna Weaver")], show=True)

    assert "[Anna Weaver]" in shown.getvalue()
    assert "1:9" in shown.getvalue()


def test_without_being_asked_only_places_are_shown() -> None:
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        found_table(ClinicalText(NOTE), [_finding("Anna Weaver"), _finding("4482913", Kind.MRN)], show=False)

    assert "Weaver" not in shown.getvalue()
    assert "2:5" in shown.getvalue()
    assert "2 found in 60 characters: 1 mrn, 1 name." in shown.getvalue()


def test_an_excerpt_moves_no_cursor_and_breaks_no_line() -> None:
    text = ClinicalText("a\x1b[2J\nAnna\x07 Weaver")
    finding = Finding(kind=Kind.NAME, start=6, end=11, score=1, recognizer="rule")

    assert excerpt(text, finding) == "a\ufffd[2J [Anna\ufffd] Weaver"


def test_nothing_found_is_said_to_be_no_proof() -> None:
    assert summary([], 12) == "Nothing was found in 12 characters, which is no proof that there is nothing."


def test_a_place_is_the_same_as_offset_and_as_line_and_column() -> None:
    places = Places(ClinicalText(NOTE))

    assert all(places.offset(*places.at(offset)) == offset for offset in range(len(NOTE)) if NOTE[offset] != "\n")
    assert [places.offset(*place) for place in ((0, 1), (9, 1), (1, 99), (1, 0))] == [None] * 4


def test_what_gives_the_kind_is_what_the_guard_takes() -> None:
    said = [
        _finding("Weaver", Kind.LOCATION, score=0.99, name="place"),
        _finding("Anna Weaver", score=0.8, name="model"),
        _finding("Anna Weaver", Kind.OTHER_ID, score=0.8, name="id"),
        _finding("Anna", score=0.5, name="given"),
        _finding("4482913", Kind.MRN, name="far"),
    ]
    here = without_overlaps(said)[0]

    guesses = _guesses(said, here, here.start)

    assert [(each.finding.recognizer, each.outcome) for each in guesses] == [
        ("model", "gives the kind"),
        ("id", "joined; model came first and gives the kind"),
        ("place", "joined; model is longer and gives the kind"),
        ("given", "agrees"),
    ]
    assert _joined(guesses).startswith("4 findings at 3 places overlap and are replaced as one")


def test_a_place_that_is_found_because_its_value_stands_elsewhere_says_so() -> None:
    here = _finding("Weaver", name="spread")

    guesses = _guesses([], here, here.start)

    assert [each.outcome for each in guesses] == ["gives the kind; its value was found elsewhere too"]
    assert _joined(guesses) == ""


def test_a_folder_that_is_not_there_is_not_taken_for_the_default_one(note: Path, tmp_path: Path) -> None:
    done = run("phi", "site", "test", str(note), home=tmp_path / "nowhere")

    assert done.code == 1
    assert "nowhere is no folder; name the one that 'appliance up' uses." in done.err


@pytest.mark.parametrize("at", ["here", "1:2:3", "-1", "1.5", "٣"])
def test_a_place_that_is_none_is_wrong_use(home: Path, note: Path, at: str) -> None:
    assert run("phi", "explain", str(note), f"--at={at}", home=home).code == 2


@pytest.mark.parametrize("at", ["60", "9:1", "1:99"])
def test_a_place_beyond_the_text_says_how_long_it_is(home: Path, note: Path, at: str) -> None:
    done = run("phi", "explain", str(note), "--at", at, home=home)

    assert done.code == 1
    assert f"The text ends before {at}: it has 60 characters in 3 lines." in done.err


def test_the_sites_list_is_shown_and_needs_no_model(home: Path, listed: Path) -> None:
    shown, told = run("phi", "site", "check", home=home), run("phi", "site", "check", str(listed), "--json", home=home)

    assert "Facilities: 1. Forms of identifiers: 1. Ordinary words: 0." in shown.out
    assert "biobank" in shown.out
    assert told.json()["mode"] == "shift"
    assert told.json()["actions"]["PHOTO"] == "tag"
    assert told.json()["id_formats"] == [{"name": "biobank", "kind": "OTHER_ID"}]


def test_a_broken_list_is_refused_with_its_line(home: Path, policies: Path) -> None:
    edit(policies, "phi.yaml", old="facilities: []", new="facilities: [Clinic]")

    done = run("phi", "site", "check", home=home)

    assert done.code == 1
    assert "phi.yaml:16: only ordinary words" in done.err


@pytest.mark.usefixtures("listed")
def test_the_sites_list_is_tried_on_a_text(home: Path, note: Path) -> None:
    shown, told = (
        run("phi", "site", "test", str(note), home=home),
        run("phi", "site", "test", str(note), "--json", home=home),
    )

    assert "site_facility" in shown.out
    assert "Lakeside" not in shown.out
    assert [(each["recognizer"], each["line"], each["column"]) for each in told.json()["findings"]] == [
        ("site_facility", 2, 17),
        ("site_biobank", 2, 29),
    ]


def test_an_empty_list_says_what_to_do(home: Path, note: Path) -> None:
    done = run("phi", "site", "test", str(note), home=home)

    assert done.code == 1
    assert "add one under 'site' first" in done.err


def test_other_commands_do_not_carry_presidio() -> None:
    script = "import sys, appliance.cli.root; print([n for n in ('presidio_analyzer', 'spacy') if n in sys.modules])"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)

    assert done.stdout == "[]\n"


def test_the_help_names_every_command() -> None:
    shown = run("phi", "--help").out

    assert all(name in shown for name in ("scan", "explain", "preview", "evaluate", "site"))


def test_a_bar_is_for_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    with phi_show.bars(quiet=False) as shown:
        phi_show.Bar(shown, "texts", 1)()
        assert shown.disable
    monkeypatch.setattr(sys, "stderr", Terminal())
    with phi_show.bars(quiet=True) as shown:
        assert shown.disable
    with phi_show.bars(quiet=False) as shown:
        assert not shown.disable
        bar = phi_show.Bar(shown, "characters", 10)
        bar.done(4)
        assert shown.tasks[0].completed == 4


def test_the_doctor_says_whether_the_models_are_the_pinned_ones(home: Path, tmp_path: Path) -> None:
    config = load_config(home)
    (missing,) = doctor_home.guard_models(config)
    (tmp_path / "no-models").mkdir()
    (changed,) = doctor_home.guard_models(config)

    assert (missing.verdict, missing.advice) == (Verdict.WARNING, "run 'make gateway', which fetches them")
    assert (changed.verdict, changed.advice) == (Verdict.FAILED, "run 'make gateway' again")


@pytest.mark.skipif(not MODELS.exists(), reason="the guard's models are not here: 'make gateway'")
def test_the_doctor_finds_the_pinned_models_good(home: Path) -> None:
    config = load_config(home).model_copy(update={"guard_models": MODELS})

    (found,) = doctor_home.guard_models(config)

    assert (found.verdict, found.found) == (Verdict.OK, f"{len(pinned_files())} files as pinned")


def test_json_is_one_line() -> None:
    assert json.loads(json.dumps(phi_show.to_json(Places(ClinicalText(NOTE)), _finding("4482913", Kind.MRN)))) == {
        "kind": "MRN",
        "start": 25,
        "end": 32,
        "line": 2,
        "column": 5,
        "score": 0.9,
        "recognizer": "rule",
    }
