"""Hundreds of ways to fail: every one leaves a trail that starts, verifies, and holds all that was acknowledged.

A schedule is up to three lives of a recorder on one disk (tests/support/faults): in each the disk may fail, tear, lose
or fill up, or the process is killed, at one call of thousands; after each the power may go, and with it any part of
what was not synced.  Then a last life must start and take records, the power goes once more, and all is verified.

    CRASH_SCHEDULES=10000 CRASH_FIRST_SEED=400 python -m pytest tests/crash/test_schedules.py     (`make crash`)
"""

import os
from pathlib import Path

from tests.support.faults.process import run_seeds

SCHEDULES = int(os.environ.get("CRASH_SCHEDULES", "400"))
"""Two minutes on two idle cores."""

FIRST_SEED = int(os.environ.get("CRASH_FIRST_SEED", "0"))
"""Seeds from here on: a long run takes others than the tests do."""

PROBE = range(100, 160)
"""Schedules in which a careless program must be found out."""


def test_no_schedule_loses_an_acknowledged_record_or_shows_half_a_batch(tmp_path: Path) -> None:
    answers = run_seeds(tmp_path, range(FIRST_SEED, FIRST_SEED + SCHEDULES))

    assert {answer.seed: answer.problems for answer in answers if answer.problems} == {}
    assert len(answers) == SCHEDULES


def test_most_schedules_strike_and_records_go_on_nevertheless(tmp_path: Path) -> None:
    answers = run_seeds(tmp_path, PROBE)

    struck = {word.split()[0] for answer in answers for word in answer.struck}
    assert sum(bool(answer.struck) for answer in answers) > 0.7 * len(PROBE)
    assert {"write", "sync", "truncate"} <= struck
    assert all(answer.acknowledged for answer in answers)


def test_a_recorder_that_acknowledges_before_the_commit_is_found_out(tmp_path: Path) -> None:
    answers = run_seeds(tmp_path, PROBE, options=["--rash"])

    assert sum(bool(answer.problems) for answer in answers) > len(PROBE) / 2


def test_a_store_that_forgets_to_sync_its_journal_is_found_out(tmp_path: Path) -> None:
    assert any(answer.problems for answer in run_seeds(tmp_path, PROBE, options=["--skip-sync", "trail.db-journal"]))


def test_a_store_that_forgets_to_sync_its_database_is_found_out(tmp_path: Path) -> None:
    answers = run_seeds(tmp_path, PROBE, options=["--skip-sync", "trail.db"])

    assert sum(bool(answer.problems) for answer in answers) > len(PROBE) / 2


def test_a_keyring_that_forgets_to_sync_its_folders_is_found_out(tmp_path: Path) -> None:
    assert any(answer.problems for answer in run_seeds(tmp_path, PROBE, options=["--skip-sync", "custodian/months"]))
