"""The head of the tree: when it is signed, and where each checkpoint goes.

Witnesses get every checkpoint: a second after a record, at 256 records, and a heartbeat a minute when idle.  The
database keeps fewer, because a row of it is for good: at a start, at 256 records, an hour after the one before, and
at a clean stop.  A checkpoint MUST be over durable records only: it is handed to the witnesses after the commit, never
before.
"""

from audit.checkpoint import sign_checkpoint
from audit.errors import ConsistencyError
from audit.keyring import SigningKey
from audit.log.clocks import Clocks
from audit.merkle import Frontier, NodeReader
from audit.store.stored import StoredCheckpoint
from audit.witness import Publisher

CHECKPOINT_RECORDS = 256
"""A checkpoint is signed at the latest after this many records: bounds what a forger could still change unseen."""

CHECKPOINT_S = 1.0
"""And at the latest this long after a record."""

HEARTBEAT_S = 60.0
"""An idle log signs its head anew this often, so that a witness sees that it lives."""

STORE_RECORDS = 256
"""The database keeps a checkpoint at the latest after this many records."""

STORE_S = 3600.0
"""And at the latest this long after the one before.  A row is 3.5 KB: where one request comes each minute, one a minute
would be 700 bytes a record, half of what a record may take; one an hour is 12."""


class Head:
    """What was signed last.  Owned by the writer thread."""

    def __init__(self, key: SigningKey, *, clocks: Clocks, publisher: Publisher) -> None:
        """Take the key that signs and the witnesses."""
        self._key = key
        self._clocks = clocks
        self._publisher = publisher
        self._confirmed = False
        self._signed: StoredCheckpoint | None = None
        self._signed_root = b""
        self._signed_size, self._signed_at_s = 0, 0.0
        self._stored_size, self._stored_at_s = 0, 0.0

    @property
    def note(self) -> str:
        """The newest checkpoint that this process has signed; empty before the first."""
        return self._signed.note if self._signed is not None else ""

    def start(self, frontier: Frontier, *, node: NodeReader, stored_size: int, time_ms: int) -> None:
        """Compare a recovered tree with the witnesses, and after a failed write with what was signed before it.

        Raises VerificationError if a witness remembers another tree, and StoreError if at the start none answers.
        """
        if self._signed is not None and (
            self._signed.size > frontier.size or Frontier.read(self._signed.size, node).root() != self._signed_root
        ):
            raise ConsistencyError(
                f"the database holds another tree than the {self._signed.size} records that were signed before the"
                " write failed; put the newest database back, and run 'audit verify'"
            )
        now_s = self._clocks.monotonic_s()
        self._stored_size, self._stored_at_s = stored_size, now_s
        if not self._confirmed:
            self._signed_size, self._signed_at_s = 0, now_s
            self._confirm(frontier, time_ms=time_ms)

    def is_due(self, size: int) -> bool:
        """Say whether records that are about to be written take a checkpoint with them."""
        return size - self._signed_size >= CHECKPOINT_RECORDS or self._waited_s() >= CHECKPOINT_S

    def is_idle_due(self, size: int) -> bool:
        """Say whether unsigned records have waited for long enough, or whether a heartbeat is due."""
        return self._waited_s() >= (CHECKPOINT_S if size > self._signed_size else HEARTBEAT_S)

    def sign(self, frontier: Frontier, *, time_ms: int) -> StoredCheckpoint:
        """Return a checkpoint over a tree that is durable, or is about to be in the same transaction."""
        note = sign_checkpoint(self._key, size=frontier.size, root=frontier.root(), time_s=time_ms // 1000)
        return StoredCheckpoint(size=frontier.size, time_ms=time_ms, note=note)

    def is_unstored(self, size: int) -> bool:
        """Say whether there are records that no checkpoint of the database vouches for."""
        return size > self._stored_size

    def to_store(self, checkpoint: StoredCheckpoint, *, last: bool = False) -> StoredCheckpoint | None:
        """Return the checkpoint if the database is to keep it; `last` when the recorder starts or stops."""
        grown = checkpoint.size - self._stored_size
        waited_s = self._clocks.monotonic_s() - self._stored_at_s
        is_wanted = grown > 0 and (last or grown >= STORE_RECORDS or waited_s >= STORE_S)
        return checkpoint if is_wanted else None

    def publish(self, checkpoint: StoredCheckpoint, *, root: bytes, stored: bool) -> None:
        """Take note of a checkpoint whose records are durable, and hand it to the witnesses."""
        now_s = self._clocks.monotonic_s()
        self._signed, self._signed_root = checkpoint, root
        self._signed_size, self._signed_at_s = checkpoint.size, now_s
        if stored:
            self._stored_size, self._stored_at_s = checkpoint.size, now_s
        self._publisher.offer(checkpoint.note, size=checkpoint.size, time_ms=checkpoint.time_ms)

    def _confirm(self, frontier: Frontier, *, time_ms: int) -> None:
        checkpoint = self.sign(frontier, time_ms=time_ms)
        self._publisher.confirm(checkpoint.note)
        self._confirmed = True
        if frontier.size:
            self.publish(checkpoint, root=frontier.root(), stored=False)

    def _waited_s(self) -> float:
        return self._clocks.monotonic_s() - self._signed_at_s
