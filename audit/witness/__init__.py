"""Witnesses: places outside the database that remember signed checkpoints, so that a rolled back trail is found out.

A witness is believed for one thing only: that it has seen a checkpoint which the log's own keys have signed.  It can
neither add a record nor stop one: publishing runs apart from commits (`publisher`), and only the start of a recorder
needs one of them to answer.  No witness ever sees a record, a body or a person.
"""

from audit.witness.file import FileWitness, is_witness, read_newest, read_witness, series
from audit.witness.opening import open_witnesses
from audit.witness.protocol import Prover, Witness
from audit.witness.publisher import Publisher, WitnessState

__all__ = [
    "FileWitness",
    "Prover",
    "Publisher",
    "Witness",
    "WitnessState",
    "is_witness",
    "open_witnesses",
    "read_newest",
    "read_witness",
    "series",
]
