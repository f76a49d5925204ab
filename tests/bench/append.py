"""Measure the recorder: ``python -m tests.bench.append [--home DIR] [--seconds N]``; prints a table, asserts nothing.

One run measures, on the same disk: plain batched inserts of the same bytes (no tree, no sealing, same pragmas), the
recorder alone (one call at a time), at 50 requests a second, and as fast as it goes.  A request is what the gateway
sends: intent with a body, two decisions and the release in one call, outcome.  Read the ratios; the rest depends on
the disk.  CPU is the recorder process's own, all threads, as the kernel counts it.
"""

import argparse
import asyncio
import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from audit.envelope import SUITE
from audit.keyring import initialise
from audit.log import MonthKeys, submit
from audit.record import Event, Kind
from audit.recorder.client import RecorderClient
from tests.support.trails import ORIGIN, RecorderProcess, example_event

BODY_BYTES = 2000
"""About a visit note, or an answer to one."""

IN_FLIGHT = 64
"""Requests at once in the sustained run: the gateway's queue."""

RECORDS = 5
"""Events of one request."""


@dataclass(frozen=True)
class Measured:
    """One row of the table."""

    name: str
    per_second: float
    latencies_ms: list[float]
    cpu_ms: float = 0.0
    """CPU of the recorder for one request."""

    def cells(self) -> tuple[str, ...]:
        """Return the row's text."""
        if not self.latencies_ms:
            return self.name, f"{self.per_second:.0f}", "", "", ""
        cuts = statistics.quantiles(self.latencies_ms, n=100)
        return self.name, f"{self.per_second:.0f}", f"{cuts[49]:.2f}", f"{cuts[98]:.2f}", f"{self.cpu_ms:.2f}"


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that the threads of a process have used (proc(5), ``schedstat``: nanoseconds)."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def events_of(number: int) -> tuple[list[Event], ...]:
    """Return the three calls of one request."""
    exchange_id, body = f"ex_{number:032x}", os.urandom(BODY_BYTES)
    plain = example_event(exchange_id=exchange_id, body=None)
    return (
        [example_event(exchange_id=exchange_id, body=body)],
        [
            example_event(exchange_id=exchange_id, kind=Kind.DECISION, body=None, code="use_task"),
            example_event(exchange_id=exchange_id, kind=Kind.DECISION, body=None, code="route", route="local"),
            example_event(exchange_id=exchange_id, kind=Kind.RELEASE, body=body, route="local"),
        ],
        [Event(kind=Kind.OUTCOME, exchange_id=exchange_id, outcome="answered", facts=plain.facts, task=plain.task)],
    )


async def request(client: RecorderClient, number: int) -> list[float]:
    """Record one request and return the milliseconds of each call."""
    taken = []
    for call in events_of(number):
        begin = time.perf_counter()
        await client.append_all(call, receipts="last" if call[-1].kind is Kind.RELEASE else "none")
        taken.append((time.perf_counter() - begin) * 1000)
    return taken


async def alone(client: RecorderClient, seconds: float) -> Measured:
    """Send one call after the other."""
    taken: list[float] = []
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds:
        taken += await request(client, len(taken))
    return Measured("alone, one call at a time", len(taken) / (time.perf_counter() - begin), taken)


async def paced(client: RecorderClient, seconds: float, rate: int) -> Measured:
    """Start requests at a fixed rate, whether the ones before are done or not."""
    begin = time.perf_counter()
    started = []
    for number in range(int(seconds * rate)):
        await asyncio.sleep(max(0.0, begin + number / rate - time.perf_counter()))
        started.append(asyncio.create_task(request(client, 10**6 + number)))
    taken = [one for done in await asyncio.gather(*started) for one in done]
    return Measured(f"at {rate} requests/s", len(taken) / (time.perf_counter() - begin), taken)


async def sustained(client: RecorderClient, seconds: float) -> Measured:
    """Keep many requests in flight."""
    taken: list[float] = []
    begin = time.perf_counter()

    async def caller(base: int) -> None:
        number = base
        while time.perf_counter() - begin < seconds:
            taken.extend(await request(client, number))
            number += 1

    await asyncio.gather(*(caller(10**9 * (number + 1)) for number in range(IN_FLIGHT)))
    elapsed = time.perf_counter() - begin
    return Measured(f"sustained, {IN_FLIGHT} requests in flight", len(taken) / elapsed, taken)


def plain_inserts(folder: Path, seconds: float, *, batch: int, row: bytes) -> float:
    """Return rows a second of plain inserts with the trail's durability, `batch` rows a transaction."""
    connection = sqlite3.connect(folder / f"plain-{batch}.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = TRUNCATE").close()
    connection.execute("PRAGMA synchronous = EXTRA")
    connection.execute("CREATE TABLE plain (sequence INTEGER PRIMARY KEY, bytes BLOB)")
    count, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO plain (bytes) VALUES (?)", [(row,)] * batch)
        connection.execute("COMMIT")
        count += batch
    connection.close()
    return count / (time.perf_counter() - begin)


def microseconds(run: Callable[[], object], times: int = 300) -> float:
    """Return the mean time of a call."""
    begin = time.perf_counter()
    for _ in range(times):
        run()
    return (time.perf_counter() - begin) / times * 1e6


def seal_costs(folder: Path) -> list[tuple[str, str]]:
    """Return what sealing costs."""
    trail = initialise(folder / "audit", folder / "custodian", origin=ORIGIN, now=datetime.now(UTC))
    month = trail.prepared_months()[0]
    keys = MonthKeys(month=month, public=trail.public_month(month).load(), index=trail.index_key(month))
    event, bare = example_event(body=os.urandom(BODY_BYTES)), example_event(body=None)
    return [
        ("HPKE wrap of a data key", f"{microseconds(lambda: SUITE.encrypt(bytes(32), keys.public, info=b'')):.0f} us"),
        ("submit with body (seal, commit)", f"{microseconds(lambda: submit(event, origin=ORIGIN, keys=keys)):.0f} us"),
        (
            "submit without body",
            f"{microseconds(lambda: submit(bare, origin=ORIGIN, keys=keys)):.0f} us",
        ),
    ]


async def measure(home: Path, seconds: float) -> tuple[list[Measured], int, float]:
    """Run the recorder through every load; return the rows, the database's bytes and the record count."""
    recorder = RecorderProcess(home)
    await recorder.start()
    assert recorder.process is not None
    pid = recorder.process.pid
    client = RecorderClient(recorder.socket)
    loads: list[Callable[[], Awaitable[Measured]]] = [
        lambda: alone(client, seconds),
        lambda: paced(client, seconds, 50),
        lambda: sustained(client, seconds),
    ]
    rows = []
    for load in loads:
        before = cpu_seconds(pid)
        measured = await load()
        requests = len(measured.latencies_ms) / len(events_of(0))
        rows.append(replace(measured, cpu_ms=(cpu_seconds(pid) - before) / requests * 1000))
    size = (await client.health())["size"]
    await client.aclose()
    await recorder.stop()
    return rows, (home / "audit" / "trail.db").stat().st_size, int(str(size))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure the recorder.")
    parser.add_argument("--home", type=Path, help="folder on the disk to measure; a temporary one by default")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each load")
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory(dir=options.home) as name:
        home = Path(name)
        costs = seal_costs(home)
        rows, stored, records = asyncio.run(measure(home, options.seconds))
        row = bytes(stored // records)
        plain = {batch: plain_inserts(home, options.seconds / 3, batch=batch, row=row) for batch in (1, IN_FLIGHT)}
    table = Table("load", "calls/s", "p50 ms", "p99 ms", "CPU ms/request", title="Durable appends")
    for measured in rows:
        table.add_row(*measured.cells())
    console.print(table)
    per_call = RECORDS / len(events_of(0))
    summary = Table("figure", "value")
    for figure in costs:
        summary.add_row(*figure)
    summary.add_row("stored bytes per record, all in", f"{stored / records:.0f}")
    summary.add_row("of them bodies, mean", f"{BODY_BYTES * 2 / RECORDS:.0f}")
    summary.add_row("plain inserts, 1 a commit", f"{plain[1]:.0f} rows/s")
    summary.add_row(f"plain inserts, {IN_FLIGHT} a commit", f"{plain[IN_FLIGHT]:.0f} rows/s")
    summary.add_row("alone / plain, 1 a commit", f"{rows[0].per_second / plain[1]:.2f}")
    summary.add_row(
        f"sustained / plain, {IN_FLIGHT} a commit", f"{rows[2].per_second * per_call / plain[IN_FLIGHT]:.2f}"
    )
    summary.add_row("sustained requests/s", f"{rows[2].per_second / len(events_of(0)):.0f}")
    console.print(summary)


if __name__ == "__main__":
    main()
