"""What an officer can read through the console, each read recorded before it is answered.

The order is the promise: find, record, and only then return.  A caller MUST answer nothing when this raises.
The console holds no custodian key here, so people are found in the months whose index keys the recorder's side holds.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from starlette.concurrency import run_in_threadpool

from audit.access import SHOW, Recorder, asked, looked
from audit.checkpoint import read_checkpoint
from audit.errors import UnknownRecordError
from audit.index_keys import current_index_key, held_index_keys
from audit.keyring import IndexKey
from audit.places import Places
from audit.query import Entry, Page, Reader
from audit.question import Question
from audit.rows import Rows
from audit.view import entry_view, reasons_of, row_view, to_time

PROGRAM = "console"
"""Client of the access events that the console records."""


class Reading:
    """The console's reads of one trail."""

    def __init__(self, places: Places, recorder: Recorder) -> None:
        """Take the trail's places and the recorder that remembers each read."""
        self._places = places
        self._recorder = recorder

    async def query(self, officer: str, question: Question) -> dict[str, object]:
        """Return one page of what matches.  Raises AppendError if the read was not recorded."""
        keys = held_index_keys(self._places.trail)
        page = await run_in_threadpool(self._find, question, keys)
        key = current_index_key(keys)
        await self._recorder.append(asked(question, operator=officer, program=PROGRAM, results=len(page.rows), key=key))
        rows = [entry_view(row.entries[0]) if question.by_event else row_view(row) for row in page.rows]
        return {
            "rows": rows,
            "next_cursor": page.next_cursor,
            "months_not_searched": list(page.months_not_searched),
        }

    async def exchange(self, officer: str, name: str) -> dict[str, object]:
        """Return every event of an exchange, without bodies.  Raises AppendError if the read was not recorded."""
        entries = await run_in_threadpool(self._look_up, name)
        sequences = [entry.leaf.sequence for entry in entries]
        await self._recorder.append(looked(SHOW, operator=officer, program=PROGRAM, name=name, sequences=sequences))
        return {
            "exchange": entries[0].leaf.exchange_id,
            "reasons": reasons_of(entries),
            "events": [entry_view(entry) for entry in entries],
        }

    async def checkpoint(self) -> dict[str, object]:
        """Return the newest signed checkpoint, checked: it names no patient, so this is no read of the trail."""
        return await run_in_threadpool(self._checkpoint)

    def _find(self, question: Question, keys: Mapping[str, IndexKey]) -> Page:
        with Rows.open(self._places.trail.database) as rows:
            return Reader(rows).find(question, keys)

    def _look_up(self, name: str) -> tuple[Entry, ...]:
        with Rows.open(self._places.trail.database) as rows:
            return Reader(rows).look_up(name)

    def _checkpoint(self) -> dict[str, object]:
        with Rows.open(self._places.trail.database) as rows:
            note = Reader(rows).latest_checkpoint()
            size = rows.size()
        if note is None:
            raise UnknownRecordError("The trail has no checkpoint yet; ask again in a second.")
        statement = read_checkpoint(note, self._places.trail.verifier_keys())
        return {
            "origin": statement.origin,
            "size": statement.size,
            "records": size,
            "root": statement.root.hex(),
            "time": to_time(statement.time_s * 1000),
            "note": note,
            "checked_at": to_time(int(datetime.now(UTC).timestamp() * 1000)),
        }
