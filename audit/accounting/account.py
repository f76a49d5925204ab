"""The accounting of disclosures of one person's data (45 CFR 164.528), worked out from the trail.

Treatment, payment and operations need not be accounted for under 164.528(a)(1)(i); they are listed all the same,
because the appliance cannot judge the exception and a list that is too long harms nobody.  A disclosure is recorded
before its bytes go, so one that did not arrive is listed too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from audit.accounting.disclosure import Disclosure, read_disclosure
from audit.keyring import IndexKey
from audit.query import Reader
from audit.question import MAX_LIMIT, Question, Topic, ask

YEARS = 6
"""Reach of an accounting, 45 CFR 164.528(a)(1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounting:
    """A finished accounting, for printing.  It holds record numbers: its repr does not."""

    patients: tuple[str, ...] = field(repr=False)
    """Record numbers of one person."""

    since_ms: int
    until_ms: int
    """First moment after the accounting: its end, or the moment of the question."""

    asked_ms: int
    origin: str
    """Name of the trail that it was worked out from."""

    records: int
    """Size of the trail then: whoever verifies the trail later knows how far this accounting could see."""

    disclosures: tuple[Disclosure, ...]
    """Oldest first, as a person reads a list of dates."""

    months_not_searched: tuple[str, ...]
    """Months in which nobody can be found, because their keys are not at hand or destroyed."""

    @property
    def is_complete(self) -> bool:
        """Say whether every month of the period was searched."""
        return not self.months_not_searched


def accounting_question(patients: Sequence[str], *, now: datetime, since: str = "", until: str = "") -> Question:
    """Return the question for a person's disclosures, six years back if nothing else is asked.  Raises QueryError."""
    filters = {"topic": Topic.DISCLOSURES.value, "since": since or six_years_before(now), "until": until}
    return ask(filters, now=now, patients=patients, limit=MAX_LIMIT, by_event=True)


def account(reader: Reader, question: Question, index_keys: Mapping[str, IndexKey], *, origin: str) -> Accounting:
    """Return the accounting that answers a question of `accounting_question`."""
    # The size first: what is found after it may be newer and is left out, so that the page says how far it saw.
    records = reader.rows.size()
    found = reader.every(question, index_keys)
    events = (row.entries[0] for row in found)
    disclosures = [read_disclosure(event) for event in events if event.leaf.sequence < records]
    return Accounting(
        patients=question.patients,
        since_ms=question.since_ms,
        until_ms=min(question.until_ms, question.as_of_ms),
        asked_ms=question.as_of_ms,
        origin=origin,
        records=records,
        disclosures=tuple(reversed(disclosures)),
        months_not_searched=reader.months_not_searched(question, index_keys),
    )


def six_years_before(now: datetime) -> str:
    """Return the same day six years earlier, in UTC; the day before where there was no 29 February."""
    day = now.astimezone(UTC).date()
    try:
        return day.replace(year=day.year - YEARS).isoformat()
    except ValueError:
        return day.replace(year=day.year - YEARS, day=28).isoformat()
