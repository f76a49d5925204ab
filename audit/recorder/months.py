"""The recorder's month keys: the current month's, and the turn to the next (FORMAT.md "Key life").

With the first durable record of a month the index keys of past months are deleted and forgotten, so that whoever takes
the recorder later can search no month but the current and the prepared ones.  Not before: a clock that is ahead for a
moment, or a crash at the turn, must leave the keys of the month that goes on.  A clock set back never brings a past
month's key back, because no record is given a time before the newest one.
"""

from datetime import UTC, datetime, timedelta

from audit.errors import AppendError, AuditError
from audit.keyring import Trail, month_after
from audit.log import MonthKeys
from audit.record import month_of

WARNING = timedelta(days=7)
"""How long before a month without keys the health says so: a custodian's week."""


class Months:
    """Hold one month's keys at a time.  Owned by the recorder's event loop."""

    def __init__(self, trail: Trail) -> None:
        """Take the trail's folder; keys are read when first needed."""
        self._trail = trail
        self._current: MonthKeys | None = None
        self._kept_from = ""
        """Month before which no index key is left; empty until that was looked at."""

    def keys_at(self, time_ms: int, *, durable_ms: int) -> MonthKeys:
        """Return the keys of a moment's month, given the time of the newest durable record, which is no later.

        Raises AppendError if none were prepared for it.
        """
        month = month_of(time_ms)
        try:
            self._forget_before(month_of(durable_ms))
            if self._current is None or self._current.month != month:
                self._current = MonthKeys(
                    month=month,
                    public=self._trail.public_month(month).load(),
                    index=self._trail.index_key(month),
                )
        except AuditError as error:
            raise AppendError(str(error)) from error
        return self._current

    def _forget_before(self, month: str) -> None:
        if month > self._kept_from:
            self._trail.forget_months_before(month)
            self._kept_from = month

    def warning_at(self, time_ms: int) -> str:
        """Return what the custodian must do soon; empty if nothing."""
        soon = datetime.fromtimestamp(time_ms / 1000, UTC) + WARNING
        wanted = month_after(month_of(time_ms))
        if soon.strftime("%Y-%m") < wanted or wanted in self._trail.prepared_months():
            return ""
        return f"no keys are prepared for {wanted}; run 'audit keys prepare' before it begins"
