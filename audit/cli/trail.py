"""What the reading commands share: an open trail, the index keys at hand, and the record of the reading itself."""

import asyncio
import getpass
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from audit.access import record_access
from audit.cli.frame import say
from audit.errors import AppendError, StoreError
from audit.keyring import Custodian, IndexKey, Trail
from audit.places import Places
from audit.query import Reader
from audit.record import Event
from audit.rows import Rows

PROGRAM = "audit-command"
"""Client of the access events that these commands record."""


@contextmanager
def open_reader(places: Places) -> Iterator[Reader]:
    """Open the trail for questions.  Raises StoreError if there is none."""
    with Rows.open(places.trail.database) as rows:
        yield Reader(rows)


def held_index_keys(trail: Trail) -> dict[str, IndexKey]:
    """Return the index keys on the recorder's side that this user can read: those of the current and coming months."""
    keys: dict[str, IndexKey] = {}
    for month in trail.prepared_months():
        try:
            keys[month] = trail.index_key(month)
        except StoreError:
            continue  # its file may be the recorder's alone; `query` then says that the month was not searched
    return keys


def custodian_index_keys(custodian: Custodian, months: tuple[str, ...]) -> dict[str, IndexKey]:
    """Return the index keys of these months that the custodian still holds."""
    held = set(custodian.months())
    return {month: custodian.secrets(month).index_key() for month in months if month in held}


def current_index_key(keys: Mapping[str, IndexKey]) -> IndexKey | None:
    """Return the index key of this month, if it is at hand."""
    return keys.get(datetime.now(UTC).strftime("%Y-%m"))


def record_reading(socket: Path, event: Event) -> None:
    """Record a reading through the recorder, and say so on standard error if it cannot be."""
    try:
        record_now(socket, event)
    except AppendError:
        say("this read was not recorded: no recorder took the record.")


def record_now(socket: Path, event: Event) -> None:
    """Record a reading that may not happen unrecorded.  Raises AppendError."""
    asyncio.run(record_access(socket, event))


def operator() -> str:
    """Return the name of the operating system's user who runs this command."""
    return getpass.getuser()
