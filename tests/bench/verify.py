"""Measure `audit verify`: ``python -m tests.bench.verify [--records N] [--home DIR] [--profile]``; asserts nothing.

It makes a trail through the recorder's own log (leaves, tree, checkpoints, packed rows), only that bodies are random
bytes instead of sealed text, which verification cannot tell apart; `--home` keeps it and uses it again.  A request is
five records: intent and release with bodies, two decisions, outcome.  Then it verifies everything, in one process on
one core, as the command does.  Read records per second of CPU: other work on the machine does not change it.
The second table compares the strict scanner with the complete reader, that is with how leaves were read before it.
"""

import argparse
import cProfile
import os
import pstats
import resource
import secrets
import tempfile
import time
import timeit
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from audit.canonical import encode
from audit.cli.verify_trail import verify_rows
from audit.compact import pack, unpack
from audit.envelope import Sealed
from audit.findings import Report
from audit.keyring import Trail, initialise
from audit.log import Clocks, Log
from audit.log.submission import Submission
from audit.record import Event, Kind, Leaf, facts_document, month_of, read_facts
from audit.rows import Rows
from audit.store.address import sqlite_address
from audit.verify import scan

ORIGIN = "appliance.local/bench"
START_MS = int(datetime(2026, 11, 2, tzinfo=UTC).timestamp() * 1000)

WRAPPED_BYTES = 1168
"""What HPKE makes of a data key (FORMAT.md section 6)."""

BODY_BYTES = (900, 2400)
"""Sealed bodies of an intent and of a release."""

REQUESTS = 25
"""Requests of one batch: 125 records, and as many for each checkpoint."""

BATCH_S = 3.0
"""Time between two batches: 42 records a second."""

PATIENTS, USERS = 4000, 200

REASONS = ["The local edit rate of 8 % is under the threshold of 30 %.", "The draft is made locally."]


@dataclass(frozen=True, slots=True)
class Person:
    """Commitments of somebody, as random as real ones."""

    user: str
    client: str
    patient: str


def requests(number: int, *, people: Sequence[Person], noise: bytes) -> Iterator[Submission]:
    """Yield the five events of one request."""
    person = people[number % len(people)]
    common = Event(
        kind=Kind.INTENT,
        exchange_id=f"ex_{secrets.token_hex(16)}",
        client=f"client_{number % 12}",
        tenant="default",
        task=("medical-coding", "discharge-summary", "scheduling-message")[number % 3],
        purpose="TREAT",
        request_id=f"req_{secrets.token_hex(16)}",
        trace_id=secrets.token_hex(16),
    )
    decided = replace(common, route="local", model="local-70b@sha256:" + "7" * 64, policy_digest="a" * 64)
    events = (
        replace(common, facts={"surface": "tasks", "stream": True}),
        replace(common, kind=Kind.DECISION, code="use_task", policy_digest="a" * 64, facts={"allowed": True}),
        replace(decided, kind=Kind.DECISION, code="route", facts={"reasons": REASONS, "pinned": True}),
        replace(decided, kind=Kind.RELEASE, facts={"finish_reason": "stop"}),
        replace(decided, kind=Kind.OUTCOME, outcome="answered", facts={"elapsed_ms": 900 + number % 700}),
    )
    for event in events:
        body = {Kind.INTENT: BODY_BYTES[0], Kind.RELEASE: BODY_BYTES[1]}.get(event.kind, 0)
        yield _submission(event, person, sealed=_sealed(body, noise) if body else None)


def _submission(event: Event, person: Person, *, sealed: Sealed | None) -> Submission:
    facts = facts_document(event)
    return Submission(
        event=event,
        event_id=f"ev_{secrets.token_hex(16)}",
        month=month_of(START_MS),
        client=person.client,
        user=person.user,
        patients=(person.patient,),
        facts=facts,
        facts_digest=sha256(facts).hexdigest(),
        sealed=sealed,
    )


def _sealed(size: int, noise: bytes) -> Sealed:
    at = secrets.randbelow(len(noise) - size - WRAPPED_BYTES)
    ciphertext = noise[at : at + size]
    return Sealed(
        wrapped_key=noise[at + size : at + size + WRAPPED_BYTES],
        ciphertext=ciphertext,
        cipher_digest=sha256(ciphertext).hexdigest(),
        plain_commitment=secrets.token_hex(32),
    )


def make_trail(home: Path, records: int) -> None:
    """Write a trail of about so many records, and a witness file with every checkpoint."""
    initialise(home / "audit", home / "custodian", origin=ORIGIN, now=datetime.fromtimestamp(START_MS / 1000, UTC))
    clock = [START_MS, 0.0]
    clocks = Clocks(now_ms=lambda: int(clock[0]), monotonic_s=lambda: clock[1])
    people = [
        Person(user=secrets.token_hex(16), client=secrets.token_hex(16), patient=secrets.token_hex(16))
        for _ in range(PATIENTS)
    ]
    noise = os.urandom(1 << 20)
    with closing(Log.open(Trail(folder=home / "audit"), clocks=clocks)) as log, _witness(home).open("wb") as witness:
        for batch in track(range(records // (5 * REQUESTS)), "writing the trail"):
            clock[0], clock[1] = clock[0] + BATCH_S * 1000, clock[1] + BATCH_S
            numbers = range(batch * REQUESTS, (batch + 1) * REQUESTS)
            # Requests overlap, as they do at work: each step of all of them, then the next.
            steps = zip(*(requests(number, people=people, noise=noise) for number in numbers), strict=True)
            log.append([submission for step in steps for submission in step])
            line = {"v": 1, "time": int(clock[0]), "note": str(log.checkpoint()["note"])}
            witness.write(encode(line) + b"\n")


def _witness(home: Path) -> Path:
    return home / "witness.log"


def verify_home(home: Path) -> Report:
    """Verify a trail as the command does."""
    trail = Trail(folder=home / "audit")
    with Rows.open(sqlite_address(trail.database)) as rows:
        return verify_rows(rows, trail.verifier_keys(), witnesses=[_witness(home)])


def measure(home: Path, console: Console) -> None:
    """Print what one verification takes."""
    began, cpu = time.perf_counter(), time.process_time()
    report = verify_home(home)
    wall_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    checked = {step.number: step.checked for step in report.steps}
    table = Table("figure", "value", title=f"Verification of {report.size} records: {report.verdict}")
    table.add_row("wall", f"{wall_s:.1f} s, {report.size / wall_s:,.0f} records/s")
    table.add_row("CPU, one core", f"{cpu_s:.1f} s, {report.size / cpu_s:,.0f} records/s")
    table.add_row("1,000,000 records, CPU", f"{cpu_s / report.size * 1e6:.1f} s")
    table.add_row("checkpoints in the database, in the witness", f"{checked[9]}, {checked[10]}")
    table.add_row("largest memory", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    table.add_row("database", f"{(home / 'audit' / 'trail.db').stat().st_size / max(report.size, 1):.0f} bytes/record")
    console.print(table)


def compare(home: Path, console: Console) -> None:
    """Print what reading one record costs by the complete reader, and by the scanner."""
    trail = Trail(folder=home / "audit")
    with Rows.open(sqlite_address(trail.database)) as rows:
        packed = [row[1:] for row in rows.records(("leaf", "facts"), begin=1, end=6)]
    leaves, facts = ([unpack(row[place]) for row in packed if isinstance(row[place], bytes)] for place in (0, 1))
    parts: tuple[tuple[str, Callable[[], object], Callable[[], object]], ...] = (
        ("leaf", lambda: [Leaf.from_bytes(data) for data in leaves], lambda: [scan.read_leaf(data) for data in leaves]),
        ("facts", lambda: [read_facts(data) for data in facts], lambda: [scan.read_client(data) for data in facts]),
    )
    table = Table("reading one", "complete reader", "scanner")
    for name, before, after in parts:
        table.add_row(name, *(f"{_microseconds(read) / len(packed):.1f} us" for read in (before, after)))
    packs = [pack(data) for data in leaves]
    table.add_row("unpacking a leaf", "", f"{_microseconds(lambda: [unpack(data) for data in packs]) / 5:.1f} us")
    console.print(table)


def _microseconds(work: Callable[[], object], number: int = 2000) -> float:
    return min(timeit.repeat(work, number=number, repeat=3)) / number * 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--home", type=Path, help="folder to keep the trail in, or to take it from")
    parser.add_argument("--profile", action="store_true", help="also print where the time goes (slower)")
    chosen = parser.parse_args()
    console = Console(width=120)
    with tempfile.TemporaryDirectory() as folder:
        home = chosen.home or Path(folder)
        if not (home / "audit" / "trail.db").exists():
            make_trail(home, chosen.records)
        measure(home, console)
        compare(home, console)
        if chosen.profile:
            profile = cProfile.Profile()
            profile.runcall(verify_home, home)
            pstats.Stats(profile).sort_stats("tottime").print_stats(20)


if __name__ == "__main__":
    main()
