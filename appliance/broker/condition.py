"""Says how each provider stands, for whoever asks the broker: routing, readiness, metrics and `appliance status`.

It is what the broker's own checks would say to the next request, without one: nothing is kept here that could differ
from them.  An answer opens nothing; each request is checked again.
"""

from appliance.broker.office import Office
from appliance.clock import Moment
from appliance.escalation.wire import HelloAnswer, ProviderCondition
from appliance.policy.register import Agreement, Provider


def hello(office: Office, *, call: int) -> HelloAnswer:
    """Return the broker's answer to a hello."""
    bundle = office.policy.bundle
    standing = office.standing()
    moment = office.moments()
    return HelloAnswer(
        call=call,
        policy_digest=bundle.digest,
        state="policy_invalid" if office.policy.last_error else "ready",
        providers=tuple(bundle.providers),
        approval=standing.unapproved,
        conditions=tuple(
            _condition(office, provider, moment=moment, closed=standing.unapproved or standing.closed(provider.name))
            for provider in bundle.providers.values()
        ),
    )


def _condition(office: Office, provider: Provider, *, moment: Moment, closed: str) -> ProviderCondition:
    agreement = next((each for each in provider.agreements if each.in_force(moment)), None)
    breaker = office.ceilings.breaker(provider)
    reason = (
        closed
        or ("" if agreement else _without_agreement(provider, moment))
        or office.credentials.problem(provider)
        or office.ceilings.fault(provider)
    )
    return ProviderCondition(
        name=provider.name,
        state="closed" if reason else breaker.state,
        reason=reason or breaker.reason(),
        agreement=agreement.id if agreement else "",
        expires=agreement.expires.isoformat() if agreement else "",
        days_left=_days_left(agreement, moment) if agreement else None,
        in_flight=office.ceilings.in_flight(provider),
        spent_usd=office.ceilings.spent_usd(provider),
        ceiling_usd=provider.ceilings.usd_per_day,
        sandbox=provider.sandbox,
    )


def _days_left(agreement: Agreement, moment: Moment) -> int:
    return (agreement.expires - moment.latest).days


def _without_agreement(provider: Provider, moment: Moment) -> str:
    last = max(provider.agreements, key=lambda each: each.expires, default=None)
    if last is not None and last.expires <= moment.latest:
        return f"agreement {last.id} with {provider.recipient} expired at {last.expires.isoformat()}"
    return f"no agreement with {provider.recipient} is in force"
