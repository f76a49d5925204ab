"""Measure what a record takes: ``python -m tests.bench.size [--exchanges N]``; prints a table, asserts nothing.

Requests as the gateway records them (intent, two decisions, release, outcome; sealed bodies on intent and release)
go through the recorder's own log into a SQLite file and into a PostgreSQL database, measured as ``audit store status``
does.  The budget is 1,536 bytes a record beyond its ciphertext.  `quiet` is one request a minute, where a checkpoint
row covers few records; `busy` is twenty a second; with and without people, because the blind index rows for user and
patient on every record are the largest part that a caller decides.
"""

import argparse
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from audit.keyring import Trail
from audit.log import Log
from audit.record import Event, Kind
from audit.store.address import Address, sqlite_address
from audit.store.connect import connect_reader
from audit.store.size import Size, measure
from tests.support.postgres import postgres_server
from tests.support.trails import TurnedClock, Writer, month_keys, new_trail

REQUEST_BYTES = (600, 6000)
"""From a portal message to a visit note with its history, both as JSON; every length between is as likely."""

ANSWER_BYTES = (200, 3000)
"""From a few codes to a discharge summary of 700 tokens."""

BUDGET = 1536
"""Bytes a record beyond its ciphertext."""

TASKS = ("medical-coding", "discharge-summary", "scheduling-message", "prior-authorisation")

MODEL = "smollm2@sha256:f1183bf96e2e879518be493142a164044e006ca34d1e6b2014ab18aada3b94ec"

POLICY = "b5db2b5a085af88799c78b50dfff486df7fa23863e86c906fc74de120ecda083"


@dataclass(frozen=True)
class Load:
    """One kind of day."""

    name: str
    seconds_between: float
    people: bool
    batch: int
    """Requests whose calls wait at once."""


LOADS = (
    Load("busy, no people named", 0.05, people=False, batch=20),
    Load("busy, user and patient", 0.05, people=True, batch=20),
    Load("quiet, user and patient", 60.0, people=True, batch=1),
)


def body(lengths: tuple[int, int]) -> bytes:
    """Return a body of any length between two."""
    low, high = lengths
    return os.urandom(low + secrets.randbelow(high - low))


def requests(load: Load, number: int) -> tuple[list[Event], ...]:
    """Return the three calls of one request, as the gateway makes them (`appliance.trail`)."""
    common = Event(
        kind=Kind.INTENT,
        exchange_id=f"ex_{secrets.token_hex(16)}",
        client=f"client_{number % 5:016x}",
        user=f"clinician-{number % 40}" if load.people else "",
        patients=(f"MRN-{number % 3000}",) if load.people else (),
        tenant="sandbox",
        task=TASKS[number % len(TASKS)],
        purpose="TREAT",
        request_id=f"req_{secrets.token_hex(16)}",
        trace_id=secrets.token_hex(16),
    )
    permitted = {
        "action": "UseTask",
        "allowed": True,
        "reasons": ["An operator has granted this task to the client."],
        "policies": ["granted-task"],
    }
    routed = {
        "reasons": [
            "5.0 % of 500 local drafts were edited; the bound 7.3 % is within the threshold of 20 %; made locally.",
            "(Illustrative evidence of the reference example; sandbox only.)",
        ],
        "evidence": "meets",
        "illustrative": True,
        "below_threshold": False,
        "pinned": False,
        "identifiers": [],
    }
    told = {"completion_tokens": 200, "elapsed_ms": 1100 + number % 400, "finish_reason": "stop", "prompt_tokens": 70}
    ruled = replace(common, policy_digest=POLICY)
    placed = replace(ruled, route="local", model=MODEL)
    return (
        [replace(common, facts={"surface": "chat"}, body=body(REQUEST_BYTES))],
        [
            replace(ruled, kind=Kind.DECISION, code="use_task", facts=permitted),
            replace(placed, kind=Kind.DECISION, code="route", facts=routed),
            replace(placed, kind=Kind.RELEASE, facts={"stream": True}, body=body(ANSWER_BYTES)),
        ],
        [replace(placed, kind=Kind.OUTCOME, outcome="answered", facts={**told, "warnings": [], "withheld": []})],
    )


def fill(trail: Trail, address: Address, *, load: Load, exchanges: int) -> None:
    """Record requests, in batches as several callers at once make them when it is busy."""
    clock = TurnedClock()
    with closing(Log.open(trail, clocks=clock.clocks(), database=address)) as log:
        writer = Writer(log=log, keys=month_keys(trail))
        for first in range(0, exchanges, load.batch):
            numbers = range(first, min(first + load.batch, exchanges))
            for calls in zip(*(requests(load, number) for number in numbers), strict=True):
                writer.add(*(event for call in calls for event in call))
                clock.turn(load.seconds_between * len(numbers) / 3)
                log.keep_signed()


def measured(address: Address) -> Size:
    """Return what a database takes."""
    with connect_reader(address) as connection:
        return measure(connection, address)


@contextmanager
def stores(folder: Path) -> Iterator[list[tuple[str, list[Address]]]]:
    """Return both kinds of store, with an empty database for each load."""
    with postgres_server() as server:
        yield [
            ("sqlite", [sqlite_address(folder / f"{place}.db") for place in range(len(LOADS))]),
            ("postgresql", [server.database().recorder for _ in LOADS]),
        ]


def main() -> None:
    """Fill and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exchanges", type=int, default=2000, help="requests of each load; five records each")
    options = parser.parse_args()
    table = Table("store", "load", "records", "checkpoints", "total", "ciphertext", "bytes/record", f"of {BUDGET}")
    with tempfile.TemporaryDirectory() as name, stores(Path(name)) as kinds:
        for kind, addresses in kinds:
            for place, (load, address) in enumerate(zip(LOADS, addresses, strict=True)):
                home = Path(name) / f"{kind}-{place}"
                fill(new_trail(home), address, load=load, exchanges=options.exchanges)
                size = measured(address)
                table.add_row(
                    kind, load.name, f"{size.records:,}", f"{size.checkpoints:,}", f"{size.total:,}",
                    f"{size.ciphertext:,}", f"{size.record_bytes:,.0f}", f"{size.record_bytes / BUDGET:.0%}",
                )  # fmt: skip
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
