"""The real ICD-10-CM table: which codes exist, what they mean, and which of them a note's words point to.

A code that is not in this table was invented and MUST NOT reach a caller.  The table is a read-only file made
from the library ``simple-icd-10-cm`` by `icd10_build` at the first start, offline, named by the library's version.
It holds no clinical text.  One thread at a time: the gateway asks from its event loop.
"""

import importlib.metadata
import sqlite3
import subprocess
import sys
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from appliance.errors import ConfigError

LIBRARY = "simple-icd-10-cm"

FORMAT = 1
"""Raised whenever `SCHEMA`, `terms` or `lay_terms` change what the builder writes."""

SCHEMA = """
CREATE TABLE code (code TEXT PRIMARY KEY, description TEXT NOT NULL, billable INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE phrase (number INTEGER PRIMARY KEY, code TEXT NOT NULL, stems TEXT NOT NULL);
CREATE TABLE word (stem TEXT PRIMARY KEY, weight REAL NOT NULL, phrases BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE totals (weights BLOB NOT NULL);
"""
"""``phrases`` and ``weights`` are arrays in the machine's byte order: the file never leaves the machine."""

BUILD_TIMEOUT_S = 120
"""The build takes about 4 s on one core; a busy or slow machine gets thirty times that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A word of the table."""

    weight: float
    """How much it tells: rare words more."""

    phrases: "array[int]"
    """Numbers of the phrases that hold it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """One wording of one code: its description or an inclusion term, as stems."""

    code: str
    stems: tuple[str, ...]


class Icd10Table:
    """Answer questions about codes from the table file."""

    def __init__(self, connection: sqlite3.Connection, *, version: str) -> None:
        """Take an open connection; use `open`."""
        self._connection = connection
        self.version = version
        """Version of the library that the table was made from, such as ``1.5.0``."""

        self.totals: array[float] = array("f")
        """For each phrase the summed weight of its words."""

        self.totals.frombytes(connection.execute("SELECT weights FROM totals").fetchone()[0])

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the table in `folder`, made first where it is missing or damaged.  Raises ConfigError."""
        version = importlib.metadata.version(LIBRARY)
        file = folder / f"icd10cm-{version}-{FORMAT}.sqlite"
        for attempt in (_connect, _rebuild):
            connection = attempt(file)
            if connection is not None:
                return cls(connection, version=version)
        raise ConfigError(
            f"The ICD-10-CM table {file} cannot be made; check that its folder is writable, that 30 MB are free, and "
            f"that '{sys.executable} -m appliance.tasks.icd10_build {file}' succeeds."
        )

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def description(self, code: str) -> str | None:
        """Return what a code means; None when no such code exists."""
        row = self._connection.execute("SELECT description FROM code WHERE code = ?", (code,)).fetchone()
        return None if row is None else str(row[0])

    def is_billable(self, code: str) -> bool:
        """Say whether a code exists and is complete: a category with subdivisions is not."""
        row = self._connection.execute("SELECT billable FROM code WHERE code = ?", (code,)).fetchone()
        return row is not None and bool(row[0])

    def term(self, stem: str) -> Term | None:
        """Return a word of the table; None when no searched code is written with it."""
        row = self._connection.execute("SELECT weight, phrases FROM word WHERE stem = ?", (stem,)).fetchone()
        if row is None:
            return None
        phrases: array[int] = array("I")
        phrases.frombytes(row[1])
        return Term(weight=row[0], phrases=phrases)

    def phrases(self, numbers: Iterable[int]) -> dict[int, Phrase]:
        """Return phrases by their numbers."""
        found: dict[int, Phrase] = {}
        for number in numbers:
            row = self._connection.execute("SELECT code, stems FROM phrase WHERE number = ?", (number,)).fetchone()
            found[number] = Phrase(code=row[0], stems=tuple(row[1].split()))
        return found


def _connect(file: Path) -> sqlite3.Connection | None:
    """Open the file read-only; None when it is missing or no whole table."""
    if not file.is_file():
        return None
    # The gateway opens the table at start and may ask from another thread later, never from two at once.
    connection = sqlite3.connect(f"file:{file}?mode=ro&immutable=1", uri=True, check_same_thread=False)
    try:
        connection.execute("SELECT weights FROM totals").fetchone()[0]
    except (sqlite3.DatabaseError, TypeError):
        connection.close()
        return None
    return connection


def _rebuild(file: Path) -> sqlite3.Connection | None:
    """Run the builder, in a process of its own because of its memory, and open what it made."""
    command = [sys.executable, "-m", "appliance.tasks.icd10_build", str(file)]
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        subprocess.run(command, check=True, capture_output=True, timeout=BUILD_TIMEOUT_S)  # noqa: S603 - our own module
    except (OSError, subprocess.SubprocessError):
        return None
    return _connect(file)
