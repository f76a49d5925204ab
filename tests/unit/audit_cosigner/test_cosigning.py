import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from audit.checkpoint import read_checkpoint, sign_checkpoint
from audit.cosigner.cosigning import Answer, Cosigning, Outcome
from audit.cosigner.keys import Logs, make_cosigner, read_cosigner
from audit.cosigner.ledger import Ledger
from audit.errors import FormatError, SettingsError, StoreError
from audit.witness.cosignature import CosignerKey, valid_lines
from audit.witness.tlog_wire import Submission, write_submission
from tests.support.witnesses import SignedLog

NAME = "witness.example/w1"
LOG = SignedLog([bytes([place]) for place in range(40)])
FORK = SignedLog([bytes([place]) if place < 3 else b"other" + bytes([place]) for place in range(40)])
NOW_S = 1_795_417_200


def open_cosigning(home: Path, *, now_s: Callable[[], int] = lambda: NOW_S) -> Cosigning:
    """Return a witness that watches LOG."""
    (home / "logs").mkdir(exist_ok=True)
    LOG.write_keys(home / "logs" / "a1.keys")
    cosigner = make_cosigner(home, name=NAME)
    return Cosigning(cosigner, logs=Logs(home / "logs"), ledger=Ledger(home / "cosigner.db"), now_s=now_s)


def submit(cosigning: Cosigning, old: int, new: int, *, log: SignedLog = LOG, note: str = "") -> Answer:
    proof = log.prove(old, new) if old <= new else ()
    return cosigning.answer(write_submission(Submission(old_size=old, proof=proof, note=note or log.note(new))))


def test_a_growing_log_is_cosigned_and_both_signatures_hold(tmp_path: Path) -> None:
    cosigning = open_cosigning(tmp_path)
    keys = [CosignerKey.from_vkey(line) for line in (tmp_path / "cosigner.keys").read_text().splitlines()]
    for old, new in ((0, 1), (1, 7), (7, 7), (7, 40)):
        answer = submit(cosigning, old, new)

        assert (answer.outcome, answer.size) == (Outcome.COSIGNED, new)
        statement = read_checkpoint(LOG.note(new), LOG.keys)
        assert valid_lines(answer.lines, statement=statement, keys=keys) == answer.lines
        assert len(answer.lines.splitlines()) == 2
    (head,) = cosigning.heads()
    assert (head.size, head.note) == (40, LOG.note(40) + answer.lines)


def test_an_empty_tree_may_come_first(tmp_path: Path) -> None:
    cosigning = open_cosigning(tmp_path)

    assert submit(cosigning, 0, 0).outcome is Outcome.COSIGNED
    assert submit(cosigning, 0, 5).outcome is Outcome.COSIGNED
    assert submit(cosigning, 0, 0) == Answer(outcome=Outcome.STALE, origin=LOG.key.origin, size=5)


def test_an_old_size_that_is_not_the_newest_is_answered_with_the_newest(tmp_path: Path) -> None:
    cosigning = open_cosigning(tmp_path)
    submit(cosigning, 0, 9)

    for old, new in ((0, 9), (8, 9), (8, 30), (10, 30)):
        assert submit(cosigning, old, new) == Answer(outcome=Outcome.STALE, origin=LOG.key.origin, size=9)


def test_a_smaller_tree_is_never_cosigned(tmp_path: Path) -> None:
    cosigning = open_cosigning(tmp_path)
    submit(cosigning, 0, 9)

    assert submit(cosigning, 9, 8, note=LOG.note(8)).outcome is Outcome.MALFORMED
    assert submit(cosigning, 8, 8).outcome is Outcome.STALE
    assert cosigning.heads()[0].size == 9


def test_a_forked_tree_is_never_cosigned(tmp_path: Path) -> None:
    cosigning = open_cosigning(tmp_path)
    submit(cosigning, 0, 9)

    assert submit(cosigning, 9, 9, log=FORK) == Answer(outcome=Outcome.FORKED, origin=LOG.key.origin, size=9)
    assert submit(cosigning, 9, 20, log=FORK).outcome is Outcome.INCONSISTENT
    assert submit(cosigning, 9, 20).outcome is Outcome.COSIGNED


def test_a_proof_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    cosigning = open_cosigning(tmp_path)
    surplus = Submission(old_size=0, proof=(b"\x00" * 32,), note=LOG.note(3))
    assert cosigning.answer(write_submission(surplus)).outcome is Outcome.INCONSISTENT
    submit(cosigning, 0, 9)

    for proof in ((), LOG.prove(9, 20)[:-1], LOG.prove(8, 20), (*LOG.prove(9, 20), b"\x00" * 32)):
        submission = Submission(old_size=9, proof=proof, note=LOG.note(20))
        assert cosigning.answer(write_submission(submission)).outcome is Outcome.INCONSISTENT


def test_an_unknown_log_a_foreign_signature_and_a_missing_one_are_told_apart(tmp_path: Path) -> None:
    cosigning = open_cosigning(tmp_path)
    stranger = SignedLog([b"a"], origin="stranger.example")
    thief = SignedLog([b"a"], seed=b"\x09")
    classical_only = "\n".join(LOG.note(3).split("\n")[:5]) + "\n"

    assert submit(cosigning, 0, 1, log=stranger) == Answer(outcome=Outcome.UNKNOWN_LOG)
    assert submit(cosigning, 0, 1, log=thief).outcome is Outcome.UNTRUSTED
    assert submit(cosigning, 0, 3, note=classical_only).outcome is Outcome.UNTRUSTED
    assert submit(cosigning, 0, 3, note=LOG.note(3).replace("\n3\n", "\n4\n")).outcome is Outcome.UNTRUSTED
    assert cosigning.answer(b"garbage") == Answer(outcome=Outcome.MALFORMED)
    wrong_root = sign_checkpoint(LOG.key, size=0, root=b"\x01" * 32, time_s=NOW_S)
    assert submit(cosigning, 0, 0, note=wrong_root).outcome is Outcome.UNTRUSTED
    assert cosigning.heads() == []


def test_lines_that_somebody_adds_to_a_public_note_are_not_kept(tmp_path: Path) -> None:
    cosigning = open_cosigning(tmp_path)
    junk = "\u2014 someone.example AAAAAAAA\n" * 1800

    assert submit(cosigning, 0, 3, note=LOG.note(3) + junk).outcome is Outcome.COSIGNED

    assert len(cosigning.heads()[0].note) < 10_000
    assert submit(cosigning, 3, 9).outcome is Outcome.COSIGNED


def test_the_time_of_a_cosignature_never_goes_back_and_is_never_nothing(tmp_path: Path) -> None:
    moments = iter([0, NOW_S, NOW_S - 500])
    cosigning = open_cosigning(tmp_path, now_s=lambda: next(moments))

    times = []
    for old, new in ((0, 1), (1, 2), (2, 3)):
        submit(cosigning, old, new)
        times.append(cosigning.heads()[0].time_s)

    assert times == [1, NOW_S, NOW_S]


def test_what_was_cosigned_is_remembered_over_a_restart_and_by_a_second_process(tmp_path: Path) -> None:
    first, second = open_cosigning(tmp_path), open_cosigning(tmp_path)
    submit(first, 0, 9)

    assert submit(second, 0, 9) == Answer(outcome=Outcome.STALE, origin=LOG.key.origin, size=9)
    assert submit(second, 9, 9, log=FORK).outcome is Outcome.FORKED


def test_of_two_racing_forks_one_is_cosigned(tmp_path: Path) -> None:
    witnesses = [open_cosigning(tmp_path), open_cosigning(tmp_path)]
    submit(witnesses[0], 0, 3)
    start = threading.Barrier(2)
    outcomes: list[Outcome] = []

    def race(cosigning: Cosigning, log: SignedLog) -> None:
        start.wait(10)
        outcomes.append(submit(cosigning, 3, 20, log=log).outcome)

    threads = [threading.Thread(target=race, args=pair) for pair in zip(witnesses, (LOG, FORK), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(outcome.name for outcome in outcomes) == ["COSIGNED", "STALE"]


def test_a_ledger_that_cannot_be_written_cosigns_nothing(tmp_path: Path) -> None:
    cosigning = open_cosigning(tmp_path)
    submit(cosigning, 0, 3)
    ledger = Ledger(tmp_path / "cosigner.db")
    with ledger.turn("held"), pytest.raises(StoreError, match="SQLITE_BUSY"):
        submit(cosigning, 3, 9)
    ledger.close()

    assert submit(cosigning, 3, 9).outcome is Outcome.COSIGNED


def test_a_head_cannot_be_taken_back_in_the_database(tmp_path: Path) -> None:
    cosigning, ledger = open_cosigning(tmp_path), Ledger(tmp_path / "cosigner.db")
    submit(cosigning, 0, 9)
    (head,) = ledger.heads()

    with pytest.raises(StoreError), ledger.turn(head.origin) as turn:
        turn.remember(type(head)(origin=head.origin, size=8, time_s=head.time_s, note=head.note))

    assert ledger.heads() == [head]


def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cosigner.db").write_bytes(b"x" * 5000)
    with pytest.raises(StoreError, match="cannot be used"):
        Ledger(tmp_path / "cosigner.db")


def test_the_database_of_something_else_is_refused(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "cosigner.db")
    ledger.close()
    data = bytearray((tmp_path / "cosigner.db").read_bytes())
    data[68:72] = b"\x00\x00\x00\x01"
    (tmp_path / "cosigner.db").write_bytes(data)

    with pytest.raises(StoreError, match="no cosigner's database"):
        Ledger(tmp_path / "cosigner.db")


def test_a_log_whose_keys_were_changed_here_is_not_cosigned_until_a_person_looks(tmp_path: Path) -> None:
    cosigning = open_cosigning(tmp_path)
    submit(cosigning, 0, 3)
    renewed = SignedLog([bytes([place]) for place in range(40)], seed=b"\x08")
    (tmp_path / "logs" / "a1.keys").unlink()
    renewed.write_keys(tmp_path / "logs" / "renewed.keys")

    assert submit(cosigning, 3, 9, log=renewed).outcome is Outcome.UNTRUSTED


def test_a_log_is_watched_as_soon_as_its_keys_are_there_and_a_broken_file_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    logs = Logs(tmp_path / "logs")
    assert (logs.origins(), logs.keys_of(LOG.key.origin)) == ((), ())

    LOG.write_keys(tmp_path / "logs" / "a1.keys")
    assert logs.keys_of(LOG.key.origin) == LOG.keys
    assert logs.origins() == (LOG.key.origin,)

    (tmp_path / "logs" / "broken.keys").write_text("garbage\n")
    assert logs.keys_of(LOG.key.origin) == LOG.keys
    assert "verifier key" in logs.failure

    (tmp_path / "logs" / "broken.keys").unlink()
    assert logs.keys_of(LOG.key.origin) == LOG.keys
    assert logs.failure == ""
    (tmp_path / "logs" / "gone.keys").symlink_to(tmp_path / "gone")
    assert logs.keys_of(LOG.key.origin) == LOG.keys
    assert "gone.keys" in logs.failure


def test_a_folder_of_logs_that_is_wrong_is_said_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is no folder"):
        Logs(tmp_path / "none")
    other = SignedLog([b"a"], origin="other.example")
    LOG.write_keys(tmp_path / "a.keys")
    SignedLog([b"a"], seed=b"\x09").write_keys(tmp_path / "b.keys")
    with pytest.raises(FormatError, match="other keys for hospital"):
        Logs(tmp_path)
    (tmp_path / "b.keys").write_text(f"{LOG.keys[0].to_vkey()}\n{other.keys[1].to_vkey()}\n")
    with pytest.raises(FormatError, match="two logs"):
        Logs(tmp_path)


def test_a_cosigner_keeps_its_keys_and_its_name(tmp_path: Path) -> None:
    first = make_cosigner(tmp_path / "home", name=NAME)

    assert make_cosigner(tmp_path / "home", name=NAME).public_keys() == first.public_keys()
    assert read_cosigner(tmp_path / "home").public_keys() == first.public_keys()
    assert json.loads((tmp_path / "home" / "cosigner.key").read_text())["name"] == NAME
    assert (tmp_path / "home" / "cosigner.key").stat().st_mode & 0o777 == 0o600
    assert "03030303" not in repr(first)
    with pytest.raises(SettingsError, match="keeps its name"):
        make_cosigner(tmp_path / "home", name="another.example")
    with pytest.raises(SettingsError, match="URL without schema"):
        make_cosigner(tmp_path / "other", name="https://a b")
    with pytest.raises(StoreError, match="audit witness init"):
        read_cosigner(tmp_path / "other")
