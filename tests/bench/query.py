"""Measure questions: ``python -m tests.bench.query [--rows N] [--explain]``; prints a table, asserts nothing.

It fills a PostgreSQL server of its own, in a temporary folder, with six years of a hospital's records (10,000,000 by
default: about 8 GB of disk and some minutes on two cores; 300,000 while working on the code), and asks what officers
ask.  The target is 1 s for the 95th percentile of a six-year question by patient, each patient asked for the first
time.  Times are of `Reader.find` or `account` with every month's key, through the read-only role; the server's cache
is as the loading left it, and no question is asked twice.
"""

import argparse
import multiprocessing
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import psycopg
from rich.console import Console
from rich.table import Table
from sqlalchemy.dialects import postgresql
from typing_extensions import override

from audit.accounting import account, accounting_question
from audit.query import Reader
from audit.question import Question, ask
from audit.rows import Page, Rows, Statement
from audit.store.address import Address
from audit.store.schema import metadata
from tests.support.million_rows import (
    AGREEMENTS,
    END,
    HEADER,
    HEAVY,
    MODELS,
    PATIENTS,
    POLICIES,
    SERVICE,
    TERMS,
    TRAILER,
    USERS,
    Part,
    every_key,
)
from tests.support.postgres import PostgresDatabase, postgres_server

PART_ROWS = 262_144
CHUNK_ROWS = 20_000
WORKERS = 2
SETTINGS = {
    "shared_buffers": "2GB",
    "maintenance_work_mem": "1GB",
    "max_wal_size": "8GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "synchronous_commit": "off",
}
"""For loading; the questions see the buffers of a small site's server."""

Asked = Callable[[Reader], int]
"""Asks one question and returns how many rows answered."""


@dataclass(frozen=True)
class Load:
    """What one worker fills."""

    database: PostgresDatabase
    first: int
    size: int


def main() -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--questions", type=int, default=200, help="how many patients, and users, are asked for")
    parser.add_argument("--explain", action="store_true", help="print the plan of every statement of one question each")
    given = parser.parse_args()
    with postgres_server(fsync=False, **SETTINGS) as server:
        database = server.database()
        began = time.monotonic()
        fill(database, given.rows)
        print(f"{given.rows} records in {time.monotonic() - began:.0f} s")
        print_sizes(database, given.rows)
        with Rows.open(database.reader) as rows:
            print_times(Reader(rows), questions(given.questions))
        if given.explain:
            explain(database.reader, questions(1))


def fill(database: PostgresDatabase, rows: int) -> None:
    """Load the tables without their indexes, and then make these."""
    indexes = _dropped(database)
    parts = [Load(database, first, rows) for first in range(0, rows, PART_ROWS)]
    with multiprocessing.get_context("spawn").Pool(WORKERS) as pool:
        for done, _ in enumerate(pool.imap_unordered(load, parts), 1):
            print(f"\rloading {done * 100 // len(parts)} %", end="", flush=True)
    print("\rindexing     ", end="", flush=True)
    with closing(database.connect()) as connection:
        for statement in indexes:
            connection.execute(statement)  # type: ignore[call-overload]  # as the catalogue spells it
        connection.execute("VACUUM (ANALYZE)")
    print("\r", end="")


def load(part: Load) -> None:
    """Fill one part of the trail, in a process of its own."""
    rows = Part(first=part.first, end=min(part.first + PART_ROWS, part.size), size=part.size)
    with closing(part.database.connect()) as connection:
        connection.execute("SET session_replication_role = replica")
        for records, index in rows.chunks(rows=CHUNK_ROWS):
            _copy(connection, "record", records)
            _copy(connection, "blind_index", index)
        _copy(connection, "term_block", rows.block_rows())


def questions(count: int) -> Iterator[tuple[str, Sequence[Asked]]]:
    """Yield each sort of question with the questions of it."""
    chance = random.Random(11)  # noqa: S311 - a bench's choices
    people = [f"MRN-{chance.randrange(PATIENTS)}" for _ in range(count)]
    heavy = [f"MRN-H{number}" for number in range(HEAVY)][:count]
    users = [f"user-{number}" for number in chance.sample(range(USERS), min(count, 50))]
    yield "patient, six years, first page", [finds({}, patients=[one]) for one in people]
    yield "heavy patient, first page", [finds({}, patients=[one]) for one in heavy]
    yield "three patients", [finds({}, patients=people[place : place + 3]) for place in range(0, len(people), 9)]
    yield "accounting of disclosures", [partial(accounts, patient=one) for one in people]
    yield "accounting of a heavy patient", [partial(accounts, patient=one) for one in heavy]
    yield "who looked at a patient", [finds({"topic": "reads"}, patients=[one]) for one in people[:20]]
    yield "user", [finds({"user": one}) for one in users]
    yield "user of three exchanges in ten", [finds({"user": SERVICE})]
    yield "user of three in ten, denied", [finds({"user": SERVICE, "decision": "denied"})]
    yield "policy digest", [finds({"policy": one[:12]}) for one in POLICIES]
    yield "model digest", [finds({"model": one.split(":")[1]}) for one in MODELS]
    yield "agreement", [finds({"agreement": one}) for one in AGREEMENTS]
    yield "task and client", [finds({"task": "note-triage", "client": "client_" + "0" * 31 + "3"})]
    yield "decision denied", [finds({"decision": "denied"})]
    yield "state", [finds({"state": one}) for one in ("refused", "failed", "cancelled", "answered")]
    yield "orphaned, six years", [finds({"state": "orphaned"})]
    yield "orphaned, thirty days", [finds({"state": "orphaned", "since": "30d"})]
    for topic in ("disclosures", "break-glass", "changes", "reads", "routes"):
        yield f"topic {topic}", [finds({"topic": topic})]


def finds(filters: dict[str, str], *, patients: Sequence[str] = ()) -> Asked:
    """Return what asks for the first page of an answer."""
    return partial(_find, question=ask(filters, now=END, patients=patients))


def accounts(reader: Reader, *, patient: str) -> int:
    """Work a patient's accounting out."""
    return len(account(reader, _six_years(patient, END), KEYS, origin="bench").disclosures)


def print_times(reader: Reader, asked: Iterator[tuple[str, Sequence[Asked]]]) -> None:
    """Ask, and print median, 95th percentile and the longest of each sort."""
    table = Table(title="milliseconds", title_justify="left")
    for name in ("question", "asked", "rows, median", "p50", "p95", "longest"):
        table.add_column(name, justify="left" if name == "question" else "right")
    for name, sort in asked:
        times, counts = [], []
        for one in sort:
            began = time.perf_counter()
            counts.append(one(reader))
            times.append((time.perf_counter() - began) * 1000)
        ninety_fifth = statistics.quantiles(times, n=20)[-1] if len(times) > 1 else times[0]
        figures = (statistics.median(times), min(ninety_fifth, max(times)), max(times))
        table.add_row(name, str(len(times)), f"{statistics.median(counts):.0f}", *(f"{one:.0f}" for one in figures))
    Console(width=110).print(table)


def print_sizes(database: PostgresDatabase, rows: int) -> None:
    """Print what the tables and indexes take of the disk, a record."""
    sizes = database.sql(
        "SELECT relname, relkind, pg_relation_size(oid) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind IN ('r', 'i') AND pg_relation_size(oid) > 100000 ORDER BY 3 DESC"
    )
    for name, kind, size in sizes:
        print(f"{'index' if kind == 'i' else 'table'} {name}: {int(str(size)) / rows:.1f} bytes a record")


def explain(address: Address, asked: Iterator[tuple[str, Sequence[Asked]]]) -> None:
    """Print each statement's plan with its times, through a reader that asks the server for them."""
    with Rows.open(address) as rows:
        for name, sort in asked:
            print(f"\n{name}")
            sort[0](Reader(_Explaining.over(rows)))


class _Explaining(Rows):
    """Rows that print the plan of each statement before they run it."""

    @classmethod
    def over(cls, rows: Rows) -> "_Explaining":
        """Take the connection of other rows."""
        return cls(rows._address, rows._connection)  # noqa: SLF001 - the same class

    @override
    def all(self, statement: Statement) -> Page:
        """Print the plan, and return the rows."""
        dialect = postgresql.psycopg.dialect(paramstyle="pyformat")
        asked = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        plan = self._connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS) {asked}", asked.params).scalars()
        print("\n".join(plan)[:4000], end="\n\n")
        return super().all(statement)


def _find(reader: Reader, *, question: Question) -> int:
    return len(reader.find(question, KEYS).rows)


def _six_years(patient: str, now: datetime) -> Question:
    return accounting_question([patient], now=now)


def _dropped(database: PostgresDatabase) -> list[str]:
    """Drop keys and indexes, and return the statements that make them again."""
    made: list[str] = []
    for table in metadata.tables:
        for name, definition in database.sql("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s", table):
            if database.sql("SELECT 1 FROM pg_constraint WHERE conname = %s AND contype = 'p'", name):
                database.sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
            elif not database.sql("SELECT 1 FROM pg_constraint WHERE conname = %s", name):
                database.sql(f"DROP INDEX {name}")
            else:
                continue
            made.append(str(definition))
    database.sql("DELETE FROM term")
    for (member, value), number in TERMS.items():
        database.sql("INSERT INTO term (id, member, value) VALUES (%s, %s, %s)", number, member, value)
    return made


def _copy(connection: psycopg.Connection, table: str, data: bytes) -> None:
    with connection.cursor().copy(f"COPY {table} FROM STDIN (FORMAT BINARY)") as copy:  # type: ignore[call-overload]
        copy.write(HEADER + data + TRAILER)


KEYS = every_key()

if __name__ == "__main__":
    main()
