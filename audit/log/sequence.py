"""The log: what becomes durable, in which order, and how it is found again after a crash.

One writer owns a `Log`.  `append` is the only way into the tree; its numbered steps are those of FORMAT.md "Durable
steps", and `recover` is the one function that tells where the tree ends, at start and after every failed write.
A log that does not fit its checkpoints is quarantined: it raises VerificationError and never appends.
"""

import fcntl
import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection
from typing import Self

from audit.checkpoint import sign_checkpoint
from audit.errors import AppendError, AuditError, StoreError
from audit.keyring import SigningKey, Trail
from audit.log.recover import recover
from audit.log.submission import Submission, epoch
from audit.merkle import Frontier, inclusion_proof, leaf_hash
from audit.record import Leaf, month_of
from audit.store.database import Batch, Database, RecordRow
from audit.store.stored import StoredCheckpoint
from audit.store.witness import Witness

CHECKPOINT_RECORDS = 256
"""A checkpoint is signed at the latest after this many records: bounds what a forger could still change unseen."""

CHECKPOINT_S = 1.0
"""And at the latest this long after a record."""

HEARTBEAT_S = 60.0
"""An idle log signs its head anew this often, so that a witness sees that it lives."""

REMEMBERED_EXCHANGES = 20_000
"""Exchanges whose newest event id is kept in memory; older ones are looked up in the database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """The two clocks that a log reads."""

    now_ms: Callable[[], int]
    """Wall time, milliseconds since 1970 UTC."""

    monotonic_s: Callable[[], float]
    """Seconds that never go back."""


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
        witness: Path | None = None,
        factory: type[Connection] = Connection,
    ) -> None:
        """Take the trail's folder and its clocks.  `open` returns one that is ready."""
        self._trail = trail
        self._clocks = clocks
        self._factory = factory
        self._witness = Witness(witness or trail.witness)
        self._key: SigningKey = trail.signing_key()
        self._lock = _lock(trail.folder / "recorder.lock")
        self._database: Database | None = None
        self._frontier = Frontier()
        self._last_time_ms = 0
        self._signed_size = 0
        self._signed_at_s = 0.0
        self._newest: OrderedDict[str, str] = OrderedDict()
        self.failure = ""
        """Why the last write failed; empty while all is well."""
        self.witness_failure = ""
        """Why the last checkpoint did not reach the witness; empty while all is well."""

    @classmethod
    def open(
        cls,
        trail: Trail,
        *,
        clocks: Clocks,
        witness: Path | None = None,
        factory: type[Connection] = Connection,
    ) -> Self:
        """Open a trail and recover it; a new one gets its epoch leaf.

        Raises StoreError if the database cannot be used or another recorder runs, and VerificationError if it does not
        fit its own or the witness's checkpoints.
        """
        log = cls(trail, clocks=clocks, witness=witness, factory=factory)
        try:
            log.ensure_open()
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
        """Open and recover the database unless it is open; a new tree gets its epoch leaf."""
        if self._database is not None:
            return
        self._recover()
        if self._frontier.size == 0:
            self.append([epoch(month=month_of(self._clocks.now_ms()))])

    def append(self, submissions: Sequence[Submission]) -> list[Placed]:
        """Make a batch durable and return where each event is.  Raises AppendError: none of it may be acted on."""
        # 1. Places, times and leaves, in memory: a crash here leaves nothing.
        database = self._opened()
        frontier, newest = self._frontier, dict[str, str]()
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
        checkpoint = self._checkpoint(frontier) if self._is_due(frontier.size) else None
        self._write(database, Batch(records=rows, index=index, checkpoint=checkpoint))
        self._frontier, self._last_time_ms = frontier, time_ms
        self._remember(newest)
        # 3. The caller acknowledges: a receipt always names a durable record.
        # 4. The witness: a failure is not fatal, because the record is durable and the next checkpoint covers it.
        self._publish(checkpoint)
        return placed

    def keep_signed(self) -> None:
        """Sign the head if records wait unsigned for long enough, or if a heartbeat is due.  Raises AppendError."""
        unsigned = self._frontier.size > self._signed_size
        if self._clocks.monotonic_s() - self._signed_at_s >= (CHECKPOINT_S if unsigned else HEARTBEAT_S):
            self.sign_head()

    def sign_head(self) -> str:
        """Sign a checkpoint over everything that is durable and return its note.  Raises AppendError."""
        checkpoint = self._checkpoint(self._frontier)
        self._write(self._opened(), Batch(checkpoint=checkpoint))
        self._publish(checkpoint)
        return checkpoint.note

    def exchange(self, exchange_id: str) -> list[tuple[Leaf, bytes]]:
        """Return leaf and facts of the records of an exchange, in order."""
        return [(Leaf.from_bytes(leaf), facts) for _, _, leaf, facts in self._opened().exchange(exchange_id)]

    def receipt(self, exchange_id: str) -> dict[str, object]:
        """Return the full receipt of an exchange, under a checkpoint signed now (FORMAT.md section 9)."""
        database, size = self._opened(), self._frontier.size
        records = [
            {
                "leaf": leaf.decode(),
                "facts": facts.decode(),
                "proof": [node.hex() for node in inclusion_proof(sequence, size, database.node)],
            }
            for sequence, _, leaf, facts in database.exchange(exchange_id)
        ]
        keys = [key.to_vkey() for key in self._key.verifier_keys()]
        return {"v": 1, "origin": self._key.origin, "checkpoint": self.sign_head(), "keys": keys, "records": records}

    def close(self) -> None:
        """Sign the head if that is possible, close the database, and let another recorder in."""
        if self._database is not None:
            if self._frontier.size > self._signed_size:
                self._sign_last()
            self._shut()
        os.close(self._lock)

    def _sign_last(self) -> None:
        try:
            self.sign_head()
        except AppendError:
            return  # The records are durable; the next start signs them.

    def _recover(self) -> None:
        """Open the database and find where the tree ends, at start and after a failed write alike."""
        database = Database(self._trail.database, factory=self._factory)
        try:
            frontier, signed_size = recover(database, self._witness, self._key.verifier_keys())
            self._last_time_ms = database.last_time_ms()
        except AuditError:
            database.close()
            raise
        self._database, self._frontier = database, frontier
        # What no checkpoint signs yet is signed within a second from now.
        self._signed_size, self._signed_at_s = signed_size, self._clocks.monotonic_s()
        self._newest.clear()

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
        previous = self._previous(exchange_id, newest) if exchange_id else ""
        if exchange_id:
            newest[exchange_id] = submission.event_id
        return submission.leaf(
            origin=self._key.origin, sequence=place, time_ms=time_ms, skew_ms=skew_ms, previous=previous
        )

    def _previous(self, exchange_id: str, newest: dict[str, str]) -> str:
        """Return the exchange's newest event id: from this batch, from memory, or from the database."""
        known = newest.get(exchange_id) or self._newest.get(exchange_id)
        return known or self._opened().previous_event(exchange_id)

    def _remember(self, newest: dict[str, str]) -> None:
        self._newest.update(newest)
        for exchange_id in newest:
            self._newest.move_to_end(exchange_id)
        while len(self._newest) > REMEMBERED_EXCHANGES:
            self._newest.popitem(last=False)

    def _is_due(self, size: int) -> bool:
        waited_s = self._clocks.monotonic_s() - self._signed_at_s
        return size - self._signed_size >= CHECKPOINT_RECORDS or waited_s >= CHECKPOINT_S

    def _checkpoint(self, frontier: Frontier) -> StoredCheckpoint:
        time_ms, _ = self._time()
        note = sign_checkpoint(self._key, size=frontier.size, root=frontier.root(), time_s=time_ms // 1000)
        return StoredCheckpoint(size=frontier.size, time_ms=time_ms, note=note)

    def _write(self, database: Database, batch: Batch) -> None:
        try:
            database.write(batch)
        except StoreError as error:
            # It may have happened or not: forget what memory says, and look before the next write.
            self.failure = str(error)
            self._shut()
            raise AppendError(self.failure) from error
        self.failure = ""
        if batch.checkpoint is not None:
            self._signed_size, self._signed_at_s = batch.checkpoint.size, self._clocks.monotonic_s()

    def _publish(self, checkpoint: StoredCheckpoint | None) -> None:
        if checkpoint is None:
            return
        try:
            self._witness.append(checkpoint.note, time_ms=checkpoint.time_ms)
        except StoreError as error:
            self.witness_failure = str(error)
        else:
            self.witness_failure = ""

    def _shut(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None


def _row(leaf: Leaf, submission: Submission, *, data: bytes, nodes: Sequence[bytes]) -> RecordRow:
    sealed = submission.sealed
    return (
        leaf.sequence,
        leaf.time_ms,
        leaf.exchange_id or None,
        leaf.task or None,
        leaf.event_id,
        b"".join(nodes),
        data,
        submission.facts,
        sealed.wrapped_key if sealed else None,
        sealed.ciphertext if sealed else None,
    )


def _lock(path: Path) -> int:
    """Return a locked file that keeps other recorders out until it is closed.  Raises StoreError if one is in."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"{path} cannot be opened; check the folder's owner") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise StoreError(f"another recorder already writes this trail ({path} is locked); stop it first") from error
    return descriptor
