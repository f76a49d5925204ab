"""A bundle and a feed read the same from SQLite and from PostgreSQL."""

from contextlib import closing
from pathlib import Path
from typing import Any

from audit.access import EXPORT
from audit.export import Order, Source, verify_bundle, write_bundle
from audit.feeds import Format, render
from audit.log import Log
from audit.query import Reader
from audit.record import Event, Kind
from audit.rows import Rows
from audit.store.address import Address
from tests.support.trails import ORIGIN, TurnedClock, Writer, example_event, month_keys, new_trail


def test_either_store_gives_a_bundle_that_verifies_and_a_feed(store: Address, tmp_path: Path) -> None:
    trail, clock = new_trail(tmp_path), TurnedClock()
    keys, bundle = trail.verifier_keys(), tmp_path / "b.zip"

    def write(*events: Event) -> list[int]:
        with closing(Log.open(trail, clocks=clock.clocks(), database=store)) as log:
            return Writer(log=log, keys=month_keys(trail)).add(*events)

    def note() -> str:
        with Rows.open(store) as rows:
            found = Reader(rows).latest_checkpoint()
        assert found is not None
        return found

    def seal(facts: dict[str, Any]) -> tuple[int, str]:
        clock.turn(5)
        return write(Event(kind=Kind.ACCESS, code=EXPORT, client="audit-command", facts=facts))[0], note()

    write(*(example_event(exchange_id=f"ex_{number:032x}") for number in range(12)))
    order = Order(made_ms=1, until_ms=2**53 - 1, with_bodies=True)
    with Rows.open(store) as rows:
        reader = Reader(rows)
        written = write_bundle(bundle, Source(reader), order=order, head=note(), keys=keys, seal=seal)
        fed = b"".join(render(Format.OCSF, reader.span(0, end=written.end), origin=ORIGIN))

    report = verify_bundle.verify(bundle, (trail.folder / "verifier.keys").read_text())
    assert report.verdict == "verified", list(verify_bundle.lines(report))
    assert (written.records, report.steps[6].checked, len(fed.splitlines())) == (13, 12, 13)
