"""What the console says of the trail itself: its newest checkpoint, and how the recorder and its witnesses are.

Neither names a patient, so neither is a read of the trail that must be recorded.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from audit.checkpoint import read_checkpoint
from audit.errors import AppendError, UnknownRecordError
from audit.places import Places
from audit.query import Reader
from audit.rows import Rows
from audit.view import to_time


class State:
    """The state of one trail."""

    def __init__(self, places: Places, *, health: Callable[[], dict[str, object]]) -> None:
        """Take the trail's places, and what asks the recorder or raises AppendError."""
        self._places = places
        self._health = health

    def checkpoint(self) -> dict[str, object]:
        """Return the newest signed checkpoint, checked.  Raises UnknownRecordError before the first."""
        with Rows.open(self._places.readers) as rows:
            note = Reader(rows).latest_checkpoint()
            size = rows.size()
        if note is None:
            raise UnknownRecordError("The trail has no checkpoint yet; ask again in a second.")
        checkpoint = read_checkpoint(note, self._places.trail.verifier_keys())
        return {
            "origin": checkpoint.origin,
            "size": checkpoint.size,
            "records": size,
            "root": checkpoint.root.hex(),
            "time": to_time(checkpoint.time_s * 1000),
            "note": note,
            "checked_at": to_time(int(datetime.now(UTC).timestamp() * 1000)),
        }

    def health(self) -> dict[str, object]:
        """Return what the recorder says of itself and of its witnesses; ``unavailable`` when it says nothing."""
        try:
            return self._health()
        except AppendError as error:
            return {"state": "unavailable", "reason": error.code}
