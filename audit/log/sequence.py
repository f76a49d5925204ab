"""The log: what becomes durable, in which order, and how it is found again after a crash.

One writer owns a `Log`.  `append` is the only way into the tree; its numbered steps are those of FORMAT.md "Durable
steps", and `recover` is the one function that tells where the tree ends, at start and after every failed write.
A log that does not fit its own checkpoints, or those that a witness remembers, is quarantined: it answers reads and
raises QuarantinedError for everything else, until a person has looked and started the recorder again.
"""

import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from sqlite3 import Connection
from typing import Self

from audit.errors import AppendError, AuditError, FormatError, QuarantinedError, StoreError, VerificationError
from audit.keyring import SigningKey, Trail
from audit.log.clocks import Clocks
from audit.log.head import Head
from audit.log.prover import stored_prover
from audit.log.recover import recover
from audit.log.submission import Submission, epoch
from audit.merkle import Frontier, inclusion_proof, leaf_hash
from audit.record import Leaf, month_of
from audit.store.address import Address, sqlite_address
from audit.store.database import Batch, Database, RecordRow
from audit.store.lock import lock
from audit.terms import column_terms, fact_terms
from audit.witness import FileWitness, Publisher

REMEMBERED_EXCHANGES = 20_000
"""Exchanges whose newest event id is kept in memory; older ones are looked up in the database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where an event became durable; what a receipt promises."""

    sequence: int
    leaf_hash: bytes
    time_ms: int


class Log:
    """An open log.  Every method belongs to the one writer thread."""

    def __init__(
        self,
        trail: Trail,
        *,
        clocks: Clocks,
        publisher: Publisher | None = None,
        database: Address | None = None,
        factory: type[Connection] = Connection,
    ) -> None:
        """Take the trail's folder, its clocks and its witnesses.  `open` returns one that is ready."""
        self._address = database or sqlite_address(trail.database)
        self._clocks = clocks
        self._factory = factory
        self._key: SigningKey = trail.signing_key()
        self.publisher = publisher or _beside(trail, self._key, self._address)
        """The witnesses; a file beside the database if none were given."""
        self._head = Head(self._key, clocks=clocks, publisher=self.publisher)
        self._going_on = trail.beginning()
        self._lock = lock(trail.folder)
        self._database: Database | None = None
        self._frontier = Frontier()
        self._last_time_ms = 0
        self._newest: OrderedDict[str, str] = OrderedDict()
        self.failure = ""
        """Why the last write failed; empty while all is well."""
        self.quarantine = ""
        """Why the log is read-only until a person has looked; empty while it is not."""

    @classmethod
    def open(
        cls,
        trail: Trail,
        *,
        clocks: Clocks,
        publisher: Publisher | None = None,
        database: Address | None = None,
        factory: type[Connection] = Connection,
    ) -> Self:
        """Open a trail and recover it; a new one gets its epoch leaf.

        Raises StoreError if the database cannot be used, another recorder runs or no witness answers, and
        VerificationError or FormatError if it does not fit its own checkpoints or those of a witness.
        """
        log = cls(trail, clocks=clocks, publisher=publisher, database=database, factory=factory)
        try:
            log._recover()
            log._begin()
        except AuditError:
            log.close()
            raise
        return log

    @classmethod
    def open_quarantined(
        cls,
        trail: Trail,
        *,
        clocks: Clocks,
        reason: str,
        publisher: Publisher | None = None,
        database: Address | None = None,
        factory: type[Connection] = Connection,
    ) -> Self:
        """Open a trail that `open` has refused, for reading only.  Raises StoreError if it cannot even be read."""
        log = cls(trail, clocks=clocks, publisher=publisher, database=database, factory=factory)
        log.quarantine = reason
        try:
            log.ensure_readable()
        except AuditError:
            log.close()
            raise
        return log

    @property
    def key(self) -> SigningKey:
        """The key that signs this log's checkpoints and receipts."""
        return self._key

    @property
    def size(self) -> int:
        """How many records are durable."""
        return self._frontier.size

    @property
    def last_time_ms(self) -> int:
        """Time of the newest record."""
        return self._last_time_ms

    def ensure_open(self) -> None:
        """Open and recover the database unless it is open.  Raises QuarantinedError if it must not be written."""
        if not self.quarantine:
            self.quarantine = self.publisher.conflict
        if self._database is None and not self.quarantine:
            try:
                self._recover()
                self._begin()
            except (VerificationError, FormatError) as error:
                self.quarantine = str(error)
        if self.quarantine:
            raise QuarantinedError(self.quarantine)

    def ensure_readable(self) -> None:
        """As `ensure_open`, but a quarantined trail is opened too, to be read as it is."""
        if not self.quarantine:
            self.ensure_open()
        elif self._database is None:
            database = self._connect()
            try:
                self._frontier, self._last_time_ms = Frontier(size=database.size()), database.last_time_ms()
            except AuditError:
                database.close()
                raise
            self._database = database

    def append(self, submissions: Sequence[Submission]) -> list[Placed]:
        """Make a batch durable and return where each event is.  Raises AppendError: none of it may be acted on."""
        # 1. Places, times and leaves, in memory: a crash here leaves nothing.
        self._check_writable()
        database = self._opened()
        frontier, newest = self._frontier, self._newest_of(submissions)
        time_ms, skew_ms = self._time()
        rows: list[RecordRow] = []
        index: list[tuple[bytes, int]] = []
        placed: list[Placed] = []
        for submission in submissions:
            leaf = self._leaf(submission, place=frontier.size, time_ms=time_ms, skew_ms=skew_ms, newest=newest)
            data = leaf.to_bytes()
            frontier, completed = frontier.append(leaf_hash(data))
            rows.append(_row(leaf, submission, data=data, nodes=completed))
            index.extend((value, leaf.sequence) for value in submission.index_values)
            placed.append(Placed(sequence=leaf.sequence, leaf_hash=completed[0], time_ms=time_ms))
        # 2. One transaction: a crash here leaves the whole batch or none of it.
        checkpoint = self._head.sign(frontier, time_ms=time_ms) if self._head.is_due(frontier.size) else None
        stored = self._head.to_store(checkpoint) if checkpoint is not None else None
        self._write(database, Batch(records=rows, index=index, checkpoint=stored))
        self._frontier, self._last_time_ms = frontier, time_ms
        self._remember(newest)
        # 3. The caller acknowledges: a receipt always names a durable record.
        # 4. The witnesses, in threads of their own: the record is durable, and the next checkpoint covers this one.
        if checkpoint is not None:
            self._head.publish(checkpoint, root=frontier.root(), stored=stored is not None)
        return placed

    def keep_signed(self) -> None:
        """Sign the head if records wait unsigned for long enough, or if a heartbeat is due.  Raises AppendError."""
        if self._head.is_idle_due(self._frontier.size):
            self.sign_head()

    def sign_head(self, *, last: bool = False) -> str:
        """Sign a checkpoint over everything that is durable and return its note.  Raises AppendError.

        The witnesses get it; the database keeps it when one is due there, or when it is the first or last of a process.
        """
        self._check_writable()
        database, (time_ms, _) = self._opened(), self._time()
        checkpoint = self._head.sign(self._frontier, time_ms=time_ms)
        stored = self._head.to_store(checkpoint, last=last)
        if stored is not None:
            self._write(database, Batch(checkpoint=stored))
        self._head.publish(checkpoint, root=self._frontier.root(), stored=stored is not None)
        return checkpoint.note

    def checkpoint(self) -> dict[str, object]:
        """Return the newest signed checkpoint, and the newest one that a witness has cosigned."""
        note = self._stored_note() if self.quarantine else self._head.note or self.sign_head()
        cosigned = max(self.publisher.cosigned(), key=size_of, default="")
        return {"note": note, "size": size_of(note), "cosigned_note": cosigned}

    def exchange(self, exchange_id: str) -> list[tuple[Leaf, bytes]]:
        """Return leaf and facts of the records of an exchange, in order."""
        with self._watched():
            return [(Leaf.from_bytes(leaf), facts) for _, _, leaf, facts in self._opened().exchange(exchange_id)]

    def receipt(self, exchange_id: str) -> dict[str, object]:
        """Return the full receipt of an exchange, under a checkpoint signed now (FORMAT.md section 9).

        A quarantined log signs nothing: its receipts are under the database's last checkpoint.
        """
        note = self._stored_note() if self.quarantine else self.sign_head()
        database, size = self._opened(), size_of(note)
        with self._watched():
            records = [
                {
                    "leaf": leaf.decode(),
                    "facts": facts.decode(),
                    "proof": [node.hex() for node in inclusion_proof(sequence, size, database.node)],
                }
                for sequence, _, leaf, facts in database.exchange(exchange_id)
                if sequence < size
            ]
        keys = [key.to_vkey() for key in self._key.verifier_keys()]
        return {"v": 1, "origin": self._key.origin, "checkpoint": note, "keys": keys, "records": records}

    def close(self) -> None:
        """Sign the head if that is possible, close the database and the witnesses, and let another recorder in."""
        if self._database is not None:
            self._sign_last()
            self._shut()
        self.publisher.close()
        os.close(self._lock)

    def _sign_last(self) -> None:
        try:
            self.sign_head(last=True)
        except AppendError:
            return  # The records are durable; the next start signs them.

    def _begin(self) -> None:
        """Give a new tree its epoch leaf, and let the database vouch for all that it holds.

        Without that, a trail that was killed before its first stored checkpoint could not be verified by itself.
        """
        if self._frontier.size == 0:
            self.append([epoch(month=month_of(self._clocks.now_ms()), going_on=self._going_on)])
        if self._head.is_unstored(self._frontier.size):
            self.sign_head(last=True)

    def _recover(self) -> None:
        """Open the database and find where the tree ends, at start and after a failed write alike."""
        database = self._connect()
        try:
            frontier, stored_size = recover(database, self._key.verifier_keys())
            self._last_time_ms = database.last_time_ms()
            # What was read may still be lost with the power: nobody outside hears of it before this has returned.
            database.settle()
            self._head.start(frontier, node=database.node, stored_size=stored_size, time_ms=self._time()[0])
        except AuditError:
            database.close()
            raise
        self._database, self._frontier = database, frontier
        self._newest.clear()

    def _connect(self) -> Database:
        return Database(self._address, factory=self._factory)

    def _stored_note(self) -> str:
        """Return the database's last checkpoint, for a log that must not sign."""
        stored = self._opened().last_checkpoint()
        if stored is None:
            raise QuarantinedError(self.quarantine)
        return stored.note

    def _check_writable(self) -> None:
        if self.quarantine:
            raise QuarantinedError(self.quarantine)

    def _opened(self) -> Database:
        if self._database is None:
            raise AppendError(self.failure or "the trail is closed; start the recorder again")
        return self._database

    def _time(self) -> tuple[int, int]:
        """Return the time to record and how far the clock stands behind the newest record."""
        now = self._clocks.now_ms()
        return max(now, self._last_time_ms), max(0, self._last_time_ms - now)

    def _leaf(self, submission: Submission, *, place: int, time_ms: int, skew_ms: int, newest: dict[str, str]) -> Leaf:
        exchange_id = submission.event.exchange_id
        previous = newest.get(exchange_id, "")
        if exchange_id:
            newest[exchange_id] = submission.event_id
        return submission.leaf(
            origin=self._key.origin, sequence=place, time_ms=time_ms, skew_ms=skew_ms, previous=previous
        )

    def _newest_of(self, submissions: Sequence[Submission]) -> dict[str, str]:
        """Return the newest event id of each exchange of a batch: from memory, all others from the database at once."""
        wanted = {submission.event.exchange_id for submission in submissions} - {""}
        known = {exchange_id: self._newest[exchange_id] for exchange_id in wanted if exchange_id in self._newest}
        if unknown := sorted(wanted - known.keys()):
            with self._watched():
                known.update(self._opened().newest_events(unknown))
        return known

    def _remember(self, newest: dict[str, str]) -> None:
        self._newest.update(newest)
        for exchange_id in newest:
            self._newest.move_to_end(exchange_id)
        while len(self._newest) > REMEMBERED_EXCHANGES:
            self._newest.popitem(last=False)

    def _write(self, database: Database, batch: Batch) -> None:
        with self._watched():
            database.write(batch)
        self.failure = ""

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """After a failed statement forget what memory says, and look at the database anew before the next one.

        A write may have happened or not; a read that fails may mean that the connection is gone.
        """
        try:
            yield
        except StoreError as error:
            self.failure = str(error)
            self._shut()
            raise AppendError(self.failure) from error

    def _shut(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None


def size_of(note: str) -> int:
    """Return the tree size that one of our own notes names."""
    return int(note.split("\n", 2)[1])


def _beside(trail: Trail, key: SigningKey, database: Address) -> Publisher:
    """Return the witness of a trail on its own: a file beside its database."""
    prove = stored_prover(database)
    return Publisher((FileWitness(trail.witness, keys=key.verifier_keys(), prove=prove),))


def _row(leaf: Leaf, submission: Submission, *, data: bytes, nodes: Sequence[bytes]) -> RecordRow:
    event, sealed = submission.event, submission.sealed
    return RecordRow(
        sequence=leaf.sequence,
        time_ms=leaf.time_ms,
        exchange_id=leaf.exchange_id,
        event_id=leaf.event_id,
        terms=column_terms(leaf, event.client),
        fact_terms=fact_terms(leaf.kind, leaf.route, event.facts),
        nodes=b"".join(nodes),
        leaf=data,
        facts=submission.facts,
        wrapped_key=sealed.wrapped_key if sealed else None,
        ciphertext=sealed.ciphertext if sealed else None,
    )
