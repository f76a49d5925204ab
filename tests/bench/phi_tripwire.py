"""Measure the tripwire: ``python -m tests.bench.phi_tripwire [--limit N] [--seed N]``; prints tables, asserts nothing.

1. Caught: of each labelled prompt every identifier but one, drawn at random, is replaced; how often does the tripwire
   stop what is left, by its shapes alone and with the keyed identifiers of the exchange?
2. Stopped for nothing: documents as they are, and prompts in which every labelled identifier is replaced by a
   surrogate, that the tripwire stops all the same; a thousand documents each.  Notes hold identifiers of their own.
   With the guard's models, also the same documents after the guard: what is stopped then is a miss of the guard or a
   false alarm of the tripwire, and a person must look which (``--show``).
3. Speed, and how long others wait for the broker's event loop while it reads the longest body.

The sets lie in ``../shared/data``; without them only the speed is measured.
"""

import argparse
import asyncio
import csv
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from appliance.broker.tripwire import MAX_BYTES, Tripwire, TripwireError
from appliance.config import CHECKOUT
from appliance.phi.analyzer import Analyzer
from appliance.phi.findings import Finding, Kind
from appliance.phi.keyed import KeyedIdentifiers
from appliance.phi.known_identifiers import KnownIdentifiers
from appliance.phi.settings import GuardSettings, Site
from appliance.phi.surrogates import SurrogateMap
from tests.support.phi_findings import TODAY
from tests.support.tripwires import SECRET, people_of

DATA = CHECKOUT.parent / "shared" / "data"
MODELS = CHECKOUT / "var" / "models" / "guard"
PROMPTS = DATA / "phi" / "asq_phi_dev.jsonl"
NOTES = {
    "MEDEC notes": (DATA / "clinical/medec/MEDEC-MS-ValidationSet-with-GroundTruth-and-ErrorType.csv", "Text"),
    "ACI-Bench notes": (DATA / "clinical/aci-bench/valid.csv", "note"),
    "ACI-Bench dialogues": (DATA / "clinical/aci-bench/valid.csv", "dialogue"),
}

SENTENCE = "The patient takes metoprolol 25 mg twice a day; BP 120/80 on visit 3 of 4, SpO2 97 %. "


@dataclass(frozen=True)
class Prompt:
    """One labelled prompt."""

    text: str
    findings: tuple[Finding, ...]

    def values(self) -> list[tuple[Kind, str]]:
        """Return every identifier."""
        return [(finding.kind, self.text[finding.start : finding.end]) for finding in self.findings]


def prompts(limit: int | None) -> list[Prompt]:
    """Read the labelled prompts; labels of no kind of ours are carried by the set and not scored."""
    kinds = set(Kind)
    found = []
    for line in PROMPTS.read_text().splitlines()[:limit]:
        record = json.loads(line)
        spans = [span for span in record["spans"] if span["type"] in kinds]
        findings = tuple(
            Finding(kind=Kind(span["type"]), start=span["start"], end=span["end"], score=1.0, recognizer="label")
            for span in sorted(spans, key=lambda span: int(span["start"]))
        )
        found.append(Prompt(record["text"], findings))
    return found


def stopped(text: str, keyed: KeyedIdentifiers) -> dict[str, int]:
    """Return what the tripwire finds, by kind."""
    try:
        Tripwire(keyed).check(json.dumps({"messages": [{"role": "user", "content": text}]}).encode())
    except TripwireError as error:
        return error.counts
    return {}


def replaced(prompt: Prompt, keep: Finding | None = None) -> tuple[str, tuple[str, ...]]:
    """Return the prompt with surrogates for all but one identifier, and the surrogates."""
    surrogates = SurrogateMap(SECRET, GuardSettings(), today=TODAY)
    findings = tuple(finding for finding in prompt.findings if finding is not keep)
    surrogates.prepare([prompt.text], [findings])
    text = surrogates.replace(prompt.text, findings)
    return text, surrogates.issued()


def caught(all_prompts: list[Prompt], chance: random.Random) -> Table:
    """Leave one identifier in each prompt and count who notices."""
    left: Counter[str] = Counter()
    by_shape: Counter[str] = Counter()
    with_keyed: Counter[str] = Counter()
    for prompt in all_prompts:
        if not prompt.findings:
            continue
        keep = chance.choice(prompt.findings)
        text, issued = replaced(prompt, keep)
        if prompt.text[keep.start : keep.end] not in text:
            continue  # a surrogate for another identifier covers it: nothing is left to find
        known = KnownIdentifiers.from_demographics(people_of(prompt.values()))
        left[keep.kind] += 1
        by_shape[keep.kind] += bool(stopped(text, KnownIdentifiers.nothing().keyed(SECRET, issued=issued)))
        with_keyed[keep.kind] += bool(stopped(text, known.keyed(SECRET, issued=issued)))
    table = Table("Kind", "Left in", "Caught by shape", "Caught with keyed identifiers", title="One identifier left in")
    for kind in sorted(left, key=lambda each: -left[each]):
        table.add_row(kind, str(left[kind]), _share(by_shape[kind], left[kind]), _share(with_keyed[kind], left[kind]))
    total = left.total()
    table.add_row("all", str(total), _share(by_shape.total(), total), _share(with_keyed.total(), total))
    return table


def for_nothing(all_prompts: list[Prompt]) -> Table:
    """Count the documents that are stopped although nothing is left in them."""
    table = Table("Set", "Documents", "Stopped", "A thousand", "Kinds", title="Stopped (notes as they are)")
    nothing = KnownIdentifiers.nothing().keyed(SECRET, issued=())
    clean = [prompt.text for prompt in all_prompts if not prompt.findings]
    table.add_row("prompts without identifiers", *_stops([stopped(text, nothing) for text in clean]))
    whole = []
    for prompt in all_prompts:
        text, issued = replaced(prompt)
        known = KnownIdentifiers.from_demographics(people_of(prompt.values()))
        whole.append(stopped(text, known.keyed(SECRET, issued=issued)))
    table.add_row("prompts, all replaced", *_stops(whole))
    for name, (file, column) in NOTES.items():
        with file.open(newline="") as rows:
            table.add_row(name, *_stops([stopped(row[column], nothing) for row in csv.DictReader(rows)]))
    return table


def after_the_guard(all_prompts: list[Prompt], limit: int, *, show: Console | None) -> Table:
    """Count the documents that are stopped after the guard has replaced what it found."""
    guard = Analyzer.open(MODELS, site=Site())
    table = Table("Set", "Documents", "Stopped", "A thousand", "Kinds", title="Stopped after the guard")
    sets = {"prompts": [prompt.text for prompt in all_prompts]}
    for name, (file, column) in NOTES.items():
        with file.open(newline="") as rows:
            sets[name] = [row[column] for row in csv.DictReader(rows)]
    for name, texts in sets.items():
        found = []
        for text in texts[:limit]:
            safe, issued = replaced(Prompt(text, guard.find(text)))
            found.append(stopped(safe, KnownIdentifiers.nothing().keyed(SECRET, issued=issued)))
            if found[-1] and show is not None:
                show.print(name, found[-1], safe, issued, "", sep="\n", markup=False)
        table.add_row(name, *_stops(found))
    return table


def _stops(found: list[dict[str, int]]) -> Iterator[str]:
    kinds = Counter[str]()
    for counts in found:
        kinds.update(counts.keys())
    hits = sum(map(bool, found))
    yield from (str(len(found)), str(hits), f"{1000 * hits / max(1, len(found)):.1f}")
    yield ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())


def _share(part: int, whole: int) -> str:
    return f"{100 * part / max(1, whole):.1f} %"


async def speed() -> Table:
    """Time bodies of several lengths, and how long the loop is kept waiting meanwhile."""
    keyed = KnownIdentifiers.from_demographics(people_of([(Kind.NAME, "Wilhelmina Vanterpool")])).keyed(
        SECRET, issued=("Mark Ellis", "ZQ-10442")
    )
    table = Table("Bytes", "Seconds", "Characters/s", "Longest wait of the loop, ms", title="Speed, one core")
    for size in (2_000, 20_000, 200_000, MAX_BYTES - 100):
        body = json.dumps({"content": SENTENCE * (size // len(SENTENCE))}).encode()
        waits = defaultdict[str, float](float)
        ticking = asyncio.create_task(_tick(waits))
        started = time.perf_counter()
        with ThreadPoolExecutor(1) as threads:
            await asyncio.get_running_loop().run_in_executor(threads, Tripwire(keyed, budget_s=600).check, body)
        seconds = time.perf_counter() - started
        ticking.cancel()
        table.add_row(str(len(body)), f"{seconds:.3f}", f"{len(body) / seconds:,.0f}", f"{1000 * waits['longest']:.1f}")
    return table


async def _tick(waits: dict[str, float]) -> None:
    while True:
        before = time.perf_counter()
        await asyncio.sleep(0.001)
        waits["longest"] = max(waits["longest"], time.perf_counter() - before - 0.001)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, help="so many prompts only")
    parser.add_argument("--show", action="store_true", help="print what is stopped after the guard (synthetic text)")
    parser.add_argument("--seed", type=int, default=7, help="which identifier is left in")
    options = parser.parse_args()
    console = Console()
    console.print(asyncio.run(speed()))
    if not PROMPTS.exists():
        console.print(f"No labelled sets at {DATA}: only the speed was measured.")
        return
    labelled = prompts(options.limit)
    console.print(caught(labelled, random.Random(options.seed)))  # noqa: S311 - a draw, no secret
    console.print(for_nothing(labelled))
    if MODELS.exists():
        show = console if options.show else None
        console.print(after_the_guard(labelled, options.limit or len(labelled), show=show))
    else:
        console.print(f"No models at {MODELS}: nothing was measured after the guard.")


if __name__ == "__main__":
    main()
