"""What Prometheus is told of the managed route: agreements and how long they last, providers, and what left.

Labels are names of the register, so the number of series is bounded by it, and nothing here is PHI.  The figures of
agreements are the gateway's own and go on when no broker answers; those of a provider are the broker's last word.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Final

from appliance.api.metrics import Metrics, Row
from appliance.clock import Clock
from appliance.escalation.condition import BrokerCondition
from appliance.policy.agreements import ENDED, THRESHOLDS, warnings
from appliance.policy.register import Provider, Register

STATES: Final = ("open", "probing", "closed")
"""Values of `wire.ProviderCondition.state`, as metric labels."""

_DAY: Final = timedelta(days=1)


class ManagedMetrics:
    """The series of the managed route."""

    def __init__(
        self,
        *,
        register: Callable[[], Register],
        broker: Callable[[], BrokerCondition],
        disclosed: Callable[[], Mapping[str, int]],
        clock: Clock,
    ) -> None:
        """Take where the register in force, the broker's last word, the disclosures and the time are read."""
        self._register = register
        self._broker = broker
        self._disclosed = disclosed
        self._clock = clock

    def add_to(self, metrics: Metrics) -> None:
        """Add the series."""
        metrics.watch("appliance_broker_reachable", "1 if the broker answers.", lambda: float(self._broker().reachable))
        metrics.watch_rows(
            "appliance_agreement_days_left",
            "Days until an agreement in force ends; below 0 where the last one has ended.",
            labels=("provider", "agreement"),
            read=self._days_left,
        )
        metrics.watch_rows(
            "appliance_agreements_ending",
            "Agreements that end within so many days and that none follows; 0 for those that have ended.",
            labels=("days",),
            read=self._ending,
        )
        metrics.watch_rows(
            "appliance_provider_condition",
            "1 for the provider's condition that holds; closed where the broker does not answer.",
            labels=("provider", "state"),
            read=self._conditions,
        )
        metrics.watch_rows(
            "appliance_provider_spent_usd",
            "Spent since midnight UTC, by the prices in the register.",
            labels=("provider",),
            read=self._spent,
        )
        metrics.watch_rows(
            "appliance_disclosures",
            "Disclosures to a provider that became durable; bytes may have left for each.",
            labels=("provider",),
            read=lambda: (((name,), float(count)) for name, count in self._disclosed().items()),
            is_counter=True,
        )

    def _days_left(self) -> Iterable[Row]:
        now = self._clock.now()
        for provider in self._register().values():
            running = [each for each in provider.agreements if each.effective <= now < each.expires]
            ended = [each for each in provider.agreements if each.expires <= now]
            shown = running or sorted(ended, key=lambda each: each.expires)[-1:]
            yield from (((provider.name, each.id), (each.expires - now) / _DAY) for each in shown)

    def _ending(self) -> Iterable[Row]:
        found = [each.threshold for each in warnings(self._register(), self._clock.now())]
        return [((str(days),), float(sum(each <= days for each in found))) for days in (ENDED, *THRESHOLDS)]

    def _conditions(self) -> Iterable[Row]:
        for provider in self._register().values():
            holds = self._state(provider)
            yield from (((provider.name, state), float(state == holds)) for state in STATES)

    def _state(self, provider: Provider) -> str:
        condition = self._broker().providers.get(provider.name)
        return "closed" if condition is None else condition.state

    def _spent(self) -> Iterable[Row]:
        return [((each.name,), each.spent_usd) for each in self._broker().providers.values()]
