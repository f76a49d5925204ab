"""Everything that one broker process holds, put together in `__main__` and handed to each conversation."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from appliance.broker.adapters import Adapters
from appliance.broker.ceilings import Ceilings
from appliance.broker.credentials import Credentials
from appliance.broker.disclosure import Grant, Standing, grant
from appliance.broker.records import Records
from appliance.clock import Moment
from appliance.escalation.wire import DiscloseRequest
from appliance.policy.current import CurrentPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """The parts of one broker; owned by its event loop."""

    policy: CurrentPolicy
    moments: Callable[[], Moment]
    """The present, as far as the clock can be trusted."""

    monotonic_s: Callable[[], float]
    """For durations; never compared with the above."""

    unapproved: Callable[[str], str]
    """Why a bundle with this digest is not approved by two people; empty if it is."""

    closed: Callable[[str], str]
    """Why a provider is closed by hand, by its name; empty if nobody closed it."""

    records: Records
    ceilings: Ceilings
    credentials: Credentials
    adapters: Adapters
    check: Callable[[object, bytes], None]
    """The last look at the exact bytes: `disclosure.check_outgoing`."""

    checkers: Executor
    """Threads in which it looks."""

    def grant(self, request: DiscloseRequest) -> Grant:
        """Return where a request may go at this very moment.  Raises NotSentError."""
        bundle = self.policy.bundle
        return grant(request, bundle, standing=self.standing(), moment=self.moments())

    def standing(self) -> Standing:
        """Return what people have said about the bundle in force."""
        bundle = self.policy.bundle
        unapproved = self.unapproved(bundle.digest) if bundle.providers else ""
        return Standing(unapproved=unapproved, closed=self.closed)
