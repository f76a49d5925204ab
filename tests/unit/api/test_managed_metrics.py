from datetime import UTC, datetime, timedelta

from prometheus_client import generate_latest

from appliance.api.managed_metrics import ManagedMetrics
from appliance.api.metrics import Metrics
from appliance.clock import Clock
from appliance.escalation.condition import UNREACHABLE, BrokerCondition
from appliance.escalation.wire import ProviderCondition
from appliance.policy.register import Provider
from tests.support.registers import a_provider, a_register, an_agreement

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


class NoonClock(Clock):
    """Stands still at noon."""

    def now(self) -> datetime:
        """Return noon."""
        return NOW


def told(*providers: Provider, broker: BrokerCondition = UNREACHABLE, **disclosed: int) -> list[str]:
    """Return the series as Prometheus reads them."""
    metrics = Metrics()
    managed = ManagedMetrics(
        register=lambda: a_register(*providers) if providers else {},
        broker=lambda: broker,
        disclosed=lambda: disclosed,
        clock=NoonClock(),
    )
    managed.add_to(metrics)
    return generate_latest(metrics.registry).decode().splitlines()


def until(days: float, name: str = "BAA-1") -> object:
    """Return an agreement that ends after so many days."""
    return an_agreement(id=name, expires=NOW + timedelta(days=days))


def test_days_left_are_told_for_the_agreement_in_force() -> None:
    later = an_agreement(id="BAA-2", effective=NOW + timedelta(days=20), expires=NOW + timedelta(days=400))

    series = told(a_provider(agreements=(until(20), later)))

    assert 'appliance_agreement_days_left{agreement="BAA-1",provider="example-cloud"} 20.0' in series
    assert not [line for line in series if "BAA-2" in line]


def test_an_agreement_that_ended_counts_on_below_zero() -> None:
    series = told(a_provider(agreements=(until(-40, "BAA-0"), until(-2))))

    assert 'appliance_agreement_days_left{agreement="BAA-1",provider="example-cloud"} -2.0' in series
    assert not [line for line in series if "BAA-0" in line]


def test_a_provider_whose_agreement_has_not_begun_has_no_days_left() -> None:
    begins = an_agreement(effective=NOW + timedelta(days=1))

    assert not [line for line in told(a_provider(agreements=(begins,))) if line.startswith("appliance_agreement_days")]


def test_ending_agreements_are_counted_by_the_days_within_which_they_end() -> None:
    providers = [a_provider(name=f"p{days}", agreements=(until(days),)) for days in (-1, 3, 20, 50, 90)]

    series = told(*providers)

    counts = {days: f'appliance_agreements_ending{{days="{days}"}}' for days in (0, 7, 30, 60)}
    assert [f"{counts[days]} {count}.0" in series for days, count in ((0, 1), (7, 2), (30, 3), (60, 4))] == [True] * 4


def test_a_broker_that_does_not_answer_closes_every_provider() -> None:
    series = told(a_provider())

    assert "appliance_broker_reachable 0.0" in series
    assert 'appliance_provider_condition{provider="example-cloud",state="closed"} 1.0' in series
    assert 'appliance_provider_condition{provider="example-cloud",state="open"} 0.0' in series


def test_the_brokers_word_on_a_provider_is_passed_on() -> None:
    probing = ProviderCondition(name="example-cloud", state="probing", spent_usd=1.25)
    broker = BrokerCondition(reachable=True, providers={"example-cloud": probing})

    series = told(a_provider(), broker=broker)

    assert "appliance_broker_reachable 1.0" in series
    assert 'appliance_provider_condition{provider="example-cloud",state="probing"} 1.0' in series
    assert 'appliance_provider_spent_usd{provider="example-cloud"} 1.25' in series


def test_disclosures_are_counted() -> None:
    assert 'appliance_disclosures_total{provider="example"} 3.0' in told(example=3)
