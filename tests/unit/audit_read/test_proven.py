"""The proof of an act is made of what a recorder says is durable and signed, and of nothing else."""

from pathlib import Path

import pytest

from audit.checkpoint import sign_checkpoint
from audit.cli.proven import record_and_prove
from audit.errors import AppendError
from audit.merkle import EMPTY_ROOT
from audit.places import find_places, verifier_keys_in
from audit.record import Event, Kind
from tests.support.recorder_stand_in import recorder_that_answers
from tests.support.trails import new_trail


def test_a_checkpoint_without_the_record_proves_nothing(tmp_path: Path) -> None:
    trail = new_trail(tmp_path)
    note = sign_checkpoint(trail.signing_key(), size=0, root=EMPTY_ROOT, time_s=1_795_000_000)
    receipt = {"origin": trail.origin(), "sequence": 4, "leaf_hash": "00" * 32, "compact": "audit1.x.y"}
    answers = {"append": {"result": [receipt]}, "receipt": {"result": {"checkpoint": note}}}

    with (
        recorder_that_answers(tmp_path, answers),
        pytest.raises(AppendError, match="signed no checkpoint over the record"),
    ):
        record_and_prove(find_places(tmp_path), Event(kind=Kind.OPERATION, code="register_approved"))


def test_whoever_checks_receipts_gets_the_trails_public_keys(tmp_path: Path) -> None:
    trail = new_trail(tmp_path)

    assert verifier_keys_in(tmp_path / "audit") == trail.verifier_keys()
