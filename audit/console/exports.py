"""Evidence bundles for officers at the console: the same file as `audit export` writes, recorded before it exists.

Sealed bodies never leave here: that takes a second officer's approval at the command line.  The file lies in the
custodian's folder, which nobody else can read, only until it is sent.
"""

import secrets
import time
from collections.abc import Callable
from pathlib import Path

from audit.access import EXPORT
from audit.console.reading import PROGRAM
from audit.errors import QueryError, RecorderUnavailableError
from audit.export import Order, Source, write_bundle
from audit.export.bundle import Facts
from audit.keyring.files import make_folder
from audit.officers import Officer
from audit.places import Places
from audit.query import Reader
from audit.question import Question
from audit.record import Event, Kind, Receipt
from audit.rows import Rows

MAX_RECORDS = 100_000
"""Records of one bundle over HTTPS: a minute's work and some 100 MB; `audit export` takes more."""

SIGNED_WITHIN_S = 15.0
"""A checkpoint over a new record is there within a second or two; on a failing disk it never comes."""

LEFT_BEHIND_S = 3600.0
"""No bundle takes an hour to send."""

POLL_S = 0.2
"""Between two questions for it."""


class Exports:
    """Evidence bundles of one trail; used by many threads, each with a connection of its own."""

    def __init__(
        self,
        places: Places,
        *,
        append: Callable[[Event], Receipt],
        checkpoint: Callable[[], dict[str, object]],
    ) -> None:
        """Take the trail's places, what makes an event durable, and what gives the newest signed checkpoint."""
        self._places = places
        self._append = append
        self._checkpoint = checkpoint

    def write(self, officer: Officer, question: Question) -> Path:
        """Return a new file with the bundle, which the caller removes.  Raises QueryError or AppendError."""

        def seal(facts: Facts) -> tuple[int, str]:
            event = Event(kind=Kind.ACCESS, code=EXPORT, client=PROGRAM, user=officer.name, facts=facts)
            place = self._append(event).sequence
            return place, self._signed(above=place)

        folder = make_folder(self._places.custodian / "exports")
        _sweep(folder)
        out = folder / f"{secrets.token_hex(16)}.zip"
        order = Order(
            made_ms=question.as_of_ms,
            since_ms=question.since_ms,
            until_ms=question.until_ms,
            exchange_id=question.exchange_id,
        )
        keys = self._places.trail.verifier_keys()
        with Rows.open(self._places.readers) as rows:
            reader = Reader(rows)
            _check_size(reader, question)
            write_bundle(out, Source(reader), order=order, head=self._signed(above=0), keys=keys, seal=seal)
        return out

    def _signed(self, *, above: int) -> str:
        """Return a signed checkpoint over more records than these.  Raises RecorderUnavailableError."""
        deadline = time.monotonic() + SIGNED_WITHIN_S
        while time.monotonic() < deadline:
            answer = self._checkpoint()
            size, note = answer.get("size"), answer.get("note")
            if isinstance(size, int) and isinstance(note, str) and size > above:
                return note
            time.sleep(POLL_S)
        raise RecorderUnavailableError("the recorder signed nothing in time, so there is no bundle; see its log")


def _sweep(folder: Path) -> None:
    """Remove what a crash or a caller who hung up left behind."""
    for file in folder.iterdir():
        if file.stat().st_mtime < time.time() - LEFT_BEHIND_S:
            file.unlink(missing_ok=True)


def _check_size(reader: Reader, question: Question) -> None:
    """Raise QueryError for a span that holds more than one bundle over HTTPS does."""
    if question.exchange_id:
        return
    top = reader.rows.size()
    count = reader.first_at(question.until_ms, top) - reader.first_at(question.since_ms, top)
    if count > MAX_RECORDS:
        raise QueryError(f"The span holds {count} records, more than {MAX_RECORDS}; shorten it, or run 'audit export'.")
