"""Read a trail's tables with plain SQL, apart from the product's own readers, for tests that check what was written."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

COLUMNS = "sequence, time, exchange, task, event, nodes, leaf, facts, wrapped_key, ciphertext"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRecord:
    """One row of the record table."""

    sequence: int
    time_ms: int
    exchange_id: str
    task: str
    event_id: str
    nodes: bytes
    leaf: bytes
    facts: bytes
    wrapped_key: bytes | None
    ciphertext: bytes | None


class TrailReader:
    """Everything in one trail, in order."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Take an open connection; use `open`."""
        self._connection = connection

    @classmethod
    @contextmanager
    def open(cls, database: Path) -> Iterator["TrailReader"]:
        """Open a database read-only."""
        with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            yield cls(connection)

    def records(self) -> Iterator[FoundRecord]:
        """Yield every record."""
        for row in self._connection.execute(f"SELECT {COLUMNS} FROM record ORDER BY sequence"):  # noqa: S608
            sequence, time_ms, exchange, task, event, nodes, leaf, facts, wrapped_key, ciphertext = row
            yield FoundRecord(
                sequence=sequence,
                time_ms=time_ms,
                exchange_id=exchange or "",
                task=task or "",
                event_id=event,
                nodes=nodes,
                leaf=leaf,
                facts=facts,
                wrapped_key=wrapped_key,
                ciphertext=ciphertext,
            )

    def index_values(self, sequence: int) -> list[bytes]:
        """Return the blind index values that point to a record."""
        rows = self._connection.execute("SELECT value FROM blind_index WHERE sequence = ?", (sequence,))
        return sorted(bytes(row[0]) for row in rows)

    def checkpoints(self) -> Iterator[tuple[int, str]]:
        """Yield size and note of every checkpoint, smallest tree first."""
        return iter(self._connection.execute("SELECT size, note FROM checkpoint ORDER BY size"))
