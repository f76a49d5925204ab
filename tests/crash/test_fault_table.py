"""Each durable call of a commit, lost or kept: what the caller is told, what is there afterwards, and that it goes on.

The table is the one of FORMAT.md "Durable steps" at the level of the disk, for SQLite with a rollback journal.  None of
it is fatal: the same process takes the next batch once the disk works, or the next process does.
"""

import errno
from collections.abc import Iterator

import pytest

from tests.support.faults import Action, Call, Cut, Effect, Fault
from tests.support.faults.plan import Life, Plan, Step, Work
from tests.support.faults.process import Answer, Bench, bench

POINTS = {
    "journal written": (Call.WRITE, "-journal", 1),
    "journal synced": (Call.SYNC, "-journal", 1),
    "journal's name synced": (Call.SYNC_FOLDER, "/audit", 1),
    "journal's count synced": (Call.SYNC, "-journal", 2),
    "database written": (Call.WRITE, "trail.db", 1),
    "database synced": (Call.SYNC, "trail.db", 1),
    "journal cut": (Call.TRUNCATE, "-journal", 1),
    "journal's cut synced": (Call.SYNC, "-journal", 3),
    "witness written": (Call.WRITE, ".log", 1),
    "witness synced": (Call.SYNC, ".log", 1),
}
"""The durable calls of one commit with a checkpoint, in their order."""

BATCH = "life0-1"
"""The batch that the fault strikes."""

# point, effect -> an error: what the caller is told, is the batch there; a kill: is it there; a power cut: is it there
TABLE = [
    ("journal written", Effect.LOST, ("refused", "absent"), "absent", "absent"),
    ("journal written", Effect.KEPT, ("refused", "absent"), "absent", "absent"),
    ("journal written", Effect.TORN, ("refused", "absent"), "absent", "absent"),
    ("journal synced", Effect.LOST, ("refused", "absent"), "absent", "absent"),
    ("journal synced", Effect.KEPT, ("refused", "absent"), "absent", "absent"),
    # SQLite takes no notice of this error: the journal's name is durable from the trail's first day.
    ("journal's name synced", Effect.LOST, ("acknowledged", "present"), "absent", "absent"),
    ("journal's name synced", Effect.KEPT, ("acknowledged", "present"), "absent", "absent"),
    ("journal's count synced", Effect.LOST, ("refused", "absent"), "absent", "absent"),
    ("journal's count synced", Effect.KEPT, ("refused", "absent"), "absent", "absent"),
    ("database written", Effect.LOST, ("refused", "absent"), "absent", "absent"),
    ("database written", Effect.KEPT, ("refused", "absent"), "absent", "absent"),
    ("database written", Effect.TORN, ("refused", "absent"), "absent", "absent"),
    ("database synced", Effect.LOST, ("refused", "absent"), "absent", "absent"),
    ("database synced", Effect.KEPT, ("refused", "absent"), "absent", "absent"),
    ("database synced", Effect.REVERTED, ("refused", "absent"), "absent", "absent"),
    ("journal cut", Effect.LOST, ("refused", "absent"), "absent", "absent"),
    ("journal cut", Effect.KEPT, ("refused", "present"), "present", "absent"),
    ("journal's cut synced", Effect.LOST, ("refused", "present"), "present", "absent"),
    ("journal's cut synced", Effect.KEPT, ("refused", "present"), "present", "present"),
    ("journal's cut synced", Effect.REVERTED, ("refused", "absent"), "present", "absent"),
    ("witness written", Effect.LOST, ("acknowledged", "present"), "present", "present"),
    ("witness written", Effect.KEPT, ("acknowledged", "present"), "present", "present"),
    ("witness written", Effect.TORN, ("acknowledged", "present"), "present", "present"),
    ("witness synced", Effect.LOST, ("acknowledged", "present"), "present", "present"),
    ("witness synced", Effect.KEPT, ("acknowledged", "present"), "present", "present"),
]


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(tmp_path_factory.mktemp("disk")) as started:
        yield started


def strike(
    disk: Bench, point: str, effect: Effect, action: Action, *, error: int = 0, cut: Cut | None = None
) -> Answer:
    """Append one batch with a checkpoint on a trail that is open, with a fault at one call."""
    calls, suffix, at = POINTS[point]
    length = 10_000 if error in {errno.ENOSPC, errno.EROFS} else 1
    fault = Fault(action=action, effect=effect, error=error, calls=calls, suffix=suffix, at=at, length=length)
    life = Life(steps=(Step.WAIT,), fault=fault, cut=cut, is_late=True)
    answer = disk.run(Plan(seed=1, work=Work.APPEND, lives=(life,), last_closes=True))
    assert answer.problems == [], "nothing is fatal"
    assert len(answer.struck) == 1, "the table names a call that is made"
    return answer


def is_there(answer: Answer) -> str:
    """Say whether the struck batch is in the trail in the end."""
    return "present" if BATCH in answer.found else "absent"


@pytest.mark.parametrize(("point", "effect", "after_error"), [row[:3] for row in TABLE])
def test_a_call_that_fails_is_told_and_the_same_process_goes_on(
    disk: Bench, point: str, effect: Effect, after_error: tuple[str, str]
) -> None:
    answer = strike(disk, point, effect, Action.ERROR, error=errno.EIO)

    told = "acknowledged" if BATCH in answer.acknowledged else "refused"
    assert (told, is_there(answer)) == after_error
    assert any(batch.startswith("life0") for batch in answer.acknowledged), "the same process took a batch afterwards"


@pytest.mark.parametrize(("point", "effect", "after_kill"), [(*row[:2], row[3]) for row in TABLE])
def test_a_process_that_is_killed_there_leaves_the_whole_batch_or_none(
    disk: Bench, point: str, effect: Effect, after_kill: str
) -> None:
    answer = strike(disk, point, effect, Action.KILL)

    assert is_there(answer) == after_kill


@pytest.mark.parametrize(("point", "effect", "after_cut"), [(*row[:2], row[4]) for row in TABLE])
def test_a_power_cut_there_leaves_the_whole_batch_or_none(
    disk: Bench, point: str, effect: Effect, after_cut: str
) -> None:
    answer = strike(disk, point, effect, Action.KILL, cut=Cut.ALL_LOST)

    assert is_there(answer) == after_cut


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS])
@pytest.mark.parametrize("point", ["journal written", "database written"])
def test_a_disk_that_stays_full_or_read_only_is_waited_out(disk: Bench, point: str, error: int) -> None:
    answer = strike(disk, point, Effect.LOST, Action.ERROR, error=error)

    assert (BATCH in answer.acknowledged, is_there(answer)) == (False, "absent")
    assert answer.refused == 3
    assert any(batch.startswith("life0") for batch in answer.acknowledged), "the same process took a batch afterwards"


def test_a_disk_that_takes_fewer_bytes_than_it_was_given_is_no_error(disk: Bench) -> None:
    answer = strike(disk, "witness written", Effect.SHORT, Action.ERROR, error=errno.EIO)

    assert BATCH in answer.acknowledged
