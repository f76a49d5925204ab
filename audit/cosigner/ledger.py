"""What the cosigner remembers: for each log the newest checkpoint that it has cosigned, durable before it answers.

A *turn* is one write transaction around looking, deciding and remembering, so that of two racing submissions the second
sees what the first has left, in whichever process they run.  A crash inside a turn leaves the state before it.
"""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection, connect
from sqlite3 import Error as SqliteError

from audit.errors import StoreError
from audit.keyring.files import FILE_MODE

APPLICATION_ID = 0x57495453
"""``WITS``: tells this database from others."""

BUSY_TIMEOUT_S = 5.0
"""A turn takes milliseconds; a submission waits this long for the one before."""

_CREATE = """
CREATE TABLE IF NOT EXISTS head (
  origin TEXT PRIMARY KEY,
  size INTEGER NOT NULL,
  time INTEGER NOT NULL,
  note TEXT NOT NULL
) STRICT
"""

_GUARD = """
CREATE TRIGGER IF NOT EXISTS head_only_grows BEFORE UPDATE ON head
WHEN new.size < old.size OR new.time < old.time OR new.origin <> old.origin
BEGIN SELECT raise(ABORT, 'a head never goes back'); END
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigned:
    """The newest cosigned checkpoint of one log."""

    origin: str
    size: int
    time_s: int
    """When it was cosigned; never goes back."""

    note: str
    """The log's note with this witness's signatures."""


class Turn:
    """One transaction on one log; use `Ledger.turn`."""

    def __init__(self, connection: Connection, origin: str) -> None:
        """Read what is known of the log."""
        self._connection = connection
        row = connection.execute("SELECT size, time, note FROM head WHERE origin = ?", (origin,)).fetchone()
        self.known = None if row is None else Cosigned(origin=origin, size=row[0], time_s=row[1], note=row[2])
        """What was cosigned last; None for a log that was never cosigned."""

    def remember(self, head: Cosigned) -> None:
        """Put a newer checkpoint in its place, durable when the turn ends."""
        self._connection.execute(
            "INSERT INTO head (origin, size, time, note) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (origin) DO UPDATE SET size = excluded.size, time = excluded.time, note = excluded.note",
            (head.origin, head.size, head.time_s, head.note),
        )


class Ledger:
    """The cosigner's database.  `_lock` guards the one connection."""

    def __init__(self, path: Path) -> None:
        """Open the file, made if it is not there.  Raises StoreError if it cannot be used."""
        self._path = path
        self._lock = threading.Lock()
        with self._told():
            path.touch(mode=FILE_MODE)
            self._connection = connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
            self._prepare()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def turn(self, origin: str) -> Iterator[Turn]:
        """Open a turn on a log; durable when the block ends, undone if it raises.  Raises StoreError."""
        with self._lock, self._told():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield Turn(self._connection, origin)
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(SqliteError):
                    self._connection.execute("ROLLBACK")
                raise

    def heads(self) -> list[Cosigned]:
        """Return what is known of every log, by name."""
        with self._lock, self._told():
            rows = self._connection.execute("SELECT origin, size, time, note FROM head ORDER BY origin").fetchall()
        return [Cosigned(origin=row[0], size=row[1], time_s=row[2], note=row[3]) for row in rows]

    def _prepare(self) -> None:
        run = self._connection.execute
        with closing(run("PRAGMA journal_mode = TRUNCATE")):
            pass
        run("PRAGMA synchronous = EXTRA")
        run("PRAGMA trusted_schema = OFF")
        (application,) = run("PRAGMA application_id").fetchone()
        (tables,) = run("SELECT count(*) FROM sqlite_schema").fetchone()
        if application != APPLICATION_ID and tables:
            raise StoreError(f"{self._path} is no cosigner's database; give another folder")
        run("BEGIN IMMEDIATE")
        run(_CREATE)
        run(_GUARD)
        run(f"PRAGMA application_id = {APPLICATION_ID}")
        run("COMMIT")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (SqliteError, OSError) as error:
            reason = getattr(error, "sqlite_errorname", type(error).__name__)
            raise StoreError(f"{self._path} cannot be used ({reason}); check the disk and the file's owner") from error
