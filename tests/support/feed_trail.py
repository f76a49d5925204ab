"""A trail with every kind of record that a feed renders, and hostile text where text can come from outside."""

from collections.abc import Iterator
from contextlib import contextmanager

from audit import access
from audit.query import Entry, Reader
from audit.record import Event, Kind
from audit.rows import Rows
from audit.store.address import sqlite_address
from tests.support.trail_builder import PATIENT, USER, TrailBuilder, exchange_events

SECOND_PATIENT = "MRN-4712"
HOSTILE = '=HYPERLINK("http://x")|a=b\\\r\n<110>1 forged\u2028\x1b[2J'
"""A client's name that tries every feed's syntax."""

DISCLOSED = {
    "provider": "example-cloud",
    "service": "summaries",
    "region": "eu",
    "agreement": "baa-2026",
    "recipient": "Example Cloud Inc.",
    "recipient_address": "1 Road, Town",
    "kinds": ["name", "date"],
    "counts": ["name=2", "date=1"],
    "bytes": 812,
    "digest": "e" * 64,
    "description": "a discharge summary",
}


def special_events() -> list[Event]:
    """Return one event of each sort beyond an answered exchange."""
    exchange = {"exchange_id": "ex_" + "d" * 32, "client": "ehr-main", "user": USER, "task": "discharge-summary"}
    return [
        Event(kind=Kind.INTENT, **exchange, patients=(PATIENT, SECOND_PATIENT), purpose="ETREAT", body=b"{}"),
        Event(kind=Kind.DECISION, **exchange, code="use_task", facts={"allowed": False, "reasons": ["No role."]}),
        Event(
            kind=Kind.DISCLOSURE, **exchange, patients=(PATIENT, SECOND_PATIENT), purpose="TREAT",
            route="managed:example-cloud", facts=dict(DISCLOSED),
        ),
        *(
            Event(kind=Kind.OUTCOME, **exchange, outcome=outcome, code="engine_down", purpose="not a code")
            for outcome in ("refused", "failed", "cancelled", "incomplete")
        ),
        Event(kind=Kind.OPERATION, code="gateway_started", client="gateway", facts={"clients": 2, "pinned": True}),
        Event(kind=Kind.OPERATION, code=access.OFFICER_ADDED, client="audit-command"),
        Event(kind=Kind.OPERATION, code=access.MONTH_DESTROYED, client="audit-command", facts={"month": "2020-01"}),
        Event(kind=Kind.OPERATION, code="policy_reloaded", client="gateway", policy_digest="b" * 64),
        Event(kind=Kind.ACCESS, code=access.QUERY, client="console", user="officer", facts={"results": 2}),
        Event(kind=Kind.ACCESS, code=access.QUERY, client="console", user="officer", patients=(PATIENT,)),
        Event(kind=Kind.ACCESS, code=access.SHOW, client="console", user="officer", facts={"read": "ex_1"}),
        Event(kind=Kind.ACCESS, code=access.APPROVAL_GIVEN, client="console", user="officer", facts={"case": "C-1"}),
        Event(kind=Kind.ACCESS, code=access.DENIED, client="console", user="officer", facts={"action": "OpenBody"}),
        Event(kind=Kind.RELEASE, exchange_id="ex_" + "e" * 32, client=HOSTILE, task="t", model=HOSTILE, body=b"x"),
        Event(
            kind=Kind.OPERATION, code=HOSTILE, client="=1+1",
            facts={"reasons": [HOSTILE], "unlisted": "SECRET-FACT", "allowed": True, "elapsed_ms": 5},
        ),
    ]  # fmt: skip


def fill(trail: TrailBuilder) -> None:
    """Append an answered exchange and one event of every other sort."""
    with trail.opened() as log:
        for batch in exchange_events("ex_" + "a" * 32):
            trail.append(log, batch)
        for event in special_events():
            trail.append(log, [event])


@contextmanager
def opened(trail: TrailBuilder) -> Iterator[Reader]:
    """Open a built trail for questions."""
    with Rows.open(sqlite_address(trail.trail.database)) as rows:
        yield Reader(rows)


def entries(trail: TrailBuilder) -> list[Entry]:
    """Return every event, oldest first."""
    with opened(trail) as reader:
        return list(reader.span(0, end=reader.rows.size()))
