"""The recorder's month keys: the current month's, and the turn to the next (FORMAT.md "Key life").

At the turn the index keys of past months are deleted and forgotten, so that whoever takes the recorder later can
search no month but the current and the prepared ones.  A clock set back never brings a past month's key back.
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

    def keys_at(self, time_ms: int) -> MonthKeys:
        """Return the keys of a moment's month.  Raises AppendError if none were prepared for it."""
        month, held = month_of(time_ms), self._current
        if held is not None and month <= held.month:
            return held
        try:
            self._current = MonthKeys(
                month=month,
                public=self._trail.public_month(month).load(),
                index=self._trail.index_key(month),
            )
            self._trail.forget_months_before(month)
        except AuditError as error:
            raise AppendError(str(error)) from error
        return self._current

    def warning_at(self, time_ms: int) -> str:
        """Return what the custodian must do soon; empty if nothing."""
        soon = datetime.fromtimestamp(time_ms / 1000, UTC) + WARNING
        wanted = month_after(month_of(time_ms))
        if soon.strftime("%Y-%m") < wanted or wanted in self._trail.prepared_months():
            return ""
        return f"no keys are prepared for {wanted}; run 'audit keys prepare' before it begins"
