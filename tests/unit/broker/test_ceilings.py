"""Who reaches a ceiling is refused at once, and gives back what it did not use."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from appliance.broker.breaker import FAILURES
from appliance.broker.ceilings import Ceilings as Bounds
from appliance.broker.not_sent import NotSentError
from appliance.broker.outgoing import ProviderFaultError
from appliance.broker.spend import Spend
from appliance.escalation.wire import Failed, Finished, Refusal
from appliance.policy.register import Ceilings
from tests.support.brokers import ENDED, Desk, a_desk, answers, fails, text
from tests.support.registers import a_provider
from tests.support.turned_clock import TurnedClock

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class _Bench:
    """The bounds, on clocks that stand still."""

    def __init__(self, folder: Path) -> None:
        self.clock = TurnedClock()
        self.spend = Spend(folder / "spend.json", now=lambda: NOON)
        self.bounds = Bounds(self.spend, monotonic_s=self.clock.monotonic_s)


@pytest.fixture
def bench(tmp_path: Path) -> _Bench:
    return _Bench(tmp_path)


async def test_places_at_once_are_bounded_and_given_back(bench: _Bench) -> None:
    provider = a_provider(ceilings=Ceilings(concurrent=2))
    async with bench.bounds.place(provider, worst=1), bench.bounds.place(provider, worst=1):
        with pytest.raises(NotSentError, match="ceiling_reached") as refused:
            async with bench.bounds.place(provider, worst=1):
                pytest.fail("a third place")
        assert refused.value.retry_after_s > 0
        assert bench.bounds.in_flight(provider) == 2

    assert bench.bounds.in_flight(provider) == 0


async def test_requests_a_minute_are_bounded_over_a_sliding_window(bench: _Bench) -> None:
    provider = a_provider(ceilings=Ceilings(requests_per_minute=2))
    async with bench.bounds.place(provider, worst=1) as place:
        place.sending()
        bench.clock.advance(30)
        place.sending()
        with pytest.raises(NotSentError, match="ceiling_reached") as refused:
            place.sending()
        assert refused.value.retry_after_s == 30
        bench.clock.advance(30)
        place.sending()


async def test_what_was_not_sent_costs_nothing(bench: _Bench) -> None:
    async with bench.bounds.place(a_provider(), worst=5_000_000):
        assert bench.bounds.spent_usd(a_provider()) == 5.0

    assert bench.bounds.spent_usd(a_provider()) == 0.0


async def test_what_was_sent_and_not_answered_costs_the_most(bench: _Bench) -> None:
    async with bench.bounds.place(a_provider(), worst=5_000_000) as place:
        place.sending()

    assert bench.bounds.spent_usd(a_provider()) == 5.0


async def test_an_answer_costs_what_the_provider_says_or_the_most(bench: _Bench) -> None:
    for cost in (2_000_000, 0):
        async with bench.bounds.place(a_provider(), worst=5_000_000) as place:
            place.sending()
            place.answered(cost)

    assert bench.bounds.spent_usd(a_provider()) == 7.0


async def test_a_place_that_was_refused_its_money_is_free_again(bench: _Bench) -> None:
    with pytest.raises(NotSentError, match="ceiling_reached"):
        async with bench.bounds.place(a_provider(), worst=10**12):
            pytest.fail("a place without money")

    assert bench.bounds.in_flight(a_provider()) == 0
    async with bench.bounds.place(a_provider(), worst=1):
        pass


async def test_a_caller_that_is_gone_before_the_money_is_counted_leaves_nothing_counted(bench: _Bench) -> None:
    async def hold() -> None:
        async with bench.bounds.place(a_provider(), worst=5_000_000):
            await asyncio.sleep(60)

    task = asyncio.ensure_future(hold())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert bench.bounds.spent_usd(a_provider()) == 0.0
    assert bench.bounds.in_flight(a_provider()) == 0


async def test_a_day_s_money_that_is_spent_shows(bench: _Bench) -> None:
    provider = a_provider(ceilings=Ceilings(usd_per_day=1.0))
    assert bench.bounds.fault(provider) == ""
    async with bench.bounds.place(provider, worst=1_000_000) as place:
        place.sending()

    assert "1.00 USD are spent" in bench.bounds.fault(provider)


async def test_money_that_cannot_be_counted_shows(bench: _Bench, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("nonsense")
    bounds = Bounds(Spend(tmp_path / "other.json", now=lambda: NOON), monotonic_s=bench.clock.monotonic_s)

    assert "cannot be read" in bounds.fault(a_provider())


async def _spent(desk: Desk) -> float:
    return desk.office.ceilings.spent_usd(a_provider())


@pytest.mark.parametrize(
    ("error", "is_free"),
    [
        (ProviderFaultError("busy", "Later."), True),
        (ProviderFaultError("rejected", "No."), True),
        (ProviderFaultError("unauthorized", "Who are you?"), True),
        (ProviderFaultError("unavailable", "Not connected.", sent=False), True),
        (ProviderFaultError("unavailable", "It went away."), False),
        (ProviderFaultError("broken", "It broke."), False),
        (ProviderFaultError("timeout", "It took too long."), False),
    ],
    ids=lambda value: getattr(value, "reason", str(value)),
)
async def test_a_failure_costs_the_most_unless_the_provider_cannot_have_charged(
    policies: Path, error: ProviderFaultError, *, is_free: bool
) -> None:
    async with a_desk(policies, script=fails(error)) as desk:
        await desk.disclose()

        assert (await _spent(desk) == 0.0) is is_free


async def test_a_provider_that_keeps_failing_is_not_asked_again(policies: Path) -> None:
    script = fails(ProviderFaultError("unavailable", "It went away.", sent=False))
    async with a_desk(policies, script=script) as desk:
        for _ in range(FAILURES):
            assert isinstance((await desk.disclose())[-1], Failed)
        [refusal] = await desk.disclose()

        assert isinstance(refusal, Refusal)
        assert (refusal.code, refusal.retry_after_s, len(desk.sent)) == ("provider_closed", 10, FAILURES)


async def test_a_caller_in_a_hurry_does_not_close_the_way_for_others(policies: Path) -> None:
    script = fails(ProviderFaultError("timeout", "It took too long."))
    async with a_desk(policies, script=script) as desk:
        for _ in range(FAILURES):
            await desk.disclose(deadline_s=5.0)
        hurried = desk.office.ceilings.breaker(a_provider()).state
        for _ in range(FAILURES):
            await desk.disclose(deadline_s=60.0)

        assert (hurried, desk.office.ceilings.breaker(a_provider()).state) == ("open", "closed")


async def test_a_request_that_could_cost_too_much_is_refused_before_anything_is_built(policies: Path) -> None:
    provider = a_provider(ceilings=Ceilings(usd_per_day=0.01))
    async with a_desk(policies, provider) as desk:
        [refusal] = await desk.disclose()

        assert isinstance(refusal, Refusal)
        assert (refusal.code, desk.adapters) == ("ceiling_reached", [])


async def test_a_credential_that_others_can_read_stops_the_request_and_frees_its_place(policies: Path) -> None:
    async with a_desk(policies) as desk:
        (desk.home / "credentials" / "example-cloud.key").chmod(0o640)
        [refusal] = await desk.disclose()

        assert isinstance(refusal, Refusal)
        assert (refusal.code, desk.adapters) == ("no_credential", [])
        assert (desk.office.ceilings.in_flight(a_provider()), await _spent(desk)) == (0, 0.0)


async def test_a_repetition_counts_in_the_minute_too(policies: Path) -> None:
    async def twice(before_send: Any, outgoing: Any) -> Any:
        await before_send(outgoing)
        await before_send(outgoing)
        yield text("Knee")
        yield replace(ENDED, attempts=2)

    provider = a_provider(ceilings=Ceilings(requests_per_minute=1))
    async with a_desk(policies, provider, script=twice) as desk:
        [failed] = await desk.disclose()

        assert isinstance(failed, Failed)
        assert len(desk.sent) == 1


async def test_the_cost_of_an_answer_is_told_and_counted(policies: Path) -> None:
    async with a_desk(policies, script=answers) as desk:
        finished = (await desk.disclose())[-1]

        assert isinstance(finished, Finished)
        assert finished.cost_usd == await _spent(desk) == pytest.approx(0.0045)
