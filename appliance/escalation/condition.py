"""How the broker and its providers stand, as the broker itself says every few seconds.

The router and ``/readyz`` are told the last answer; a broker that does not answer is not reachable, and then every
provider counts as closed.  Nothing here opens anything: the broker checks again by itself, at the moment of sending.

::

    async with BrokerWatch(client) as watch:
        watch.condition.providers["example"].state
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Protocol, Self

import structlog

from appliance.errors import EscalationError
from appliance.escalation.wire import HelloAnswer, ProviderCondition

ASK_EVERY_S: Final = 5.0
"""One short call on a local socket; a provider that closes is noticed within this time, by the broker at once."""

RETRY_S: Final = 0.5
"""As above for a broker that does not answer: it may be starting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerCondition:
    """What the broker said last."""

    reachable: bool
    policy_digest: str = ""
    """Of the bundle by which it decides."""

    policy_invalid: bool = False
    """True when its last reload was refused and the bundle before it stays in force."""

    approval: str = ""
    """Why its bundle is not approved by two people; empty if it is."""

    providers: Mapping[str, ProviderCondition] = field(default_factory=lambda: MappingProxyType({}))
    """By name; empty while the broker is not reachable."""


UNREACHABLE: Final = BrokerCondition(reachable=False)


class Greeter(Protocol):
    """The part of `escalation.client.BrokerClient` that is needed here."""

    async def hello(self) -> HelloAnswer:
        """Ask which policy the broker holds and how its providers stand.  Raises EscalationError."""
        ...


class BrokerWatch:
    """Ask in the background; enter it to begin, leave it to end."""

    def __init__(self, client: Greeter, *, every_s: float = ASK_EVERY_S) -> None:
        """Take whom to ask, and how often."""
        self._client = client
        self._every_s = every_s
        self._condition = UNREACHABLE
        self._task: asyncio.Task[None] | None = None
        self._log = structlog.get_logger("gateway")

    @property
    def condition(self) -> BrokerCondition:
        """Return the last known condition."""
        return self._condition

    async def ask_now(self) -> BrokerCondition:
        """Ask, and return the condition then."""
        try:
            answer = await self._client.hello()
        except EscalationError as error:
            self._become(UNREACHABLE, error.detail)
        else:
            self._become(_condition_of(answer), "")
        return self._condition

    async def __aenter__(self) -> Self:
        """Ask once, and go on asking."""
        await self.ask_now()
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """End the watch."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._every_s if self._condition.reachable else min(RETRY_S, self._every_s))
            await self.ask_now()

    def _become(self, condition: BrokerCondition, detail: str) -> None:
        """Take the condition; log what changed, each once."""
        before, self._condition = self._condition, condition
        if condition.reachable != before.reachable:
            event = "broker_reachable" if condition.reachable else "broker_lost"
            self._log.info(event, detail=detail, policy_digest=condition.policy_digest)
        for name, provider in condition.providers.items():
            known = before.providers.get(name)
            if known is None or (known.state, known.agreement) != (provider.state, provider.agreement):
                self._log.info(
                    "provider_condition",
                    provider=name,
                    state=provider.state,
                    reason=provider.reason,
                    agreement=provider.agreement,
                )


def _condition_of(answer: HelloAnswer) -> BrokerCondition:
    return BrokerCondition(
        reachable=True,
        policy_digest=answer.policy_digest,
        policy_invalid=answer.state == "policy_invalid",
        approval=answer.approval,
        providers=MappingProxyType({each.name: each for each in answer.conditions}),
    )
