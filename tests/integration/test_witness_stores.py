"""A witness is compared with the trail on either store, by proofs from the stored tree."""

from pathlib import Path

import pytest

from audit.errors import ConsistencyError
from audit.log import Log, stored_prover
from audit.store.address import Address
from audit.witness import FileWitness, Publisher, read_witness
from tests.support.trails import TurnedClock, Writer, example_event, month_keys, new_trail
from tests.support.witnesses import SignedLog


def test_a_trail_that_has_grown_satisfies_its_witness_and_a_larger_one_is_quarantined(
    tmp_path: Path, store: Address
) -> None:
    trail, clock = new_trail(tmp_path / "home"), TurnedClock()
    path = tmp_path / "checkpoints.log"
    keys = trail.signing_key().verifier_keys()

    def sitting() -> None:
        witness = FileWitness(path, keys=keys, prove=stored_prover(store))
        log = Log.open(trail, clocks=clock.clocks(), database=store, publisher=Publisher([witness]))
        Writer(log=log, keys=month_keys(trail)).add(*[example_event(body=None)] * 3)
        log.close()

    for _ in range(3):
        sitting()
    assert len([note for note in read_witness(path) if note]) >= 3

    ahead = SignedLog([bytes([place]) for place in range(50)])
    ahead.key = trail.signing_key()
    writer = FileWitness(tmp_path / "other.log", keys=keys, prove=ahead.prove)
    writer.publish(ahead.note(50), time_ms=1)
    path.write_bytes((tmp_path / "other.log").read_bytes())

    with pytest.raises(ConsistencyError, match="has seen 50 records and the database has signed 10"):
        sitting()

    path.unlink()
    (tmp_path / "other.log").unlink()
    writer = FileWitness(tmp_path / "other.log", keys=keys, prove=ahead.prove)
    writer.publish(ahead.note(7), time_ms=1)
    path.write_bytes((tmp_path / "other.log").read_bytes())
    with pytest.raises(ConsistencyError, match="remembers another tree of 7 records"):
        sitting()
