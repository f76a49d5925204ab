"""Whatever is submitted, in whatever order: one root a size, and never a smaller tree (c2sp.org/tlog-witness)."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from audit.checkpoint import read_checkpoint
from audit.cosigner.cosigning import Cosigning, Outcome
from audit.cosigner.keys import Logs, make_cosigner
from audit.cosigner.ledger import Ledger
from audit.errors import ConsistencyError
from audit.witness.cosignature import valid_lines
from audit.witness.tlog_wire import Submission, write_submission
from tests.support.witnesses import SignedLog

SIZE = 12
COMMON = [bytes([place]) for place in range(4)]
BRANCHES = [SignedLog([*COMMON, *(name + bytes([place]) for place in range(SIZE))]) for name in (b"a", b"b", b"c")]
TOP = len(COMMON) + SIZE

submissions = st.lists(
    st.tuples(
        st.integers(0, len(BRANCHES) - 1),
        st.integers(0, TOP) | st.just(-1),
        st.integers(0, TOP),
        st.integers(0, len(BRANCHES) - 1),
    ),
    min_size=1,
    max_size=30,
)
"""Branch, old size (-1: the one that the witness would name), new size, and the branch that the proof is taken from."""


@settings(max_examples=150, deadline=None)
@given(submissions)
def test_a_cosigner_never_signs_two_trees_of_one_size_nor_a_smaller_one(
    attempts: list[tuple[int, int, int, int]],
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cosigner = make_cosigner(folder, name="witness.example")
        ledger = Ledger(folder / "cosigner.db")
        (folder / "logs").mkdir()
        BRANCHES[0].write_keys(folder / "logs" / "a1.keys")
        witness = Cosigning(cosigner, logs=Logs(folder / "logs"), ledger=ledger, now_s=lambda: 1_795_417_200)
        newest, roots = 0, dict[int, bytes]()
        for branch, old, size, proven_by in attempts:
            log = BRANCHES[branch]
            body = _submission(log, newest if old < 0 else old, size, prover=BRANCHES[proven_by])
            answer = witness.answer(body)
            if answer.outcome is not Outcome.COSIGNED:
                assert answer.lines == ""
                continue
            statement = read_checkpoint(log.note(size), log.keys)
            assert valid_lines(answer.lines, statement=statement, keys=cosigner.public_keys())
            assert size >= newest
            assert roots.setdefault(size, statement.root) == statement.root
            assert all(root == log.root(seen) for seen, root in roots.items()), "a signed tree was left"
            newest = size
        ledger.close()


def _submission(log: SignedLog, old: int, size: int, *, prover: SignedLog) -> bytes:
    try:
        proof = prover.prove(old, size)
    except ConsistencyError:
        proof = ()
    return write_submission(Submission(old_size=old, proof=proof, note=log.note(size)))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 3))
def test_garbage_is_answered_and_never_cosigned(garbage: bytes, place: int) -> None:
    body = bytearray(write_submission(Submission(old_size=0, proof=(), note=BRANCHES[0].note(3))))
    cut = len(body) * place // 4
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "logs").mkdir()
        BRANCHES[0].write_keys(folder / "logs" / "a1.keys")
        ledger = Ledger(folder / "cosigner.db")
        witness = Cosigning(
            make_cosigner(folder, name="w.example"), logs=Logs(folder / "logs"), ledger=ledger, now_s=lambda: 1
        )

        answer = witness.answer(bytes(body[:cut]) + b"\x00" + garbage + bytes(body[cut:]))

        assert answer.outcome is not Outcome.COSIGNED
        ledger.close()
