"""Measure known identifiers: ``python -m tests.bench.phi_known [--data DIR]``; prints a table, asserts nothing.

Speed stands as a ratio to one plain expression for a social security number over the same notes in the same run, best
of three. Recall is counted on whole Synthea bundles and bulk notes, each with its own patient; false alarms on ACI-
Bench and MEDEC notes with those patients, who appear in none of them.
"""

import argparse
import base64
import csv
import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table

from appliance.phi.combine import combine
from appliance.phi.demographics import Address, Demographics
from appliance.phi.known_identifiers import KnownIdentifiers

DATA = Path(__file__).parents[2].parent / "shared" / "data"

RUNS = 3
"""Best of so many."""

PLAIN = re.compile(r"(?<![\w-])\d{3}[ -]\d{2}[ -]\d{4}(?!\w|-\d)")
"""What one rule costs."""

PATIENT = Demographics(
    names=("Brady Quinn Kuhlman",),
    birth_date=date(1961, 3, 14),
    record_numbers=("00123456",),
    ssn="123-45-6789",
    phones=("617-555-0123",),
    emails=("brady.kuhlman70@example.org",),
    addresses=(Address(lines=("856 Reichel Street",), city="Quincy", state="MA", postal_code="02169"),),
)

IDENTIFYING = frozenset({"family", "given", "value", "birthDate", "line", "city", "postalCode", "id"})
"""Elements of a Synthea patient whose values must be found."""


def best(function: Callable[[], object]) -> float:
    """Return the least seconds of some runs."""
    times = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        function()
        times.append(time.perf_counter() - begun)
    return min(times)


def strings(value: object) -> Iterator[str]:
    """Yield every text of a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from strings(inner)


def identifying(value: object, name: str = "") -> Iterator[str]:
    """Yield the values of a patient that must be found, read without the code under test."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in {"extension", "meta", "text", "maritalStatus", "communication", "type"}:
                yield from identifying(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from identifying(inner, name)
    elif isinstance(value, str) and name in IDENTIFYING:
        yield value


def recall(patient: dict[str, object], texts: list[str]) -> tuple[int, int]:
    """Return how many places of the patient's values are covered, and how many there are."""
    known = KnownIdentifiers.from_fhir([patient])
    values = re.compile("|".join(rf"(?<!\w){re.escape(value)}(?!\w)" for value in set(identifying(patient))))
    places = covered = 0
    for text in texts:
        found = {place for each in known.find(text) for place in range(each.start, each.end)}
        for match in values.finditer(text):
            places += 1
            covered += all(place in found for place in range(*match.span()) if text[place].isalnum())
    return covered, places


def bundles(data: Path) -> Iterator[tuple[dict[str, object], list[str]]]:
    """Yield each Synthea bundle's patient with all texts of the bundle, the bundle as one text among them."""
    for path in sorted((data / "fhir").glob("*_*-*.json")):
        bundle = json.loads(path.read_text())
        patients = [each["resource"] for each in bundle["entry"] if each["resource"]["resourceType"] == "Patient"]
        yield patients[0], [*strings(bundle), json.dumps(bundle)]


def bulk_notes(data: Path) -> Iterator[tuple[dict[str, object], list[str]]]:
    """Yield each patient of the bulk export with the notes about it."""
    folder = data / "clinical" / "synthea-bulk"
    patients = [json.loads(line) for line in (folder / "Patient.000.ndjson").read_text().splitlines()]
    notes: dict[str, list[str]] = {}
    for line in (folder / "DocumentReference.000.ndjson").read_text().splitlines():
        document = json.loads(line)
        text = base64.b64decode(document["content"][0]["attachment"]["data"]).decode()
        notes.setdefault(document["subject"]["reference"].partition("/")[2], []).append(text)
    for patient in patients:
        yield patient, notes.get(patient["id"], [])


def other_notes(data: Path) -> list[str]:
    """Return notes about people who are in none of the records."""
    medec = "MEDEC-MS-ValidationSet-with-GroundTruth-and-ErrorType.csv"
    columns = (("aci-bench/train.csv", "note"), ("aci-bench/valid.csv", "note"), (f"medec/{medec}", "Text"))
    notes = []
    for name, column in columns:
        with (data / "clinical" / name).open(newline="") as file:
            notes += [row[column] for row in csv.DictReader(file)]
    return notes


def speed(notes: list[str]) -> Table:
    """Measure the search in the clear, keyed, and together with the spread."""
    known = KnownIdentifiers.from_demographics(PATIENT)
    keyed = known.keyed(bytes(32), issued=["Mark Ellis"])
    characters = sum(map(len, notes))
    plain = best(lambda: [list(PLAIN.finditer(note)) for note in notes])
    table = Table("what", "k chars/s", "times a plain expression", title=f"{len(notes)} notes, {characters} characters")
    rows: tuple[tuple[str, Callable[[], object]], ...] = (
        ("a plain expression", lambda: [list(PLAIN.finditer(note)) for note in notes]),
        ("known.find", lambda: [known.find(note) for note in notes]),
        ("keyed.find", lambda: [keyed.find(note) for note in notes]),
        ("combine", lambda: combine(notes, [() for _ in notes], known)),
    )
    for name, function in rows:
        seconds = best(function)
        table.add_row(name, f"{characters / seconds / 1000:,.0f}", f"{seconds / plain:.1f}")
    return table


def main() -> None:
    """Measure everything and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    data = parser.parse_args().data
    console, notes = Console(), other_notes(data)
    console.print(speed(notes))
    table = Table("set", "covered", "of", title="the patient's own values")
    for name, source in (("Synthea bundles", bundles(data)), ("Synthea bulk notes", bulk_notes(data))):
        counts = [recall(patient, texts) for patient, texts in source]
        table.add_row(name, str(sum(each for each, _ in counts)), str(sum(each for _, each in counts)))
    console.print(table)
    strangers = [KnownIdentifiers.from_fhir([patient]) for patient, _ in (*bundles(data), *bulk_notes(data))]
    alarms = [each for known in strangers for note in notes for each in known.find(note) if each.kind != "AGE"]
    console.print(f"false alarms: {len(alarms)} for {len(strangers)} patients on {len(notes)} notes of others")


if __name__ == "__main__":
    main()
