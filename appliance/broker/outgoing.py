"""What is about to leave, who is asked before it does, and the one error for everything that goes wrong after.

Egress, adapters and the broker's core meet in these words.  A fault's sentence is ours: no text of an SDK or of a
provider, which may echo the request, ever stands in one.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from appliance.escalation.wire import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What is about to leave: the whole body, byte by byte."""

    host: str
    path: str
    """With its query; holds model and version names only."""

    body: bytes = field(repr=False)


BeforeSend = Callable[[Outgoing], Awaitable[None]]
"""Returns when these bytes may leave; raises when they may not.  Called again, with the same bytes, for each retry."""


class ProviderFaultError(Exception):
    """Say that no whole answer came, and what of it is certain."""

    def __init__(
        self, fault: Fault, reason: str, *, retry_after_s: int = 0, sent: bool = True, answered: bool = False
    ) -> None:
        """Take the fault and one plain sentence in our own words."""
        super().__init__(reason)
        self.fault: Fault = fault
        self.reason = reason
        self.retry_after_s = retry_after_s
        """What the provider said; 0 if nothing."""

        self.sent = sent
        """False where it is certain that no byte of the request left."""

        self.answered = answered
        """True where a part of an answer was handed on."""
