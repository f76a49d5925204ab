"""What the reading commands share: an open trail, and the record of the reading itself."""

import asyncio
import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audit.access import record_access
from audit.cli.frame import say
from audit.errors import AppendError
from audit.places import Places
from audit.query import Reader
from audit.record import Event
from audit.rows import Rows

PROGRAM = "audit-command"
"""Client of the access events that these commands record."""


@contextmanager
def open_reader(places: Places) -> Iterator[Reader]:
    """Open the trail for questions.  Raises StoreError if there is none."""
    with Rows.open(places.readers) as rows:
        yield Reader(rows)


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
    """Return who runs this command: the person behind sudo, as at a site, else the operating system's user."""
    return (os.environ.get("SUDO_USER") if os.geteuid() == 0 else "") or getpass.getuser()
