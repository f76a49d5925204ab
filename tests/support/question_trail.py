"""A trail of events in an empty store, written through the recorder's own database code, without keys on disk.

trail = QuestionTrail(store)
trail.add(intent, outcome)
with trail.reader() as reader:
    page = reader.find(question, trail.keys)
"""

import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from audit.keyring import IndexKey
from audit.query import Page, Reader
from audit.question import Question
from audit.record import Event, Leaf, facts_document, month_of
from audit.rows import Rows
from audit.store.address import Address
from audit.store.database import Batch, Database, RecordRow
from audit.terms import column_terms, fact_terms

START_MS = int(datetime(2026, 11, 20, 8, 0, tzinfo=UTC).timestamp() * 1000)
ORIGIN = "hospital.example/q"


def index_key(month: str) -> IndexKey:
    """Return the key of a month, the same in every run."""
    return IndexKey(month=month, secret=hashlib.sha256(month.encode()).digest())


@dataclass
class QuestionTrail:
    """A trail that grows by events, each a second after the one before."""

    store: Address
    time_ms: int = START_MS
    leaves: list[Leaf] = field(default_factory=list)

    @property
    def keys(self) -> dict[str, IndexKey]:
        """Return the index keys of every month with records."""
        return {leaf.month: index_key(leaf.month) for leaf in self.leaves}

    def add(self, *events: Event, seconds_each: float = 1.0) -> list[int]:
        """Write events in one transaction and return their places."""
        rows: list[RecordRow] = []
        index: list[tuple[bytes, int]] = []
        for event in events:
            leaf = self._leaf(event)
            self.leaves.append(leaf)
            names = sorted({*leaf.patients, leaf.user} - {""})
            index += [(bytes.fromhex(name), leaf.sequence) for name in names]
            rows.append(_row(leaf, event))
            self.time_ms += int(seconds_each * 1000)
        with closing(Database(self.store)) as database:
            database.write(Batch(records=rows, index=index))
        return [row.sequence for row in rows]

    def move(self, *, days: float = 0, seconds: float = 0) -> None:
        """Let time pass."""
        self.time_ms += int((days * 86_400 + seconds) * 1000)

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """Open the trail for questions."""
        with Rows.open(self.store) as rows:
            yield Reader(rows)

    def find(self, question: Question) -> Page:
        """Return one page of an answer."""
        with self.reader() as reader:
            return reader.find(question, self.keys)

    def now(self) -> datetime:
        """Return the moment of the next event."""
        return datetime.fromtimestamp(self.time_ms / 1000, UTC)

    def _leaf(self, event: Event) -> Leaf:
        sequence, key = len(self.leaves), index_key(month_of(self.time_ms))
        return Leaf(
            origin=ORIGIN,
            sequence=sequence,
            event_id=f"ev_{sequence:032x}",
            kind=event.kind,
            time_ms=self.time_ms,
            month=key.month,
            exchange_id=event.exchange_id,
            client=key.client(event.client) if event.client else "",
            user=key.user(event.user) if event.user else "",
            patients=tuple(sorted({key.patient(patient) for patient in event.patients})),
            tenant=event.tenant,
            task=event.task,
            purpose=event.purpose,
            route=event.route,
            outcome=event.outcome,
            code=event.code,
            policy_digest=event.policy_digest,
            model=event.model,
            facts_digest=hashlib.sha256(facts_document(event)).hexdigest(),
        )


def _row(leaf: Leaf, event: Event) -> RecordRow:
    return RecordRow(
        sequence=leaf.sequence,
        time_ms=leaf.time_ms,
        exchange_id=leaf.exchange_id,
        event_id=leaf.event_id,
        terms=column_terms(leaf, event.client),
        fact_terms=fact_terms(leaf.kind, leaf.route, event.facts),
        nodes=hashlib.sha256(leaf.to_bytes()).digest(),
        leaf=leaf.to_bytes(),
        facts=facts_document(event),
    )
