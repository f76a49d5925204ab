import time
from collections.abc import Callable

import pytest

from audit.errors import ConsistencyError, StoreError, WitnessError, WitnessRefusedError
from audit.witness import Publisher
from audit.witness.publisher import CONFLICT, SLOW_S
from tests.support.witnesses import MemoryWitness


def until(found: Callable[[], bool]) -> None:
    """Wait until another thread has made something true."""
    end = time.monotonic() + 10
    while not found():
        assert time.monotonic() < end, "it never became true"
        time.sleep(0.005)


def offer(publisher: Publisher, *sizes: int) -> None:
    for size in sizes:
        publisher.offer(f"note {size}", size=size, time_ms=size * 1000)


def test_every_witness_gets_a_checkpoint() -> None:
    first, second = MemoryWitness(name="a"), MemoryWitness(name="b")
    publisher = Publisher([first, second])

    offer(publisher, 1)

    assert publisher.flush(10)
    assert first.notes == second.notes == ["note 1"]
    assert [(state.state, state.reason, state.size, state.time_ms) for state in publisher.states()] == [
        ("ok", "", 1, 1000)
    ] * 2
    publisher.close()
    assert first.closed


def test_a_witness_that_hangs_delays_neither_a_commit_nor_another_witness_and_is_named() -> None:
    seconds = [0.0]
    slow, quick = MemoryWitness(name="slow"), MemoryWitness(name="quick")
    slow.gate.clear()
    publisher = Publisher([slow, quick], monotonic_s=lambda: seconds[0])

    begin = time.monotonic()
    offer(publisher, 1)
    until(lambda: slow.attempts == 1)
    offer(publisher, 2, 3)
    assert time.monotonic() - begin < 5
    until(lambda: quick.notes[-1:] == ["note 3"])
    assert not publisher.flush(0.01)
    assert publisher.failure == ""

    seconds[0] = SLOW_S + 1
    assert "slow has not answered for 11 seconds" in publisher.failure
    assert publisher.states()[0].state == "witness_unreachable"
    slow.gate.set()
    until(lambda: slow.notes[-1:] == ["note 3"])
    assert publisher.flush(10)
    assert publisher.failure == ""


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (WitnessError("it is away"), "witness_unreachable"),
        (WitnessRefusedError("it lies"), "witness_refused"),
        (StoreError("the database cannot prove"), "witness_unreachable"),
    ],
)
def test_a_witness_that_comes_back_gets_the_newest_checkpoint_by_itself(error: WitnessError, state: str) -> None:
    witness = MemoryWitness(error=error)
    publisher = Publisher([witness])
    offer(publisher, 1)
    assert publisher.flush(10)
    offer(publisher, 2)
    assert [(found.state, found.reason) for found in publisher.states()] == [(state, str(error))]

    witness.error = None

    until(lambda: witness.notes == ["note 2"])
    assert publisher.flush(10)
    assert publisher.failure == ""


def test_a_witness_with_another_tree_is_a_conflict_and_is_not_asked_again() -> None:
    witness = MemoryWitness(error=ConsistencyError("another tree"))
    publisher = Publisher([witness])
    offer(publisher, 1)
    until(lambda: publisher.conflict != "")
    offer(publisher, 2)
    time.sleep(0.1)

    assert publisher.conflict == "another tree"
    assert publisher.states()[0].state == CONFLICT
    assert witness.attempts == 1
    publisher.close()


def test_one_reachable_witness_is_enough_to_start_and_the_other_is_named() -> None:
    publisher = Publisher(
        [MemoryWitness(name="away", error=WitnessError("away: no answer")), MemoryWitness(name="here")]
    )

    publisher.confirm("note")

    assert [state.state for state in publisher.states()] == ["witness_unreachable", "ok"]


def test_no_start_without_any_witness_and_each_is_named() -> None:
    away = [MemoryWitness(name=name, error=WitnessError(f"{name} is away")) for name in ("first", "second")]

    with pytest.raises(StoreError, match=r"no witness can be reached.*first is away; second is away"):
        Publisher(away).confirm("note")
    with pytest.raises(RuntimeError):
        Publisher([])


def test_a_conflict_at_the_start_is_raised_and_stays_named() -> None:
    publisher = Publisher([MemoryWitness(error=ConsistencyError("another tree"))])

    with pytest.raises(ConsistencyError):
        publisher.confirm("note")

    assert publisher.conflict == "another tree"


def test_a_stop_hands_over_what_waits_once_and_leaves_a_dead_witness_behind() -> None:
    dead, late = MemoryWitness(error=WitnessError("away")), MemoryWitness()
    publisher = Publisher([dead, late])
    late.gate.clear()
    offer(publisher, 1)
    until(lambda: dead.attempts == late.attempts == 1)
    offer(publisher, 2)

    late.gate.set()
    begin = time.monotonic()
    publisher.close()

    assert time.monotonic() - begin < 4
    assert late.notes == ["note 1", "note 2"]
    assert dead.closed
    offer(publisher, 3)
    assert late.notes[-1] == "note 2"


def test_what_a_witness_has_cosigned_is_kept() -> None:
    assert Publisher([MemoryWitness(cosigned="cosigned"), MemoryWitness()]).cosigned() == ("cosigned",)


def test_a_witness_that_hangs_at_the_stop_is_left_behind() -> None:
    hung = MemoryWitness()
    hung.gate.clear()
    publisher = Publisher([hung])
    offer(publisher, 1)
    until(lambda: hung.attempts == 1)

    publisher.close(timeout_s=0.1)

    assert not hung.closed
    hung.gate.set()
