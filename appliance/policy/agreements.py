"""When agreements end, and who is told before: ended ones refuse a change of the register, and warn 60, 30, 7, 0 days.

An ended agreement never stops a start: local work goes on, the route is closed by itself, and it is said loudly.  But
nobody may put a register in force today that names one that has ended.  Pure: the moment is handed in.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from appliance.errors import PolicyInvalidError
from appliance.policy.pins import certificates
from appliance.policy.register import Agreement, Provider, Register

THRESHOLDS = (7, 30, 60)
"""Days before the end at which people are told, from the most to the least urgent; renewing takes weeks."""

ENDED = 0
"""The threshold of an agreement that has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementWarning:
    """One agreement that ends soon or has ended, and that none follows."""

    provider: str
    agreement: str
    expires: datetime
    days_left: int
    """Whole days; 0 on its last day and after its end."""

    threshold: int
    """60, 30 or 7 for the days within which it ends; 0 once it has."""

    sentence: str


def check_expiry(register: Register, now: datetime) -> None:
    """Refuse a register with an agreement that has ended or a pin that no longer vouches.

    Raises PolicyInvalidError.  For whoever changes the register or loads it anew; a start must not call it.
    """
    for provider in register.values():
        for agreement in provider.agreements:
            if agreement.expires <= now:
                raise PolicyInvalidError(
                    f"providers.yaml: agreement '{agreement.id}' of provider '{provider.name}' expired at "
                    f"{_day_and_time(agreement.expires)}; remove it and enter the one that follows, or remove the "
                    "provider."
                )
        ended = pin_ends(provider)
        if ended <= now:
            raise PolicyInvalidError(
                f"providers.yaml: the pinned authority of host '{provider.endpoint.host}' expired at "
                f"{_day_and_time(ended)}; put the provider's new one into pins/."
            )


def pin_ends(provider: Provider) -> datetime:
    """Return when the last certificate of the provider's pin ends: from then on nothing can vouch for its host."""
    return max(each.not_valid_after_utc for each in certificates(provider.endpoint.ca_pem))


def warnings(register: Register, now: datetime) -> tuple[AgreementWarning, ...]:
    """Return what people must be told now, the most urgent first."""
    found = (
        warning
        for provider in register.values()
        for agreement in provider.agreements
        if (warning := _warning(provider, agreement, now)) is not None
    )
    return tuple(sorted(found, key=lambda each: (each.expires, each.provider, each.agreement)))


def _warning(provider: Provider, agreement: Agreement, now: datetime) -> AgreementWarning | None:
    left = agreement.expires - now
    within = next((days for days in THRESHOLDS if left <= timedelta(days=days)), None)
    if within is None or _is_followed(provider, agreement):
        return None
    threshold = within if left > timedelta(0) else ENDED
    return AgreementWarning(
        provider=provider.name,
        agreement=agreement.id,
        expires=agreement.expires,
        days_left=max(left.days, 0),
        threshold=threshold,
        sentence=_sentence(provider, agreement, threshold=threshold, days_left=max(left.days, 0)),
    )


def _sentence(provider: Provider, agreement: Agreement, *, threshold: int, days_left: int) -> str:
    named = f"Agreement {agreement.id} with {provider.recipient}"
    if threshold == ENDED:
        return (
            f"{named} expired at {_day_and_time(agreement.expires)}: provider '{provider.name}' is closed until two "
            "officers approve a register with the agreement that follows."
        )
    left = f"in {days_left} day{'' if days_left == 1 else 's'}" if days_left else "within a day"
    return (
        f"{named} expires {left}, at {_day_and_time(agreement.expires)}; from then on provider '{provider.name}' is "
        "closed. Renew it, or enter the one that follows ('appliance policy propose')."
    )


def _is_followed(provider: Provider, agreement: Agreement) -> bool:
    """Say whether another agreement begins at the very moment and covers at least as much."""
    return any(
        each.effective <= agreement.expires < each.expires and _covers_as_much(each, agreement)
        for each in provider.agreements
    )


def _covers_as_much(later: Agreement, earlier: Agreement) -> bool:
    return (
        _includes(later.models, earlier.models)
        and _includes(later.tasks, earlier.tasks)
        and later.services >= earlier.services
        and later.regions >= earlier.regions
        and later.purposes >= earlier.purposes
        and later.data_classes >= earlier.data_classes
    )


def _includes(later: frozenset[str], earlier: frozenset[str]) -> bool:
    """Compare two scopes in which nothing means everything."""
    return not later or (bool(earlier) and later >= earlier)


def _day_and_time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M %Z}"
