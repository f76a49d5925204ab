"""``appliance exclusion``: patients whose requests never leave the building, whatever agreement and evidence say.

Record numbers are read from a file or from standard input, never from an argument (CWE-214), and kept as keyed digests
only; no command prints one.  Adding protects at once and is confirmed by a second officer; ending an exclusion needs
both before it has effect.  Each change is an operation of the trail, without any number.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.exclusion_book import Addition, Book, Subject
from appliance.cli.officers import agree, places_of, record, register_officer, request, spend, told, waiting
from appliance.cli.options import AsJson, Home, settings
from appliance.cli.policy_propose import Case
from appliance.cli.show import console, print_json, table
from appliance.cli.supervisor_preflight import restrict
from appliance.clock import Clock
from appliance.config import Config
from appliance.errors import ConfigError, PolicyInvalidError
from appliance.exclusions import Exclusion, normalised
from appliance.policy.load import load_bundle
from audit.approvals import Act, Approval, approval_view, check_case
from audit.cli.duty import now_ms
from audit.cli.frame import OfficerKeyFile
from audit.errors import AppendError, ApprovalError
from audit.officers import Officer
from audit.places import Places

EXCLUSION_ADDED = "exclusion_added"
EXCLUSION_CONFIRMED = "exclusion_confirmed"
EXCLUSION_REMOVED = "exclusion_removed"
"""Operations of the trail."""

MAX_FILE_BYTES = 4 * 1024 * 1024
"""Every record number that the list can hold, with room."""

app = typer.Typer(no_args_is_help=True)

PatientFile = Annotated[
    Path | None,
    typer.Option("--patient-file", metavar="FILE|-", help="Record numbers, one to a line; - for standard input."),
]


@app.command()
@told
def add(
    *,
    kind: Annotated[str, typer.Option("--kind", help="A restriction of policies/restrictions.yaml, such as opt-out.")],
    case: Case,
    patient_file: PatientFile = None,
    officer_key_file: OfficerKeyFile = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Exclude patients from now on; a second officer confirms it, and it protects before that too."""
    restrict()
    config = settings(home)
    places = places_of(config)
    _check_kind(config, kind)
    check_case(case)
    officer = register_officer(officer_key_file, places)
    numbers = _numbers(patient_file)
    # Written first: what protects never waits for the trail.
    made = Book(config).add(Addition(kind=kind, numbers=numbers, case=case, by=officer.name), Clock().now())
    batch = made[0].batch
    facts: dict[str, str | int | bool | list[str]] = {"kind": kind, "batch": batch, "count": len(made), "case": case}
    try:
        record(places, EXCLUSION_ADDED, officer=officer, facts=facts)
        asked = _ask(places, "add", batch, made, case=case, officer=officer)
    except AppendError as error:
        raise ConfigError(
            f"Record numbers excluded from now on: {len(made)}. But no recorder took the record; run the same "
            "command again when one runs, which also asks for the confirmation."
        ) from error
    _print_asked(asked, f"Record numbers excluded from now on: {len(made)}, as {batch}.", as_json=as_json)


@app.command("list")
def list_exclusions(*, home: Home = None, as_json: AsJson = False) -> None:
    """List the exclusions; no record number is kept, so none is shown."""
    restrict()
    rows = [_to_json(entry) for entry in Book(settings(home)).entries()]
    if as_json:
        print_json(rows)
        return
    console().print(table("", _COLUMNS, [[row[name] for name in _COLUMNS] for row in rows]))


@app.command()
@told
def remove(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Entries or batches, as 'exclusion list' shows them.")
    ] = None,
    *,
    case: Case,
    patient_file: PatientFile = None,
    officer_key_file: OfficerKeyFile = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Ask to end exclusions; they protect until a second officer has confirmed."""
    restrict()
    config = settings(home)
    places, book = places_of(config), Book(config)
    officer = register_officer(officer_key_file, places)
    wanted = list(names or ()) or [entry.id for entry in book.find(_numbers(patient_file))]
    if not wanted:
        raise ConfigError("None of these record numbers is excluded.")
    for name in wanted:
        asked = _ask(places, "remove", name, book.named(name), case=case, officer=officer)
        _print_asked(asked, f"{name} stays excluded until another officer confirms.", as_json=as_json)


@app.command()
@told
def confirm(
    approval: Annotated[str, typer.Argument(metavar="APPROVAL", help="The id that 'add' or 'remove' printed.")],
    *,
    officer_key_file: OfficerKeyFile = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Confirm, as another officer, what was added or is to be ended."""
    restrict()
    config = settings(home)
    places, book = places_of(config), Book(config)
    asked = waiting(places, approval, Act.CHANGE_EXCLUSIONS)
    officer = register_officer(officer_key_file, places)
    subject = Subject.read(asked.subject)
    change = _Change(places=places, asked=asked, subject=subject, officer=officer)
    match subject.act:
        case "add":
            done = book.confirm(subject.name, Clock().now(), change.confirmed)
        case "remove":
            done = book.remove(subject.name, change.removed)
        case _:
            raise ApprovalError(f"Approval {asked.id} is for no change of the exclusions.")
    if as_json:
        print_json({"approval": asked.id, "act": subject.act, "name": subject.name, "count": len(done)})
        return
    said = "confirmed" if subject.act == "add" else "no longer excluded"
    console().print(f"{subject.name} is {said}; record numbers: {len(done)}.")


class _Change:
    """What must have happened before the list changes: agreed by two, recorded, and used up, in this order."""

    def __init__(self, *, places: Places, asked: Approval, subject: Subject, officer: Officer) -> None:
        self._places = places
        self._asked = asked
        self._subject = subject
        self._officer = officer

    def confirmed(self, entries: Sequence[Exclusion]) -> str:
        """Return the second officer's name once a confirmation may be noted."""
        return self._settled(EXCLUSION_CONFIRMED, entries)

    def removed(self, entries: Sequence[Exclusion]) -> str:
        """Return the second officer's name once entries may end."""
        return self._settled(EXCLUSION_REMOVED, entries)

    def _settled(self, code: str, entries: Sequence[Exclusion]) -> str:
        if Subject.of(self._subject.act, self._subject.name, entries) != self._subject:
            raise ApprovalError(
                f"{self._subject.name} has changed since the approval was asked for; ask for a new one."
            )
        given = agree(self._places, self._asked, self._officer)
        kinds = sorted({entry.kind for entry in entries})
        facts = {"kinds": kinds, "name": self._subject.name, "count": len(entries), **given.facts()}
        record(self._places, code, officer=self._officer, facts=facts)
        spend(self._places, given)
        return given.approved_by


_COLUMNS = ("id", "batch", "kind", "case", "added", "added_by", "confirmed", "confirmed_by")


def _to_json(entry: Exclusion) -> dict[str, str]:
    return {name: str(getattr(entry, name)) for name in _COLUMNS}


def _check_kind(config: Config, kind: str) -> None:
    """Raise ConfigError for a kind that no restriction has; a policy that does not load protects nobody less."""
    try:
        restrictions = load_bundle(config.policies).restrictions
    except PolicyInvalidError:
        return
    kinds = sorted(each.name for each in restrictions if each.patients)
    if kind not in kinds:
        raise ConfigError(f"Patients cannot be listed under '{kind[:64]}'; under: {', '.join(kinds) or 'nothing yet'}.")


def _numbers(file: Path | None) -> list[str]:
    """Return the record numbers of a file.  Raises ConfigError naming the line, never what stands in it."""
    if file is None:
        raise ConfigError("Name the file with the record numbers by --patient-file, or - for standard input.")
    lines = _read(file).splitlines()
    for place, line in enumerate(lines, start=1):
        if line.strip() and not normalised(line):
            raise ConfigError(f"Line {place} has no letter or digit, so it is no record number; mend it.")
    found = [line.strip() for line in lines if line.strip()]
    if not found:
        raise ConfigError("No record number was given; put one on each line.")
    return found


def _read(file: Path) -> str:
    data = sys.stdin.buffer.read(MAX_FILE_BYTES + 1) if str(file) == "-" else _read_file(file)
    if len(data) > MAX_FILE_BYTES:
        raise ConfigError(f"More than {MAX_FILE_BYTES // 1024 // 1024} MiB of record numbers; give them in parts.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError("The record numbers are no UTF-8 text; save the file as UTF-8.") from error


def _read_file(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(MAX_FILE_BYTES + 1)


def _ask(places: Places, act: str, name: str, entries: Sequence[Exclusion], *, case: str, officer: Officer) -> Approval:
    subject = Subject.of(act, name, entries).text()
    return request(places, Act.CHANGE_EXCLUSIONS, subject, case=case, officer=officer)


def _print_asked(asked: Approval, sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json(approval_view(asked, now_ms=now_ms()))
        return
    out = console()
    out.print(sentence, soft_wrap=True)
    out.print(f"\n  {asked.id}\n", style="bold", soft_wrap=True)
    out.print(f"Another officer confirms: 'appliance exclusion confirm {asked.id}'.", soft_wrap=True)
