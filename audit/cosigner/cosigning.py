"""Decide one submission: the numbered checks of c2sp.org/tlog-witness, in the order of the specification.

What is decided, what is remembered and what is signed happen in one turn of the ledger; the answer leaves only after
it.  The log's signature is checked before the turn, so that nobody without a log's keys can keep a turn open.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from audit.checkpoint import Checkpoint, read_checkpoint, verify_consistency
from audit.cosigner.keys import Logs
from audit.cosigner.ledger import Cosigned, Ledger
from audit.errors import CheckpointError, ConsistencyError, FormatError
from audit.keyring.signatures import VerifierKey
from audit.witness.cosignature import Cosigner, lines_of
from audit.witness.tlog_wire import Submission, origin_of, read_submission


class Outcome(Enum):
    """What became of a submission."""

    COSIGNED = auto()
    MALFORMED = auto()
    UNKNOWN_LOG = auto()
    UNTRUSTED = auto()
    """No signature of the log's keys holds."""

    STALE = auto()
    """The old size is not that of the newest cosigned checkpoint."""

    FORKED = auto()
    """Another tree of the size that was cosigned last."""

    INCONSISTENT = auto()
    """The proof does not lead from the newest cosigned checkpoint to this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to one submission."""

    outcome: Outcome
    origin: str = ""
    """Of a log that is watched; empty otherwise, because then nobody vouches for the text."""

    size: int = 0
    """Size of the newest cosigned checkpoint, where that is the answer."""

    lines: str = ""
    """Signature lines, when it was cosigned."""


class Cosigning:
    """The witness.  Every method may be called from any thread."""

    def __init__(self, cosigner: Cosigner, *, logs: Logs, ledger: Ledger, now_s: Callable[[], int]) -> None:
        """Take the keys that sign, the logs that are watched, what is remembered, and the clock."""
        self._cosigner = cosigner
        self._logs = logs
        self._ledger = ledger
        self._now_s = now_s

    def answer(self, body: bytes) -> Answer:
        """Answer one request.  Raises StoreError if it could not be remembered, and then nothing was cosigned."""
        # 1. The request has the form of a submission.
        try:
            submission = read_submission(body)
        except FormatError:
            return Answer(outcome=Outcome.MALFORMED)
        # 2. The log is watched.
        origin = origin_of(submission.note)
        keys = self._logs.keys_of(origin)
        if not keys:
            return Answer(outcome=Outcome.UNKNOWN_LOG)
        # 3. The log's own keys have signed the checkpoint.
        try:
            checkpoint = read_checkpoint(submission.note, keys)
        except CheckpointError:
            return Answer(outcome=Outcome.UNTRUSTED, origin=origin)
        # 4. The old size is not above the checkpoint's.
        if submission.old_size > checkpoint.size:
            return Answer(outcome=Outcome.MALFORMED, origin=origin)
        return self._take_turn(submission, checkpoint, keys)

    def heads(self) -> list[Cosigned]:
        """Return the newest cosigned checkpoint of every log."""
        return self._ledger.heads()

    def _take_turn(self, submission: Submission, checkpoint: Checkpoint, keys: tuple[VerifierKey, ...]) -> Answer:
        with self._ledger.turn(checkpoint.origin) as turn:
            known = turn.known
            size = known.size if known is not None else 0
            # 5. The old size is that of the newest checkpoint that was cosigned.
            if submission.old_size != size:
                return Answer(outcome=Outcome.STALE, origin=checkpoint.origin, size=size)
            # 6. The new tree contains the old one unchanged.
            refused = _compare(submission, checkpoint, known=known, keys=keys)
            if refused is not None:
                return Answer(outcome=refused, origin=checkpoint.origin, size=size)
            # 7. Remembered and signed together; the answer leaves after the commit.
            time_s = max(self._now_s(), known.time_s if known is not None else 1)
            lines = self._cosigner.sign(checkpoint, time_s=time_s)
            note = checkpoint.text() + "\n" + lines_of(submission.note, ((key.name, key.key_id()) for key in keys))
            turn.remember(Cosigned(origin=checkpoint.origin, size=checkpoint.size, time_s=time_s, note=note + lines))
        return Answer(outcome=Outcome.COSIGNED, origin=checkpoint.origin, size=checkpoint.size, lines=lines)


def _compare(
    submission: Submission, checkpoint: Checkpoint, *, known: Cosigned | None, keys: tuple[VerifierKey, ...]
) -> Outcome | None:
    """Return why a checkpoint does not extend what was cosigned last; None if it does."""
    if known is None:
        return Outcome.INCONSISTENT if submission.proof else None
    try:
        older = read_checkpoint(known.note, keys)
    except CheckpointError:
        return Outcome.UNTRUSTED  # The log's keys were changed here; an operator must look before it goes on.
    if older.size == checkpoint.size and older.root != checkpoint.root:
        return Outcome.FORKED
    try:
        verify_consistency(submission.proof, older, checkpoint)
    except ConsistencyError:
        return Outcome.INCONSISTENT
    return None
