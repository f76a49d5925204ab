"""Move days by one secret interval on their way out, and move the days of an answer back.

One interval for all days of an exchange keeps what matters: ages, intervals, the order of things and, as it is whole
weeks, the day of the week.  It is not Safe Harbor (45 CFR 164.514(b)(2)(i)(C)), which wants all but the year gone.

A day that the model worked out itself ("two weeks after") lies on the moved calendar as well, so it is moved back when
it lies near one that was moved; a day far from all of them, or one that the caller's text still shows, stays.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import assert_never

from appliance.phi.dates import Precision, Written

NEAR_DAYS = 2 * 366
"""Two years around the days of the exchange: a follow-up lies within, a guideline's publication mostly not."""

_MONTHS_A_YEAR = 12

_DAYS_A_MONTH = 30.44

_COMMON_YEAR = 2023
"""Stands in for a year that is not written; 2024 for the 29th of February."""


@dataclass(slots=True, kw_only=True, repr=False)
class MovedDays:
    """The days that were moved in one exchange."""

    shift_days: int = 0
    """Zero where days are not moved."""

    day_first: bool = False
    """The caller writes 25/12 and not 12/25."""

    written: dict[str, str] = field(default_factory=dict)
    """Each day as it was issued, and as the caller wrote it."""

    days: set[date] = field(default_factory=set)
    """Days as issued."""

    months: set[tuple[int, int]] = field(default_factory=set)
    yearless: dict[tuple[int, int], set[tuple[int, int]]] = field(default_factory=dict)
    """Month and day as issued, and those that they stand for: more than one around a 29th of February."""

    numeric_yearless: set[tuple[int, int]] = field(default_factory=set)
    """Those of them that were written in digits; ``5/14`` elsewhere may be a muscle's strength."""

    kept: set[date] = field(default_factory=set)
    """Days that the caller's text still shows as they are."""

    def moved(self, day: Written) -> str:
        """Write a day of the caller as it leaves."""
        year, month, number = self.target(day, 1)
        return day.moved(year=year, month=month, day=number)

    def remember(self, day: Written, moved: str, original: str) -> None:
        """Remember that a day left so."""
        year, month, number = self.target(day, 1)
        self.written[moved] = original
        match day.precision:
            case Precision.DAY:
                self.days.add(date(year, month, number))
            case Precision.MONTH:
                self.months.add((year, month))
            case Precision.NO_YEAR if day.is_numeric:
                self.numeric_yearless.add((month, number))
            case _:
                pass
        if day.precision is not Precision.MONTH:
            self.yearless.setdefault((month, number), set()).add((day.month, day.day))

    def meets(self, days: Iterable[Written]) -> bool:
        """Say whether one of these days would leave as another of them."""
        originals = {(day.year, day.month, day.day): day for day in days}
        return any(self.target(day, 1) in originals for day in originals.values())

    def back(self, day: Written) -> str | None:
        """Write a day of an answer as the caller's; None where it must stay as it is.

        Of one without its year that `is_unsure` the caller MUST NOT ask.
        """
        if not self.shift_days or not self._is_ours(day):
            return None
        year, month, number = self.target(day, -1)
        if day.precision is Precision.NO_YEAR:
            month, number = min(self.yearless[day.month, day.day])
        return day.moved(year=year, month=month, day=number)

    def is_unsure(self, day: Written) -> bool:
        """Say whether a day without its year stands for more than one of the caller's."""
        return day.precision is Precision.NO_YEAR and len(self.yearless.get((day.month, day.day), ())) > 1

    def _is_ours(self, day: Written) -> bool:
        calendar_day = day.calendar_day()
        match day.precision:
            case Precision.DAY if calendar_day is not None:
                if calendar_day in self.days:
                    return True
                return calendar_day not in self.kept and day.is_separated() and self._is_near(calendar_day)
            case Precision.MONTH:
                if (day.year, day.month) in self.months:
                    return True
                return not day.is_numeric and self._is_near(date(day.year, day.month, 1))
            case _:
                known = self.numeric_yearless if day.is_numeric else self.yearless
                return (day.month, day.day) in known

    def _is_near(self, day: date) -> bool:
        return any(abs((day - other).days) <= NEAR_DAYS for other in self.days)

    def target(self, day: Written, direction: int) -> tuple[int, int, int]:
        """Return year, month and day of a day moved out (1) or back (-1)."""
        shift_days = direction * self.shift_days
        match day.precision:
            case Precision.MONTH:
                months = day.year * _MONTHS_A_YEAR + day.month - 1 + direction * round(self.shift_days / _DAYS_A_MONTH)
                return months // _MONTHS_A_YEAR, months % _MONTHS_A_YEAR + 1, 0
            case Precision.NO_YEAR:
                is_leap_day = (day.month, day.day) == (2, 29)
                moved = date(_COMMON_YEAR + is_leap_day, day.month, day.day) + timedelta(days=shift_days)
                return 0, moved.month, moved.day
            case Precision.DAY:
                moved = date(day.year, day.month, day.day) + timedelta(days=shift_days)
                return moved.year, moved.month, moved.day
            case never:
                assert_never(never)
