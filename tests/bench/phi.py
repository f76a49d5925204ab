"""Measure the PHI guard: ``python -m tests.bench.phi [--limit N] [--no-stock]``; prints tables, asserts nothing.

Every figure that is promised, with stock Presidio in the same run on the same single core: recall on each labelled
set, clean negatives, findings on ACI-Bench notes, what survives of doses, values, ages, drugs and diseases on ACI-Bench
and MEDEC, a patient's own identifiers in Synthea bundles, characters a second of the rules and of the whole guard, p99
for 1,000 characters, and the memory of the guard's process.  Reads ``../shared/data``.  Read the ratios; the rest
depends on the machine.  Texts are printed only with ``--show``, of these public sets.
"""

import argparse
import asyncio
import csv
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from appliance.cli.phi_guard import InProcess
from appliance.clinical_text import ClinicalText
from appliance.clock import Clock
from appliance.config import CHECKOUT
from appliance.errors import PhiBlockedError
from appliance.evaluation.detector import Detector
from appliance.evaluation.figures import Figures
from appliance.evaluation.labels import canonical
from appliance.evaluation.measure import Detect, measure
from appliance.evaluation.reading import read_labelled
from appliance.evaluation.records import Labelled, Record, Span
from appliance.evaluation.score import score
from appliance.phi import rules
from appliance.phi.analyzer import Analyzer, stock
from appliance.phi.guard import Guard, Pseudonymised
from appliance.phi.known_identifiers import KnownIdentifiers
from appliance.phi.settings import GuardSettings, Site
from appliance.phi.stream import Screen
from appliance.phi.surrogate_values import given_names, surnames
from tests.support.clinical_facts import facts

MODELS = CHECKOUT / "var" / "models" / "guard"
DATA = CHECKOUT.parent / "shared" / "data"
SETS = (
    "asq_phi_dev",
    "template18_notes",
    "pii_anon_clinical_en_dev",
    "pii_anon_adversarial_en_dev",
    "presidio_synth_v2",
)
PIECE = 1000
"""Characters of a piece whose latency is told."""


@dataclass(frozen=True)
class Bench:
    """What is measured, and how much of it."""

    analyzer: Analyzer
    detectors: dict[str, Detect]
    limit: int | None
    show: bool
    console: Console

    def some(self, values: Sequence[object]) -> list[object]:
        """Return all values, or as many as asked for, evenly over the whole."""
        if self.limit is None or self.limit >= len(values):
            return list(values)
        return [values[index * len(values) // self.limit] for index in range(self.limit)]


def main() -> None:
    """Measure on one core and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, help="texts of each set")
    parser.add_argument("--no-stock", action="store_true", help="leave stock Presidio out")
    parser.add_argument("--only", default="", help="one part: sets, speed, clean, facts, memory, fhir")
    parser.add_argument("--show", action="store_true", help="print what was found in notes, of these public sets")
    parser.add_argument("--peak-memory-of-one", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    analyzer = Analyzer.open(MODELS, site=Site())
    if arguments.peak_memory_of_one:
        print_memory(analyzer)
        return
    detectors: dict[str, Detect] = {"guard": Detector(analyzer).detect}
    if not arguments.no_stock:
        detectors["stock"] = stock_detect()
    bench = Bench(analyzer, detectors, arguments.limit, arguments.show, Console(width=150, highlight=False))
    parts = {"sets": sets, "speed": speed, "clean": clean, "facts": survival, "fhir": fhir, "memory": memory}
    for name, part in parts.items():
        if arguments.only in ("", name):
            part(bench)


def stock_detect() -> Detect:
    """Return stock Presidio as a detector."""
    find = stock(MODELS)
    return lambda record: tuple(
        Span(start=start, end=end, type=kind, score=sure) for start, end, kind, sure in find(record.text.reveal())
    )


def sets(bench: Bench) -> None:
    """Print recall, leaks and clean negatives on each labelled set, and each kind's recall."""
    table = Table(
        "set", "texts", "detector", "any", "full", "typed", "precision", "leaking", "clean", "chars/s", "p99 ms"
    )
    kinds = Table("set", "detector", "full recall by kind")
    for name in SETS:
        file = DATA / "phi" / f"{name}.jsonl"
        labelled = [
            each for each in bench.some(read_labelled(file.read_bytes(), name=name)) if isinstance(each, Labelled)
        ]
        for detector, detect in bench.detectors.items():
            found, timing = measure(detect, [each.record for each in labelled])
            figures = Figures(score=score(labelled, found), timing=timing)
            table.add_row(name, str(len(labelled)), detector, *cells(figures))
            kinds.add_row(name, detector, by_kind(figures))
    bench.console.print(table)
    bench.console.print(kinds)


def cells(figures: Figures) -> list[str]:
    """Return one row's figures."""
    made, timing = figures.score, figures.timing
    shares = [made.recall("any"), made.recall("full"), made.recall("typed"), made.precision(), made.leak_share()]
    told = ["-" if share is None else f"{share:.4f}" for share in (*shares, made.clean_share())]
    return [*told, f"{timing.per_second():,.0f}", f"{timing.p99_ms:.1f}"]


def by_kind(figures: Figures) -> str:
    """Return the full recall of each kind that is labelled."""
    counts = figures.score.types
    return "  ".join(
        f"{kind} {counts[kind].full}/{counts[kind].labelled}" for kind in figures.kinds() if counts[kind].labelled
    )


def speed(bench: Bench) -> None:
    """Print characters a second and p99 for pieces of 1,000 characters of notes and of prompts."""
    table = Table("texts", "what", "characters", "chars/s", "of stock", "p50 ms", "p99 ms")
    texts = {"ACI-Bench notes": aci_notes(), "prompts with identifiers": prompts()}
    for name, of_these in texts.items():
        pieces = [str(piece) for piece in bench.some(list(cut(of_these)))]
        records = [Record(id=number, text=ClinicalText(piece)) for number, piece in enumerate(pieces)]
        detectors = {"rules alone": rules_detect, **bench.detectors}
        timings = {}
        for what, detect in detectors.items():
            measure(detect, records[:3])
            timings[what] = measure(detect, records)[1]
        base = timings["stock"].per_second() if "stock" in timings else 0.0
        for what, timing in timings.items():
            ratio = f"{timing.per_second() / base:.1f} x" if base else "-"
            numbers = (f"{timing.per_second():,.0f}", ratio, f"{timing.p50_ms:.1f}", f"{timing.p99_ms:.1f}")
            table.add_row(name, what, f"{timing.characters:,}", *numbers)
    bench.console.print(table)


def rules_detect(record: Record) -> tuple[Span, ...]:
    """Run the rules alone, as the local path does."""
    found = rules.find(record.text.reveal())
    return tuple(Span(start=each.start, end=each.end, type=each.kind.value) for each in found)


def clean(bench: Bench) -> None:
    """Print what is found in ACI-Bench notes for 1,000 characters, and how much of it is wrong.

    The notes carry no labels.  What is found counts as right when it is a day, when each of its words is a name of the
    census, or when it has a facility's word: those are the notes' invented clinicians and hospitals.  Everything else
    counts as a false alarm, which is a little too much.
    """
    notes = [str(note) for note in bench.some(aci_notes())]
    records = [Record(id=number, text=ClinicalText(note)) for number, note in enumerate(notes)]
    characters = sum(map(len, notes))
    people = given_names() | surnames()
    table = Table("ACI-Bench notes", "found for 1,000 characters", "false alarms for 1,000", "false alarms by kind")
    for name, detect in bench.detectors.items():
        found, _timing = measure(detect, records)
        quoted = [
            (span.type, record.text.reveal()[span.start : span.end]) for record in records for span in found[record.id]
        ]
        wrong = Counter(each for each in quoted if not is_right(*each, people=people))
        kinds: Counter[str] = Counter()
        for (kind, _words), count in wrong.items():
            kinds[kind] += count
        told = "  ".join(f"{kind} {count}" for kind, count in kinds.most_common())
        table.add_row(name, f"{1000 * len(quoted) / characters:.3f}", f"{1000 * wrong.total() / characters:.3f}", told)
        if bench.show and name == "guard":
            listed = "\n".join(f"{count:4} {kind}: {words!r}" for (kind, words), count in wrong.most_common())
            bench.console.print(listed, markup=False)
    bench.console.print(table)


_MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
_DAY = re.compile(
    rf"(?i)\d{{1,2}}[/-]\d{{1,4}}|\b{_MONTH}[a-z]*\.?,? (?:of )?\d|\d(?:st|nd|rd|th)|\d (?:of )?{_MONTH}",
)
_FACILITY = re.compile(r"(?i)\b(?:hospital|clinic|center|centre|university|institute|orthopedics|medical|health)\b")
_TITLES = frozenset({"dr", "mr", "mrs", "ms", "miss", "doctor", "md", "pa", "np", "do"})


def is_right(kind: str, words: str, *, people: frozenset[str]) -> bool:
    """Say whether something found in a note is what its kind says, as far as a simple look can tell."""
    if canonical(kind) == "DATE":
        return _DAY.search(words) is not None
    if canonical(kind) == "NAME":
        names = [word for word in re.findall(r"[^\W\d_]+", words.lower()) if word not in _TITLES and len(word) > 1]
        is_cased = words[:1].isupper() and not words.isupper()
        return bool(names) and is_cased and all(name in people or name == "s" for name in names)
    return canonical(kind) == "LOCATION" and _FACILITY.search(words) is not None


def survival(bench: Bench) -> None:
    """Print how many clinical facts are the same in what leaves, and in what comes back."""
    table = Table("texts", "fact", "before", "in what leaves", "", "after the way back", "")
    guard = Guard(InProcess(bench.analyzer), GuardSettings, clock=Clock())
    for name, texts in {"ACI-Bench notes": aci_notes(), "MEDEC": medec_texts()}.items():
        before, leaving, back, refused = Counter[str](), Counter[str](), Counter[str](), 0
        for number, text in enumerate(str(each) for each in bench.some(texts)):
            try:
                outgoing, returned = asyncio.run(round_trip(guard, text))
            except PhiBlockedError as error:
                refused += 1
                bench.console.print(f"{name} {number}: refused: {error.public}")
                continue
            wanted = facts(text)
            before.update(fact.kind for fact in wanted.elements())
            leaving.update(fact.kind for fact in (wanted & facts(outgoing)).elements())
            back.update(fact.kind for fact in (wanted & facts(returned)).elements())
            lost = wanted - facts(outgoing)
            if bench.show and lost:
                told = ", ".join(f"{fact.kind} {fact.words!r}" for fact in lost)
                bench.console.print(f"{name} {number}: {told}", markup=False)
        for kind in sorted(before):
            row = [before[kind], leaving[kind], leaving[kind] / before[kind], back[kind], back[kind] / before[kind]]
            table.add_row(name, kind, *(f"{cell:.4f}" if isinstance(cell, float) else f"{cell:,}" for cell in row))
        table.add_row(name, "texts refused", str(refused))
    bench.console.print(table)


async def round_trip(guard: Guard, text: str) -> tuple[str, str]:
    """Return what leaves, and what the caller sees when a model answers with exactly that."""
    made: Pseudonymised = await guard.pseudonymise([ClinicalText(text)], known=KnownIdentifiers.nothing())
    outgoing = made.texts[0].reveal_bytes().decode()
    window = Screen([ClinicalText(text)], surrogates=made.surrogates)
    returned = window.feed(ClinicalText(outgoing)).reveal() + window.finish().reveal()
    made.close()
    return outgoing, returned


def fhir(bench: Bench) -> None:
    """Print how many of the Patient's own identifiers are found in the text of each Synthea bundle."""
    table = Table("bundle", "identifiers of the patient", "places in the text", "found in full")
    for file in sorted((DATA / "fhir").glob("*.json")):
        bundle = json.loads(file.read_text())
        patient = next((each for each in resources(bundle) if each.get("resourceType") == "Patient"), None)
        if patient is None or "pitt" in file.name:
            continue
        text = json.dumps(bundle, indent=1)[: 400_000 if bench.limit else None]
        known = KnownIdentifiers.from_fhir([patient])
        covered = bytearray(len(text))
        for finding in known.find(text):
            covered[finding.start : finding.end] = b"\x01" * (finding.end - finding.start)
        values = identifiers(patient)
        places = [found.span() for value in values for found in re.finditer(rf"(?<!\w){re.escape(value)}(?!\w)", text)]
        whole = sum(all(covered[at] for at in range(*place) if text[at].isalnum()) for place in places)
        table.add_row(file.name[:24], str(len(values)), str(len(places)), f"{whole / len(places):.4f}")
    bench.console.print(table)


def identifiers(patient: dict[str, object]) -> set[str]:
    """Return the strings of a Patient that identify: names, numbers, days, addresses, ways to reach."""
    kept: set[str] = set()
    for key in ("id", "birthDate"):
        kept.add(str(patient[key]))
    for identifier in listed(patient.get("identifier")):
        kept.add(str(identifier.get("value")))
    for name in listed(patient.get("name")):
        kept.update([str(name.get("family")), *map(str, listed_text(name.get("given")))])
    for address in listed(patient.get("address")):
        kept.update([str(address.get("postalCode")), *map(str, listed_text(address.get("line")))])
    for contact in listed(patient.get("telecom")):
        kept.add(str(contact.get("value")))
    return {value for value in kept if value not in ("None", "")}


def listed(value: object) -> list[dict[str, object]]:
    """Return the objects of a list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def listed_text(value: object) -> list[str]:
    """Return the strings of a list."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def resources(bundle: dict[str, object]) -> list[dict[str, object]]:
    """Return the resources of a bundle."""
    found = [entry.get("resource") for entry in listed(bundle.get("entry"))]
    return [each for each in found if isinstance(each, dict)]


def memory(bench: Bench) -> None:
    """Print the peak memory of a fresh process that holds the guard and nothing else."""
    command = [sys.executable, "-m", "tests.bench.phi", "--peak-memory-of-one"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=CHECKOUT)
    bench.console.print(done.stdout.strip())


def print_memory(analyzer: Analyzer) -> None:
    """Work through notes and a long text, then print this process's peak."""
    for note in aci_notes()[:30]:
        analyzer.find(note)
    analyzer.find("\n\n".join(aci_notes())[:200_000])
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(f"memory of the guard's process at its peak: {int(peak.split()[1]) / 1024:.0f} MB")


def aci_notes() -> list[str]:
    """Return the notes of ACI-Bench, train and valid."""
    return [row["note"] for name in ("train", "valid") for row in rows(DATA / "clinical" / "aci-bench" / f"{name}.csv")]


def medec_texts() -> list[str]:
    """Return the texts of MEDEC's validation set."""
    (file,) = (DATA / "clinical" / "medec").glob("*.csv")
    return [row["Text"] for row in rows(file)]


def prompts() -> list[str]:
    """Return the prompts of the hand-off set."""
    content = (DATA / "phi" / "asq_phi_dev.jsonl").read_bytes()
    return [each.record.text.reveal() for each in read_labelled(content, name="asq")]


def rows(file: Path) -> list[dict[str, str]]:
    """Return the rows of a table."""
    with file.open(newline="", encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


def cut(texts: Iterable[str]) -> Iterable[str]:
    """Yield the texts as pieces of about 1,000 characters, cut between words."""
    whole = "\n\n".join(texts)
    start = 0
    while len(whole) - start > PIECE:
        end = max(whole.rfind(" ", start, start + PIECE), whole.rfind("\n", start, start + PIECE))
        yield whole[start:end]
        start = end + 1
    yield whole[start:]


if __name__ == "__main__":
    begin = time.monotonic()
    main()
    print(f"{time.monotonic() - begin:.0f} s", file=sys.stderr)
