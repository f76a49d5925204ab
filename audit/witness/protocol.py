"""What every kind of witness can do, and the one check that they share.

Publishing is also the comparison: a witness that already holds a checkpoint takes a newer one only with the proof that
the newer tree contains the older one unchanged.  A witness that disagrees is never argued with: it raises
ConsistencyError, and the recorder stops writing until a person has looked.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from audit.checkpoint import read_checkpoint, verify_consistency
from audit.errors import ConsistencyError
from audit.keyring.signatures import VerifierKey

Prover = Callable[[int, int], tuple[bytes, ...]]
"""Returns the consistency proof from an older to a newer size of the stored tree (RFC 6962 section 2.1.2)."""


class Witness(Protocol):
    """One place outside that remembers checkpoints.  Owned by one thread at a time."""

    name: str
    """What findings, logs and health call it; unique in a trail."""

    kind: str
    """As in the settings: ``file``, ``syslog``, ``tlog-witness``."""

    cosigned: str
    """The newest checkpoint with this witness's own signatures on it; empty for those that do not sign."""

    def confirm(self, note: str) -> None:
        """Reach the witness, and check that the tree of this signed note contains whatever it remembers.

        Raises WitnessError if it cannot be reached, and VerificationError if it remembers another tree.
        """
        ...

    def publish(self, note: str, *, time_ms: int) -> None:
        """Hand over a signed checkpoint; durable or accepted on return.  Raises as `confirm` does."""
        ...

    def close(self) -> None:
        """Give back connections; the witness may be used again and then connects anew."""
        ...


def check_extends(*, older: str, newer: str, keys: Sequence[VerifierKey], prove: Prover, where: str) -> None:
    """Check that the tree of a newer note contains that of an older one.  Raises VerificationError naming `where`."""
    before, after = read_checkpoint(older, keys), read_checkpoint(newer, keys)
    check_not_ahead(before.size, after.size, where=where)
    try:
        verify_consistency(prove(before.size, after.size), before, after)
    except ConsistencyError as error:
        raise forked(before.size, where=where) from error


def check_not_ahead(seen: int, size: int, *, where: str) -> None:
    """Raise ConsistencyError if a witness has seen more records than there are."""
    if seen > size:
        raise ConsistencyError(
            f"{where} has seen {seen} records and the database has signed {size}; an old copy was restored or the tail"
            " was cut: put the newest database back, and run 'audit verify'"
        )


def forked(size: int, *, where: str) -> ConsistencyError:
    """Return the error for a witness that remembers another tree."""
    return ConsistencyError(
        f"{where} remembers another tree of {size} records than the database holds; records were changed, or a second"
        " recorder writes under this origin: run 'audit verify'"
    )
