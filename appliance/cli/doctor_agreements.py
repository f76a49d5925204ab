"""Checks of what may leave the building: agreements, their pins and credentials, and the approval of the register.

An agreement that has ended is a warning and no failure: the appliance starts and works, and its provider is closed.
No check changes anything, asks anybody outside, or opens a credential.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from appliance.agreement_clock import AgreementClock
from appliance.cli.doctor_finding import Finding, ok, warning
from appliance.cli.provider_state import Standing, standings
from appliance.clock import Clock
from appliance.config import Config
from appliance.policy.agreements import pin_ends, warnings
from appliance.policy.load import load_bundle
from appliance.policy.register import Provider

PIN_WARNING = timedelta(days=60)
"""As early as the first warning of an agreement: a new pin needs the same two officers."""


def agreements(config: Config) -> Iterator[Finding]:
    """Look at each agreement, what closes its provider, and what the broker needs to reach it."""
    bundle, now = load_bundle(config.policies), Clock().now()
    if not bundle.providers:
        yield ok("agreements", "no provider: nothing leaves the building")
        return
    told = {(each.provider, each.agreement): each.sentence for each in warnings(bundle.providers, now)}
    found = list(standings(config, bundle, now))
    for standing in found:
        yield _agreement(standing, told.get((standing.provider.name, standing.agreement.id), ""))
    for name, why in {each.provider.name: each.closed for each in found if each.closed}.items():
        yield warning("agreements", f"{name} is closed: {why}", f"'appliance provider show {name}' tells more")
    for provider in bundle.providers.values():
        yield from _pin(provider, now)
        yield from _credential(config, provider)
    yield from _clocks(config)


def _agreement(standing: Standing, sentence: str) -> Finding:
    if sentence:
        return warning("agreements", sentence, "ask the privacy office for the agreement that follows")
    found = f"{standing.provider.name}: {standing.agreement.id} {standing.state}, {standing.days_left} days left"
    return ok("agreements", found)


def _pin(provider: Provider, now: datetime) -> Iterator[Finding]:
    ends = pin_ends(provider)
    if ends - now <= PIN_WARNING:
        found = f"the pin of {provider.endpoint.host} ends {ends:%Y-%m-%d}"
        yield warning("agreements", found, "put the provider's new authority into policies/pins and propose it")


def _credential(config: Config, provider: Provider) -> Iterator[Finding]:
    folder = config.site.etc if config.site else config.broker_home
    file = folder / "credentials" / provider.credential
    if provider.credential and not file.exists():
        found = f"{file} is missing: {provider.name} cannot be asked"
        yield warning("agreements", found, "put the credential there (mode 0600), unless systemd hands it over")


def _clocks(config: Config) -> Iterator[Finding]:
    """Hold the machine's clock against the latest time that was seen; one behind it keeps ended agreements closed."""
    for file in (config.latest_time, config.broker_clock):
        clock = AgreementClock(Clock(), seen_file=file)
        if clock.fault:
            yield warning("agreements", clock.fault, "as the sentence says")
        elif clock.jumped < timedelta(0):
            hours = -clock.jumped.total_seconds() / 3600
            found = f"the clock is {hours:.1f} h behind the latest time in {file}, which counts for agreements"
            yield warning("agreements", found, "look that the clock is right, remove the file, and restart")
