"""How each provider of the register on disk stands today: its agreement, the days left, and why it is closed.

One answer for ``appliance provider``, ``status`` and ``doctor``.  It is what the files say; whether the broker can
reach a provider is the broker's to say, and stands in the gateway's readiness.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from appliance.approval import Approvals, Closed
from appliance.clock import Moment
from appliance.config import Config
from appliance.policy.bundle import Bundle
from appliance.policy.register import Agreement, Provider

State = Literal["in force", "not yet in force", "expired"]
"""How an agreement stands; its neighbours may be in force beside it for other uses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One agreement of one provider today."""

    provider: Provider
    agreement: Agreement
    state: State
    days_left: int
    """Whole days until it expires; 0 on the last one and after."""

    closed: str
    """Why the provider is closed whatever its agreements say, in a clause; empty if it is not."""

    def words(self) -> str:
        """Return the state for a person, whom a closed provider concerns first."""
        return f"closed: {self.closed}" if self.closed else self.state

    def is_open(self) -> bool:
        """Say whether the files let anything leave under it now."""
        return not self.closed and self.state == "in force"


def standings(config: Config, bundle: Bundle, now: datetime) -> Iterator[Standing]:
    """Yield every agreement of every provider, in the order of the register."""
    approval, closed = Approvals.of(config).why_not_bundle(bundle), Closed.of(config)
    for provider in bundle.providers.values():
        why = "; ".join(filter(None, (approval, closed.why(provider.name))))
        for agreement in provider.agreements:
            yield Standing(
                provider=provider,
                agreement=agreement,
                state=_state(agreement, now),
                days_left=max((agreement.expires - now).days, 0),
                closed=why,
            )


def _state(agreement: Agreement, now: datetime) -> State:
    if agreement.in_force(Moment.at(now)):
        return "in force"
    return "expired" if agreement.expires <= now else "not yet in force"
