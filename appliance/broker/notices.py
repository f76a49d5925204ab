"""Says in the log what nobody asked about: agreements that end soon, and a clock that jumped.

At the start and once a day each agreement that ends within 60, 30 or 7 days, or has ended, is told; a clock that was
set is told when it happens, because agreements are counted by it.  Looking also lets the clock keep the latest time
that was seen while no request comes.
"""

import asyncio
from collections.abc import Callable
from datetime import date, timedelta

import structlog

from appliance.agreement_clock import AgreementClock
from appliance.policy.agreements import ENDED, warnings
from appliance.policy.register import Register

EVERY_S = 60.0
"""As often as the clock keeps what it saw."""

_log = structlog.get_logger("broker")


class Notices:
    """Remember what was told, so that it is told once a day; owned by `__main__`."""

    def __init__(self, clock: AgreementClock, register: Callable[[], Register]) -> None:
        """Take the clock of agreements and the register in force."""
        self._clock = clock
        self._register = register
        self._day: date | None = None
        self._register_told: Register | None = None
        self._jump = timedelta(0)
        self._fault = ""

    async def watch(self, *, every_s: float = EVERY_S) -> None:
        """Look until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(every_s)

    def look(self) -> None:
        """Tell what is new."""
        now, register = self._clock.moment().latest, self._register()
        if self._day != now.date() or self._register_told is not register:
            self._day, self._register_told = now.date(), register
            for warning in warnings(register, now):
                write = _log.error if warning.threshold == ENDED else _log.warning
                write(
                    "agreement_ends",
                    provider=warning.provider,
                    agreement=warning.agreement,
                    days_left=warning.days_left,
                    reason=warning.sentence,
                )
        self._look_at_clock()

    def _look_at_clock(self) -> None:
        jump = self._clock.jumped
        if abs(jump - self._jump) > timedelta(seconds=1):
            self._jump = jump
            _log.warning("clock_jumped", seconds=round(jump.total_seconds()))
        if self._clock.fault != self._fault:
            self._fault = self._clock.fault
            _log.error("agreement_clock_fault", reason=self._fault)
