"""Find where a tree ends and check that it fits what was signed: the same at start and after a failed write.

Reads only.  It does not trust the database, but the signed checkpoint that it finds there; a tree that contradicts it
is quarantined by raising ConsistencyError (FORMAT.md "At start, and after a failed transaction").  What witnesses
remember is compared afterwards, by `audit.log.head`.
"""

from collections.abc import Sequence

from audit.checkpoint import read_checkpoint
from audit.errors import ConsistencyError
from audit.keyring.signatures import VerifierKey
from audit.merkle import Frontier, leaf_hash
from audit.record import Leaf
from audit.store.database import Database


def recover(database: Database, keys: Sequence[VerifierKey]) -> tuple[Frontier, int]:
    """Return the frontier of the stored tree, and how many of its records the database's last checkpoint signs.

    Raises StoreError if the database cannot be read, CheckpointError if a checkpoint is not of these keys, and
    ConsistencyError if the tree is not the one that was signed.
    """
    frontier = Frontier.read(database.size(), database.node)
    return frontier, _check_database(database, frontier, keys)


def _check_database(database: Database, frontier: Frontier, keys: Sequence[VerifierKey]) -> int:
    """Check the last checkpoint's root, recompute the tree after it from the leaves, and return its size."""
    stored, signed = database.last_checkpoint(), 0
    if stored is not None:
        signed = _check_root(
            database, stored.note, keys=keys, size=frontier.size, where="the database's last checkpoint"
        )
    grown = Frontier.read(signed, database.node)
    for place, data in enumerate(database.leaves(start=signed), start=signed):
        leaf = Leaf.from_bytes(data)
        if (leaf.sequence, leaf.origin) != (place, keys[0].name):
            raise ConsistencyError(f"quarantined: record {place} is not of this place or log; run 'audit verify'")
        grown, _ = grown.append(leaf_hash(data))
    if grown != frontier:
        raise ConsistencyError("quarantined: the newest records and the tree do not fit; run 'audit verify'")
    return signed


def _check_root(database: Database, note: str, *, keys: Sequence[VerifierKey], size: int, where: str) -> int:
    """Check that the stored tree contains the one that a note signs, and return that one's size."""
    statement = read_checkpoint(note, keys)
    if statement.size > size:
        raise ConsistencyError(
            f"quarantined: {where} has seen {statement.size} records and the database holds {size}; an old copy was"
            " restored or the tail was cut: put the newest database back, and run 'audit verify'"
        )
    if Frontier.read(statement.size, database.node).root() != statement.root:
        raise ConsistencyError(
            f"quarantined: {where} signs another tree of {statement.size} records than the database holds;"
            " records were changed: run 'audit verify'"
        )
    return statement.size
