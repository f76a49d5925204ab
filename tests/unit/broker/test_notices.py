"""Who runs the appliance reads in the log that an agreement ends or that the clock jumped, and reads it once."""

from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from appliance.agreement_clock import AgreementClock
from appliance.broker.notices import Notices
from appliance.policy.register import Register
from tests.support.brokers import NOW, HandClock
from tests.support.registers import a_provider, a_register, an_agreement


def _register(days: float) -> Register:
    return a_register(a_provider(agreements=(an_agreement(expires=NOW + timedelta(days=days)),)))


def _look(notices: Notices) -> list[tuple[str, str]]:
    with capture_logs() as logs:
        notices.look()
    return [(str(log["event"]), str(log["log_level"])) for log in logs]


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (61, []),
        (59, [("agreement_ends", "warning")]),
        (29, [("agreement_ends", "warning")]),
        (6, [("agreement_ends", "warning")]),
        (-1, [("agreement_ends", "error")]),
    ],
)
def test_an_agreement_that_ends_is_told_at_the_start(clock: HandClock, days: int, told: list[object]) -> None:
    register = _register(days)

    assert _look(Notices(AgreementClock(clock), lambda: register)) == told


def test_it_is_told_once_a_day(clock: HandClock) -> None:
    register = _register(20)
    notices = Notices(AgreementClock(clock), lambda: register)

    counts = []
    for _ in range(49):
        counts.append(len(_look(notices)))
        clock.pass_time(3600)

    assert sum(counts) == 3, "at the start and after each midnight"


def test_a_new_register_is_told_about_at_once(clock: HandClock) -> None:
    registers = [_register(20)]
    notices = Notices(AgreementClock(clock), lambda: registers[-1])
    _look(notices)
    registers.append(_register(5))

    assert _look(notices) == [("agreement_ends", "warning")]


def test_a_clock_that_was_set_is_told_once(clock: HandClock) -> None:
    notices = Notices(AgreementClock(clock), dict)
    _look(notices)
    clock.set(NOW + timedelta(days=3))

    assert _look(notices) == [("clock_jumped", "warning")]
    assert _look(notices) == []


def test_a_time_that_cannot_be_read_is_told(clock: HandClock, tmp_path: Path) -> None:
    file = tmp_path / "clock.json"
    file.write_text("nonsense")

    assert ("agreement_clock_fault", "error") in _look(Notices(AgreementClock(clock, seen_file=file), dict))


async def test_looking_goes_on_by_itself(clock: HandClock) -> None:
    looks = []

    def register() -> Register:
        looks.append(1)
        if len(looks) == 3:
            raise KeyError
        return {}

    with pytest.raises(KeyError):
        await Notices(AgreementClock(clock), register).watch(every_s=0.001)
