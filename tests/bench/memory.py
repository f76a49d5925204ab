"""Whether the recorder's memory stays flat over a million appends.

    python tests/bench/memory.py [--records 1000000] [--batch 200] [--samples 20]

A real recorder in a process of its own, fed by one client as the gateway feeds it: intent and outcome of ever new
exchanges, bodies sealed, checkpoints signed, the witness written.  Prints a table of its memory (RSS, and the part that
is its own) against the records written, and the growth over the second half.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from audit.record import Event, Kind
from audit.recorder.client import RecorderClient
from tests.support.trails import RecorderProcess, example_event, new_trail

IN_FLIGHT = 4
"""Calls at once: enough to keep the recorder busy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The recorder's memory at one moment."""

    records: int
    seconds: float
    rss_kib: int
    own_kib: int
    """Anonymous memory: what no file backs."""


async def samples(home: Path, *, records: int, batch: int, count: int) -> AsyncIterator[Sample]:
    """Feed a recorder and yield its memory as it grows old."""
    new_trail(home, now=datetime.now(UTC))
    recorder = RecorderProcess(home)
    await recorder.start()
    client = RecorderClient(recorder.socket)
    began = time.monotonic()
    try:
        written = 0
        for turn in range(1, count + 1):
            until = records * turn // count
            while written < until:
                size = min(batch, until - written)
                calls = [
                    client.append_all(_events(written + size * number, size), receipts="none")
                    for number in range(IN_FLIGHT)
                ]
                await asyncio.gather(*calls)
                written += size * IN_FLIGHT
            assert recorder.process is not None
            yield _sample(recorder.process.pid, records=written, seconds=time.monotonic() - began)
    finally:
        await client.aclose()
        await recorder.stop()


def growth_kib_per_million(taken: list[Sample]) -> float:
    """Return the slope of own memory over the second half, as a least-squares line."""
    half = taken[len(taken) // 2 :]
    mean_x = sum(sample.records for sample in half) / len(half)
    mean_y = sum(sample.own_kib for sample in half) / len(half)
    spread = sum((sample.records - mean_x) ** 2 for sample in half)
    return 1e6 * sum((sample.records - mean_x) * (sample.own_kib - mean_y) for sample in half) / spread


def _events(first: int, count: int) -> list[Event]:
    """Return intents and outcomes of exchanges that never were before, of ever other patients."""
    events = []
    for number in range(first, first + count):
        exchange_id = f"ex_{number // 2:032x}"
        if number % 2:
            events.append(Event(kind=Kind.OUTCOME, exchange_id=exchange_id, client="client_1", outcome="answered"))
        else:
            events.append(example_event(exchange_id=exchange_id, patients=(f"MRN-{number}",), request_id=f"r-{number}"))
    return events


def _sample(pid: int, *, records: int, seconds: float) -> Sample:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    sizes = {name: value for name, _, value in (line.partition(":") for line in lines)}
    return Sample(
        records=records,
        seconds=seconds,
        rss_kib=int(sizes["VmRSS"].split()[0]),
        own_kib=int(sizes["RssAnon"].split()[0]),
    )


async def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=200)
    parser.add_argument("--samples", type=int, default=20)
    options = parser.parse_args()
    taken: list[Sample] = []
    print(f"{'records':>10} {'seconds':>9} {'per s':>7} {'RSS MiB':>9} {'own MiB':>9}")
    with tempfile.TemporaryDirectory() as folder:
        async for sample in samples(
            Path(folder) / "home", records=options.records, batch=options.batch, count=options.samples
        ):
            taken.append(sample)
            rate = sample.records / sample.seconds
            print(
                f"{sample.records:>10} {sample.seconds:>9.1f} {rate:>7.0f}"
                f" {sample.rss_kib / 1024:>9.1f} {sample.own_kib / 1024:>9.1f}",
                flush=True,
            )
    print(f"growth over the second half: {growth_kib_per_million(taken):.0f} KiB a million records")


if __name__ == "__main__":
    asyncio.run(main())
