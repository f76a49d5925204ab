"""Read a trail's tables with plain SQL, apart from the product's own readers, for tests that check what was written."""

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from audit.compact import DICTIONARY

TERMS = ("kind", "outcome", "code", "client", "tenant", "task", "purpose", "route", "model", "policy")
COLUMNS = f"sequence, time, exchange, event, {', '.join(TERMS)}, nodes, leaf, facts, wrapped_key, ciphertext"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRecord:
    """One row of the record table, unpacked."""

    sequence: int
    time_ms: int
    exchange_id: str
    event_id: str
    terms: tuple[int | None, ...]
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
        self._terms = dict[int, tuple[str, str]]()

    @classmethod
    @contextmanager
    def open(cls, database: Path) -> Iterator["TrailReader"]:
        """Open a database read-only."""
        with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            yield cls(connection)

    def records(self) -> Iterator[FoundRecord]:
        """Yield every record."""
        for row in self._connection.execute(f"SELECT {COLUMNS} FROM record ORDER BY sequence"):  # noqa: S608
            sequence, time_ms, exchange, event, *terms, nodes, leaf, facts, wrapped_key, ciphertext = row
            yield FoundRecord(
                sequence=sequence,
                time_ms=time_ms,
                exchange_id=exchange or "",
                event_id=event,
                terms=tuple(terms),
                nodes=nodes,
                leaf=inflate(leaf),
                facts=inflate(facts),
                wrapped_key=wrapped_key,
                ciphertext=ciphertext,
            )

    def terms_of(self, row: FoundRecord) -> dict[str, str]:
        """Return what a record's term columns say."""
        named = {
            place: self._term(number) for place, number in zip(TERMS, row.terms, strict=True) if number is not None
        }
        assert all(member == place for place, (member, _) in named.items())
        return {place: value for place, (_, value) in named.items()}

    def index_values(self, sequence: int) -> list[bytes]:
        """Return the blind index values that point to a record."""
        rows = self._connection.execute("SELECT value FROM blind_index WHERE sequence = ?", (sequence,))
        return sorted(bytes(row[0]) for row in rows)

    def checkpoints(self) -> Iterator[tuple[int, str]]:
        """Yield size and note of every checkpoint, smallest tree first."""
        return iter(self._connection.execute("SELECT size, note FROM checkpoint ORDER BY size"))

    def _term(self, number: int) -> tuple[str, str]:
        if number not in self._terms:
            rows = self._connection.execute("SELECT member, value FROM term WHERE id = ?", (number,)).fetchall()
            (self._terms[number],) = rows
        return self._terms[number]


def inflate(data: bytes) -> bytes:
    """Unpack a document as FORMAT.md section 11 says."""
    return zlib.decompressobj(-15, DICTIONARY).decompress(data)
