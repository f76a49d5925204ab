"""What an officer can read through the console, each read recorded before it is answered.

The order is the promise: find, record, and only then return.  A caller MUST answer nothing when this raises.
Everything here waits, for the database and for the recorder, so it runs in a thread of its own for each request.
"""

import re
from collections.abc import Callable, Sequence

from audit.access import SHOW, asked, looked
from audit.console.people import PeopleKeys
from audit.errors import UnknownRecordError
from audit.index_keys import current_index_key
from audit.officers import Officer
from audit.places import Places
from audit.query import Entry, Reader
from audit.question import Question
from audit.record import Event
from audit.rows import Rows
from audit.view import entry_view, reasons_of, row_view

_NAME = re.compile(r"[!-~]{1,256}", re.ASCII)

PROGRAM = "console"
"""Client of the access events that the console records."""


class Reading:
    """The console's reads of one trail; used by many threads, each with a connection of its own."""

    def __init__(self, places: Places, *, record: Callable[[Event], None], people: PeopleKeys) -> None:
        """Take the trail's places, what makes an event durable, and the keys that people are found by."""
        self._places = places
        self._record = record
        self._people = people

    def query(self, officer: Officer, question: Question) -> dict[str, object]:
        """Return one page of what matches.  Raises AppendError if the read was not recorded."""
        keys = self._people.keys_for(question)
        with Rows.open(self._places.readers) as rows:
            page = Reader(rows).find(question, keys)
        key = current_index_key(keys)
        self._record(asked(question, operator=officer.name, program=PROGRAM, results=len(page.rows), key=key))
        rows_shown = [entry_view(row.entries[0]) if question.by_event else row_view(row) for row in page.rows]
        return {
            "rows": rows_shown,
            "next_cursor": page.next_cursor,
            "months_not_searched": list(page.months_not_searched),
        }

    def exchange(self, officer: Officer, name: str) -> dict[str, object]:
        """Return every event of an exchange, without bodies.  Raises AppendError if the read was not recorded."""
        with Rows.open(self._places.readers) as rows:
            entries = Reader(rows).look_up(checked_name(name))
        self._record(_looked(officer, name, entries))
        return {
            "exchange": entries[0].leaf.exchange_id,
            "reasons": reasons_of(entries),
            "events": [entry_view(entry) for entry in entries],
        }


def checked_name(name: str) -> str:
    """Return a name that a record can have.  Raises UnknownRecordError: PostgreSQL's text holds no NUL at all."""
    if not _NAME.fullmatch(name):
        raise UnknownRecordError("Nothing in the trail goes by this name; GET /api/v1/exchanges lists exchanges.")
    return name


def _looked(officer: Officer, name: str, entries: Sequence[Entry]) -> Event:
    sequences = [entry.leaf.sequence for entry in entries]
    return looked(SHOW, operator=officer.name, program=PROGRAM, name=name, sequences=sequences)
