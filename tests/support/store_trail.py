"""A real trail on either store, and a thief who may write to every table of it, triggers or not.

    trail = StoreTrail.build(home, settings="", owner=sqlite_address(...), exchanges=8)
    with trail.thief() as run:
        run(record.update().where(record.c.sequence == 9).values(time=0))
    trail.verify().report

The owner of a PostgreSQL database can switch triggers off; so does the thief here.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, Table, insert, select

from audit.cli.outside import Outside
from audit.cli.report import Verified
from audit.cli.verify_trail import live_target, verify_target
from audit.compact import pack, unpack
from audit.envelope import open_sealed
from audit.keyring import MonthSecrets, initialise, open_custodian
from audit.log import Clocks, Log, MonthKeys, stored_prover, submit
from audit.places import Places, find_places
from audit.record import Leaf, month_of
from audit.store.address import Address
from audit.store.connect import connect_owner
from audit.store.schema import blind_index, checkpoint, record, term, term_block
from audit.witness import Publisher, open_witnesses
from tests.support.trail_builder import ORIGIN, START, TurnableClock, exchange_events

TABLES = (record, term, term_block, blind_index, checkpoint)

Run = Callable[..., Any]
"""Runs one statement behind everyone's back, for each of a list of rows where there is one."""

Contents = dict[str, list[Row[Any]]]
"""All rows by table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreTrail:
    """A trail in its home, and who owns its database."""

    home: Path
    owner: Address
    """Address of a role that may change everything."""

    @property
    def places(self) -> Places:
        """Where its parts are."""
        return find_places(self.home)

    @classmethod
    def build(cls, home: Path, *, settings: str, owner: Address, exchanges: int) -> "StoreTrail":
        """Make keys and records, as the recorder does; `settings` becomes its trail.yaml."""
        home.mkdir(parents=True, exist_ok=True)
        if settings:
            (home / "trail.yaml").write_text(settings)
        initialise(home / "audit", home / "custodian", origin=ORIGIN, now=START)
        made = cls(home=home, owner=owner)
        made.grow(exchanges)
        return made

    def grow(self, exchanges: int, *, clock: TurnableClock | None = None) -> None:
        """Append whole exchanges, four records each, with a stored checkpoint after each."""
        clock = clock or TurnableClock()
        trail = self.places.trail
        month = month_of(clock.now_ms)
        keys = MonthKeys(month=month, public=trail.public_month(month).load(), index=trail.index_key(month))
        with closing(self._opened(clock)) as log:
            for _ in range(exchanges):
                for batch in exchange_events(f"ex_{log.size:032x}"):
                    log.append([submit(event, origin=ORIGIN, keys=keys) for event in batch])
                    clock.move(1)
                clock.move(3600)
                log.sign_head()
                assert log.publisher.flush(20)

    def _opened(self, clock: TurnableClock) -> Log:
        places = self.places
        keys = places.trail.signing_key().verifier_keys()
        witnesses = open_witnesses(
            places.settings, default=places.witness, keys=keys, prove=stored_prover(places.database)
        )
        clocks = Clocks(now_ms=lambda: clock.now_ms, monotonic_s=lambda: clock.monotonic_s)
        return Log.open(places.trail, clocks=clocks, publisher=Publisher(witnesses), database=places.database)

    @contextmanager
    def thief(self) -> Iterator[Run]:
        """Yield what changes the database, without triggers; all of it is committed at the end."""
        with closing(connect_owner(self.owner)) as connection:
            if not self.owner.is_sqlite:
                connection.exec_driver_sql("SET session_replication_role = replica")
            connection.exec_driver_sql("BEGIN")
            yield connection.execute
            connection.exec_driver_sql("COMMIT")

    def contents(self) -> Contents:
        """Return every row of every table."""
        with closing(connect_owner(self.owner)) as connection:
            return {table.name: _rows(connection, table) for table in TABLES}

    def put_back(self, contents: Contents) -> None:
        """Make the tables hold these rows and no others."""
        with self.thief() as run:
            for table in TABLES:
                run(table.delete())
                rows = [dict(row._mapping) for row in contents[table.name]]  # noqa: SLF001 -- a row's public mapping
                if rows:
                    run(insert(table), rows)

    def edit(self, place: int, change: Callable[[str], str]) -> None:
        """Change the text of a leaf, packed anew, and nothing else."""
        with self.thief() as run:
            leaf = unpack(run(select(record.c.leaf).where(record.c.sequence == place)).scalar())
            changed = pack(change(leaf.decode()).encode())
            run(record.update().where(record.c.sequence == place).values(leaf=changed))

    def verify(self, *, public_key: str = "", receipts: tuple[str, ...] = (), with_keys: bool = False) -> Verified:
        """Verify it as `audit verify` does."""
        outside = Outside(checkpoints=(), receipts=receipts)
        check = self._check_body if with_keys else None
        return verify_target(live_target(self.places), public_key=public_key, outside=outside, body_check=check)

    def _check_body(self, leaf: Leaf, wrapped_key: bytes, ciphertext: bytes) -> None:
        keys = _secrets(self.home, leaf.month)
        open_sealed(leaf, wrapped_key=wrapped_key, ciphertext=ciphertext, keys=keys)


@functools.cache
def _secrets(home: Path, month: str) -> MonthSecrets:
    """Return a month's secrets, unwrapped once a home: the passphrase's derivation is slow on purpose."""
    return open_custodian(home / "custodian").secrets(month)


def _rows(connection: Connection, table: Table) -> list[Row[Any]]:
    return list(connection.execute(select(table)))


def failed_steps(verified: Verified) -> Mapping[int, str]:
    """Return the numbers of the steps that found something, with their verdicts."""
    return {step.number: step.verdict.value for step in verified.report.steps if step.verdict.value != "verified"}
