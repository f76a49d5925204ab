"""Whether an event answers a question, judged by its leaf alone; pure.

The rules of `Question`: every filter is asked of one event; a question about a state is about the event that decides
it (the outcome, or the intent without one), of which people, client, tenant, task and purpose are asked, while the
other filters may hold of any one event of the exchange.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from audit.keyring import IndexKey
from audit.query.entry import Entry, Found
from audit.query.topics import WHO, TermFilter, deciding_filters, shows_lone_events, term_filters
from audit.question import ORPHAN_GRACE_MS, ORPHANED, Question
from audit.record import Kind


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class People:
    """The keyed commitments that stand for the patients and the user asked for, over the months at hand."""

    patients: frozenset[str] | None
    """None when no patient was asked for."""

    users: frozenset[str] | None

    @classmethod
    def of(cls, question: Question, index_keys: Mapping[str, IndexKey]) -> "People":
        """Return the commitments of the people whom a question names."""
        keys = index_keys.values()
        asked = question.patients
        return cls(
            patients=frozenset(key.patient(patient) for key in keys for patient in asked) if asked else None,
            users=frozenset(key.user(question.user) for key in keys) if question.user else None,
        )

    @property
    def is_asked(self) -> bool:
        """Say whether the question names anybody."""
        return self.patients is not None or self.users is not None

    @property
    def is_hopeless(self) -> bool:
        """Say whether somebody is asked for without any key to find them by."""
        return any(names is not None and not names for names in (self.patients, self.users))

    def match(self, entry: Entry) -> bool:
        """Say whether an event is about a patient asked for, and by the user asked for."""
        leaf = entry.leaf
        if self.patients is not None and self.patients.isdisjoint(leaf.patients):
            return False
        return self.users is None or leaf.user in self.users


class Judge:
    """Decides which row of an answer an event stands for."""

    def __init__(self, question: Question, people: People, *, top: int) -> None:
        """Take the question, the people in it, and the size of the trail that it is asked of."""
        self.top = top
        self._question = question
        self._people = people
        self._asked = term_filters(question)
        who = tuple(asked for asked in self._asked if asked.member in WHO)
        self.narrow = (*who, *deciding_filters(question)) if question.state else self._asked
        """What every event that a row stands at fulfils: what a store may leave out the others by."""

    @property
    def needs_exchange(self) -> bool:
        """Say whether an event cannot be judged without the others of its exchange."""
        return bool(self._question.state) or not self._question.by_event

    def is_candidate(self, entry: Entry) -> bool:
        """Say whether a row may stand at this event, as far as it tells alone."""
        question = self._question
        if not question.since_ms <= entry.leaf.time_ms < question.until_ms or not self._people.match(entry):
            return False
        if question.exchange_id and entry.leaf.exchange_id != question.exchange_id:
            return False
        if question.state and not entry.leaf.exchange_id:
            return False
        if question.state == ORPHANED and entry.leaf.time_ms + ORPHAN_GRACE_MS > question.as_of_ms:
            return False
        return _fulfils(entry, self.narrow)

    def row(self, entry: Entry, exchange: Sequence[Entry]) -> Found | None:
        """Return the row that a candidate stands for, given the events of its exchange (none if it has none)."""
        question = self._question
        events = tuple(event for event in exchange if event.leaf.sequence < self.top)
        if question.state and not self._is_in_state(events):
            return None
        if question.by_event:
            return Found(entries=(entry,))
        if not entry.leaf.exchange_id:
            return Found(entries=(entry,)) if shows_lone_events(question) else None
        newest = max((event.leaf.sequence for event in events if self.is_candidate(event)), default=None)
        return Found(entries=events) if newest == entry.leaf.sequence else None

    def _is_in_state(self, events: Iterable[Entry]) -> bool:
        """Say whether an exchange stands as asked, and one of its events fulfils every filter."""
        events = tuple(events)
        if self._question.state == ORPHANED and any(event.leaf.kind is Kind.OUTCOME for event in events):
            return False
        return any(_fulfils(event, self._asked) and self._people.match(event) for event in events)


def _fulfils(entry: Entry, filters: Sequence[TermFilter]) -> bool:
    terms = entry.terms
    return all(asked.accepts(terms.get(asked.member, "")) for asked in filters)
