"""An evidence bundle of many records: how long it takes to write and to check, how large it is, and in what memory.

    .venv/bin/python -m tests.bench.export [RECORDS]

Both run in processes of their own, so that each one's largest resident memory is its own; a bundle of a tenth of the
records beside it shows whether memory grows with the records.
"""

import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from audit.export import Order, verify_bundle
from audit.record import Event, Kind
from tests.support.bundles import export, vkeys
from tests.support.trail_builder import TrailBuilder, TurnableClock

RECORDS = 200_000
BATCH = 500
MIB = 1024


def main(records: int) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        trail = TrailBuilder(home=Path(folder) / "home")
        began = time.monotonic()
        _fill(trail, records)
        print(f"{records} records written in {time.monotonic() - began:.0f} s")
        print(f"{'records':>8}  {'write s':>8} {'MiB peak':>8}  {'check s':>8} {'MiB peak':>8}  {'MiB':>6}  verdict")
        for part in (records // 10, records):
            bundle = Path(folder) / f"{part}.zip"
            until = trail.clock.now_ms + 1 if part == records else _time_of(part)
            order = Order(made_ms=1, since_ms=0, until_ms=until)
            written, write_s, write_mib = _measured(export, trail, bundle, order)
            report, check_s, check_mib = _measured(verify_bundle.verify, bundle, vkeys(trail))
            size = bundle.stat().st_size / MIB / MIB
            row = f"{written.records:>8}  {write_s:>8.1f} {write_mib:>8.0f}  {check_s:>8.1f} {check_mib:>8.0f}"
            print(f"{row}  {size:>6.1f}  {report.verdict}")


def _fill(trail: TrailBuilder, records: int) -> None:
    with trail.opened() as log:
        while log.size < records:
            trail.append(log, [_event(log.size + number) for number in range(BATCH)])
            trail.clock.move(1)


def _time_of(place: int) -> int:
    """Return the moment of the batch that holds a place: a batch a second."""
    return TurnableClock().now_ms + place // BATCH * 1000


def _event(number: int) -> Event:
    return Event(
        kind=Kind.DECISION,
        exchange_id=f"ex_{number // 4:032x}",
        client="ehr-main",
        user="ito.nurse",
        patients=(f"MRN-{number % 5000}",),
        tenant="sandbox",
        task="medical-coding",
        purpose="TREAT",
        route="local",
        code="route",
        model="smol@sha256:" + "0" * 64,
        policy_digest="a" * 64,
        request_id=f"req-{number}",
        facts={"reasons": ["The local edit rate of 8 % is under the threshold of 30 %."], "evidence": "meets"},
    )


def _measured(work: Callable[..., Any], *arguments: object) -> tuple[Any, float, float]:
    """Return what some work gives, its seconds and the largest memory of its process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_timed, work, arguments).result()


def _timed(work: Callable[..., Any], arguments: tuple[object, ...]) -> tuple[Any, float, float]:
    began = time.monotonic()
    result = work(*arguments)
    return result, time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS)
