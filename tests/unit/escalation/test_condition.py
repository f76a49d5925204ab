import asyncio
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from appliance.errors import EscalationError
from appliance.escalation.condition import BrokerWatch
from appliance.escalation.wire import HelloAnswer, ProviderCondition

OPEN = ProviderCondition(name="example", state="open", agreement="BAA-2026-014", days_left=90)


@dataclass
class Greeting:
    """Speaks the interface of `BrokerClient.hello`: says what it was told, or does not answer."""

    answer: HelloAnswer | None = field(
        default_factory=lambda: HelloAnswer(call=1, policy_digest="ab" * 32, state="ready", conditions=(OPEN,))
    )
    asked: int = 0

    async def hello(self) -> HelloAnswer:
        """Answer."""
        self.asked += 1
        if self.answer is None:
            raise EscalationError(detail="FileNotFoundError")
        return self.answer


async def test_the_condition_is_what_the_broker_said_last() -> None:
    async with BrokerWatch(Greeting()) as watch:
        condition = watch.condition

    assert condition.reachable
    assert (condition.policy_digest, condition.approval, condition.policy_invalid) == ("ab" * 32, "", False)
    assert condition.providers["example"].days_left == 90


async def test_a_broker_that_does_not_answer_is_not_reachable_and_has_no_provider() -> None:
    greeting = Greeting()
    watch = BrokerWatch(greeting)
    assert not watch.condition.reachable

    await watch.ask_now()
    greeting.answer = None
    condition = await watch.ask_now()

    assert (condition.reachable, dict(condition.providers)) == (False, {})


async def test_a_condition_cannot_be_changed_by_who_reads_it() -> None:
    condition = await BrokerWatch(Greeting()).ask_now()

    with pytest.raises(TypeError):
        condition.providers["other"] = OPEN  # type: ignore[index]


async def test_the_broker_is_asked_again_until_the_watch_ends() -> None:
    greeting = Greeting()
    async with BrokerWatch(greeting, every_s=0.001) as watch:
        greeting.answer = None
        async with asyncio.timeout(5):
            while watch.condition.reachable:
                await asyncio.sleep(0.001)
    asked = greeting.asked

    await asyncio.sleep(0.01)

    assert greeting.asked == asked


async def test_a_watch_that_was_never_entered_ends_quietly() -> None:
    await BrokerWatch(Greeting()).__aexit__()


async def test_each_change_is_logged_once() -> None:
    greeting = Greeting()
    watch = BrokerWatch(greeting)
    with capture_logs() as logs:
        for state in ("open", "open", "closed", "closed"):
            told = OPEN.model_copy(update={"state": state, "reason": "the breaker is open"})
            greeting.answer = HelloAnswer(
                call=1, policy_digest="ab" * 32, state="policy_invalid", approval="not approved", conditions=(told,)
            )
            await watch.ask_now()
        greeting.answer = None
        await watch.ask_now()
        await watch.ask_now()

    assert [(entry["event"], entry.get("state")) for entry in logs] == [
        ("broker_reachable", None),
        ("provider_condition", "open"),
        ("provider_condition", "closed"),
        ("broker_lost", None),
    ]
