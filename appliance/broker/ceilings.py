"""How much may go to each provider: at once, in a minute, and in dollars a day; and whether it may be asked at all.

A request takes a `Place` before anything is built and holds it to the end.  Reached, a ceiling refuses and never
queues, so that a flood costs nothing and the gateway can ask elsewhere.  What a request is worth is counted at the
longest answer that was asked for, and corrected once the provider has said what it used.
"""

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date

from appliance.broker.breaker import Breaker
from appliance.broker.not_sent import NotSentError
from appliance.broker.spend import MILLION, Spend
from appliance.escalation.wire import Fault
from appliance.policy.register import Provider

MINUTE_S = 60.0
"""Window of the rate ceiling; it slides."""

RETRY_S = 2
"""When a place is likely again: a managed answer takes some seconds, and several are under way."""


@dataclass(slots=True)
class _Gauge:
    """What goes on with one provider."""

    breaker: Breaker
    in_flight: int = 0
    sent_s: deque[float] = field(default_factory=deque)
    """When each request of the last minute went, oldest first."""


class Place:
    """One request's right to ask a provider; owned by its conversation."""

    def __init__(self, gauge: _Gauge, provider: Provider, *, worst: int, monotonic_s: Callable[[], float]) -> None:
        """Take what `Ceilings.place` knows."""
        self._gauge = gauge
        self._provider = provider
        self._monotonic_s = monotonic_s
        self.worst = worst
        """The most that it can cost, in millionths of a dollar."""

        self.is_free = False
        """Set where the provider cannot have charged for it: no byte left, or it answered with an error."""

        self._is_sent = False
        self._known_cost: int | None = None
        self._is_decided = False
        """Whether the breaker was told how it went."""

    def sending(self) -> None:
        """Count one sending, a repeated one too.  Raises NotSentError if this minute's are used up."""
        gauge, now_s = self._gauge, self._monotonic_s()
        while gauge.sent_s and now_s - gauge.sent_s[0] >= MINUTE_S:
            gauge.sent_s.popleft()
        most = self._provider.ceilings.requests_per_minute
        if len(gauge.sent_s) >= most:
            waits_s = math.ceil(MINUTE_S - (now_s - gauge.sent_s[0]))
            reason = f"provider {self._provider.name} is asked at most {most} times a minute"
            raise NotSentError("ceiling_reached", reason, retry_after_s=max(1, waits_s))
        gauge.sent_s.append(now_s)
        self._is_sent = True

    def answered(self, cost: int) -> None:
        """Note a whole answer and what it cost; 0 if the provider did not say, then the most counts."""
        self._known_cost = cost or None
        self._is_decided = True
        self._gauge.breaker.succeeded()

    def failed(self, fault: Fault, *, retry_after_s: int = 0) -> None:
        """Note a failure of the provider."""
        self._is_decided = True
        self._gauge.breaker.failed(fault, retry_after_s=retry_after_s)

    def leave(self) -> None:
        """Give the place back."""
        self._gauge.in_flight -= 1
        if not self._is_decided:
            self._gauge.breaker.left()

    @property
    def cost(self) -> int:
        """What it cost as far as is known, in millionths of a dollar: the most, once it was sent and nobody said."""
        if self.is_free or not self._is_sent:
            return 0
        return self.worst if self._known_cost is None else self._known_cost


class Ceilings:
    """The bounds of every provider; owned by the broker, used on one event loop."""

    def __init__(self, spend: Spend, *, monotonic_s: Callable[[], float]) -> None:
        """Take what was spent today and the clock that never goes back."""
        self._spend = spend
        self._monotonic_s = monotonic_s
        self._gauges: dict[str, _Gauge] = {}

    @asynccontextmanager
    async def place(self, provider: Provider, *, worst: int) -> AsyncIterator[Place]:
        """Hold a place while a provider is asked.  Raises NotSentError if there is none."""
        gauge = self._gauge(provider)
        if gauge.in_flight >= provider.ceilings.concurrent:
            reason = f"provider {provider.name} answers {gauge.in_flight} requests already, the most at once"
            raise NotSentError("ceiling_reached", reason, retry_after_s=RETRY_S)
        gauge.breaker.enter()
        gauge.in_flight += 1
        place = Place(gauge, provider, worst=worst, monotonic_s=self._monotonic_s)
        try:
            async with self._counted(place, provider):
                yield place
        finally:
            place.leave()

    def breaker(self, provider: Provider) -> Breaker:
        """Return the provider's breaker."""
        return self._gauge(provider).breaker

    def in_flight(self, provider: Provider) -> int:
        """Return how many requests are under way."""
        return self._gauge(provider).in_flight

    def spent_usd(self, provider: Provider) -> float:
        """Return what was spent today."""
        return self._spend.of(provider.name) / MILLION

    def fault(self, provider: Provider) -> str:
        """Say in a clause why no money may be spent with a provider; empty if some may."""
        if fault := self._spend.fault():
            return fault
        is_spent = self.spent_usd(provider) >= provider.ceilings.usd_per_day
        return f"today's {provider.ceilings.usd_per_day:.2f} USD are spent" if is_spent else ""

    @asynccontextmanager
    async def _counted(self, place: Place, provider: Provider) -> AsyncIterator[None]:
        reserve = asyncio.create_task(asyncio.to_thread(self._spend.reserve, provider, place.worst))
        try:
            await asyncio.shield(reserve)
            yield
        finally:
            # Shielded, as above: a caller that hangs up must not leave the worst case counted, nor free what was spent.
            await asyncio.shield(self._settle(place, provider, reserve))

    async def _settle(self, place: Place, provider: Provider, reserve: asyncio.Task[date]) -> None:
        [day] = await asyncio.gather(reserve, return_exceptions=True)
        if isinstance(day, date):
            await asyncio.to_thread(self._spend.settle, provider, day=day, reserved=place.worst, spent=place.cost)

    def _gauge(self, provider: Provider) -> _Gauge:
        if provider.name not in self._gauges:
            self._gauges[provider.name] = _Gauge(Breaker(self._monotonic_s))
        return self._gauges[provider.name]
