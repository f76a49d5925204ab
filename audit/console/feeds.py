"""Pages of the trail in another system's words, for collectors that pull over HTTPS; each recorded before it goes out.

A collector asks from the record after its last page, so nothing is lost and nothing twice.  People stay keyed
commitments: naming them takes the custodian's keys and is done at the command line (`audit feed --people`).
"""

from collections.abc import Callable
from dataclasses import dataclass

from audit.access import FEED
from audit.console.reading import PROGRAM
from audit.errors import QueryError
from audit.feeds import Format, render
from audit.officers import Officer
from audit.places import Places
from audit.query import Reader
from audit.question import Question
from audit.record import Event, Kind
from audit.rows import Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPage:
    """Some records, oldest first."""

    content: bytes
    next_sequence: int
    """First record of the page after."""


class Feeds:
    """The trail as feeds; used by many threads, each with a connection of its own."""

    def __init__(self, places: Places, *, record: Callable[[Event], None]) -> None:
        """Take the trail's places and what makes an event durable."""
        self._places = places
        self._record = record

    def page(self, officer: Officer, question: Question, *, form: Format, after: int) -> FeedPage:
        """Return the question's span of records from `after` on.  Raises AppendError if it was not recorded."""
        with Rows.open(self._places.readers) as rows:
            reader = Reader(rows)
            begin, end = _range(reader, question, after=after)
            entries = list(reader.span(begin, end=end))
        self._record(
            Event(
                kind=Kind.ACCESS,
                code=FEED,
                client=PROGRAM,
                user=officer.name,
                facts={"format": form.value, "first": begin, "end": end},
            )
        )
        content = b"".join(render(form, entries, origin=self._places.trail.origin()))
        return FeedPage(content=content, next_sequence=end)


def _range(reader: Reader, question: Question, *, after: int) -> tuple[int, int]:
    """Return the half-open range of records.  Raises QueryError for a place that this trail has not reached."""
    top = reader.rows.size()
    if after > top:
        raise QueryError(f"The trail has {top} records, fewer than after={after}; begin again at 0.")
    begin = max(after, reader.first_at(question.since_ms, top)) if question.since_ms else after
    last = reader.first_at(question.until_ms, top) if question.has_end() else top
    return begin, max(begin, min(last, begin + question.limit))
