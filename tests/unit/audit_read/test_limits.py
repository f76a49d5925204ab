import pytest

from audit.console import limits
from audit.console.limits import Rate


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_burst_passes_and_the_next_is_told_when(clock: Clock) -> None:
    rate = Rate(burst=3, per_s=0.5, clock=clock)

    assert [rate.take("m") for _ in range(4)] == [0, 0, 0, 2]


def test_waiting_as_told_is_enough(clock: Clock) -> None:
    rate = Rate(burst=1, per_s=0.5, clock=clock)
    rate.take("m")

    wait_s = rate.take("m")
    clock.now_s += wait_s

    assert rate.take("m") == 0


def test_nobody_is_held_back_by_another(clock: Clock) -> None:
    rate = Rate(burst=1, per_s=0.1, clock=clock)
    rate.take("a")

    assert (rate.take("a"), rate.take("b")) == (10, 0)


def test_a_rest_fills_a_bucket_but_not_above_its_size(clock: Clock) -> None:
    rate = Rate(burst=2, per_s=1.0, clock=clock)
    rate.take("m")
    clock.now_s += 1000

    assert [rate.take("m") for _ in range(3)] == [0, 0, 1]


def test_the_longest_unused_name_makes_room(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_NAMES", 2)
    rate = Rate(burst=1, per_s=0.1, clock=clock)

    taken = [rate.take(name) for name in ("a", "b", "c", "b", "a")]

    assert taken == [0, 0, 0, 10, 0]
