"""Stops asking a provider that fails, and asks it again with one request at a time.

After `FAILURES` failures in a row, or one refused credential, the provider is left alone for a pause that doubles each
time, or as long as it asked for.  Then one request goes as a probe: its success opens the way, its failure closes it
again.  Every try is a disclosure, so a provider that cannot answer MUST NOT be handed more of them.
"""

import math
from collections.abc import Callable
from typing import Literal

from appliance.broker.not_sent import NotSentError
from appliance.escalation.wire import Fault

FAILURES = 5
"""In a row; a single reset or slow answer is everyday on the internet, five are an outage."""

FIRST_PAUSE_S = 10.0
"""Long enough for a restart on the other side, short enough that a clinician may still be waiting."""

LAST_PAUSE_S = 300.0
"""A provider that is back is noticed within five minutes."""

_BLAMELESS: frozenset[Fault] = frozenset({"rejected"})
"""The provider answered and did not like this one request; the next one may be fine."""

_FINAL: frozenset[Fault] = frozenset({"unauthorized"})
"""Every further request would be refused alike, and would have left the building for nothing."""


class Breaker:
    """Know whether one provider may be asked; owned by `limits`, used on one event loop."""

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        """Take the clock that never goes back."""
        self._monotonic_s = monotonic_s
        self._failures = 0
        self._pause_s = 0.0
        """Of the last opening; 0 while nothing is wrong."""

        self._until_s = 0.0
        self._probing = False
        """Whether the one request that may try is under way."""

    @property
    def state(self) -> Literal["open", "probing", "closed"]:
        """Return whether requests may pass, in the words of `wire.ProviderCondition`."""
        if not self._pause_s:
            return "open"
        return "closed" if self._waits_s() else "probing"

    def reason(self) -> str:
        """Say in a clause why requests do not pass freely; empty if they do."""
        if self.state == "open":
            return ""
        if self.state == "probing":
            return "the provider failed repeatedly and is tried with one request"
        return f"the provider failed repeatedly and is left alone for {self._waits_s()} s more"

    def enter(self) -> None:
        """Let one request pass.  Raises NotSentError while the provider is left alone or a probe is under way.

        The caller MUST say how it ended: `succeeded`, `failed`, or `left` if the provider was not asked after all.
        """
        waits_s = self._waits_s()
        if self._pause_s and (waits_s or self._probing):
            raise NotSentError("provider_closed", self.reason(), retry_after_s=max(1, waits_s))
        self._probing = bool(self._pause_s)

    def succeeded(self) -> None:
        """Forget all failures."""
        self._failures, self._pause_s, self._probing = 0, 0.0, False

    def failed(self, fault: Fault, *, retry_after_s: int = 0) -> None:
        """Count a failure, and close the way if it is one too many."""
        if fault in _BLAMELESS:
            self.succeeded()
            return
        self._failures += 1
        if self._pause_s or self._failures >= FAILURES or fault in _FINAL:
            self._pause_s = max(min(LAST_PAUSE_S, 2 * self._pause_s), FIRST_PAUSE_S)
            asked_s = min(float(retry_after_s), LAST_PAUSE_S)
            self._until_s = self._monotonic_s() + max(self._pause_s, asked_s)
        self._probing = False

    def left(self) -> None:
        """Give the place back: the provider was not asked, or nobody waited for its answer."""
        self._probing = False

    def _waits_s(self) -> int:
        return max(0, math.ceil(self._until_s - self._monotonic_s())) if self._pause_s else 0
