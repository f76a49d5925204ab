"""What each provider has cost today, kept in one file so that a restart forgets nothing.

Money is whole millionths of a dollar, rounded up.  A call is counted before it is made, at the most that it can cost,
and corrected after: a crash in between leaves too much counted, never too little.  The day is a UTC day and never goes
back, so a clock that is set back does not give a second day's money.  A file that cannot be read or written closes
every route that costs money.
"""

import json
import math
import threading
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

from appliance.broker.not_sent import NotSentError
from appliance.durable_file import write_durably
from appliance.policy.register import ManagedModel, Provider

MILLION = 1_000_000
"""Prices are in dollars for a million tokens, so one token costs as many millionths as a million cost dollars."""

FORMAT = 1
"""Version of the file."""

MAX_BYTES = 1024 * 1024
"""A register of thousands of providers."""


def cost_micro_usd(model: ManagedModel, *, prompt_tokens: int, completion_tokens: int) -> int:
    """Return what these tokens cost, in millionths of a dollar, rounded up."""
    return math.ceil(prompt_tokens * model.input_usd_per_million + completion_tokens * model.output_usd_per_million)


class Spend:
    """Count what was spent; may be used from several threads."""

    def __init__(self, file: Path, *, now: Callable[[], datetime]) -> None:
        """Take the file, which need not be there yet, and the present in UTC."""
        self._file = file
        self._now = now
        self._lock = threading.Lock()
        """Whoever holds it is the only one to touch the file and what follows."""

        self._unreadable = ""
        self._unwritable = ""
        self._day, self._spent = self._read()

    def fault(self) -> str:
        """Say in a clause why nothing may be spent; empty if something may.  Tries again what could not be written."""
        if self._unwritable:
            with self._lock:
                self._write()
        return self._unreadable or self._unwritable

    def of(self, provider: str) -> int:
        """Return what was spent with a provider today."""
        return self._spent.get(provider, 0) if self._now().date() <= self._day else 0

    def reserve(self, provider: Provider, micro_usd: int) -> date:
        """Count the most that a call can cost, and return the day.  Raises NotSentError above the day's ceiling."""
        with self._lock:
            if self._unreadable:
                raise NotSentError("ceiling_reached", self._unreadable)
            self._turn_day()
            spent = self._spent.get(provider.name, 0)
            _check_ceiling(provider, spent=spent, micro_usd=micro_usd)
            self._spent[provider.name] = spent + micro_usd
            self._write()
            if self._unwritable:
                self._spent[provider.name] = spent
                raise NotSentError("ceiling_reached", self._unwritable)
            return self._day

    def settle(self, provider: Provider, *, day: date, reserved: int, spent: int) -> None:
        """Replace what was reserved on a day by what it cost in the end; a day that is over stays as it was."""
        with self._lock:
            if day == self._day:
                self._spent[provider.name] = max(0, self._spent.get(provider.name, 0) - reserved + spent)
                self._write()

    def _turn_day(self) -> None:
        today = self._now().date()
        if today > self._day:
            self._day, self._spent = today, {}

    def _write(self) -> None:
        """Replace the file in one step, durably; what could not be written is counted in memory all the same."""
        content = {"format": FORMAT, "day": self._day.isoformat(), "micro_usd": self._spent}
        data = json.dumps(content, sort_keys=True).encode() + b"\n"
        try:
            write_durably(self._file, data, mode=0o600)
        except OSError as error:
            self._unwritable = f"what is spent cannot be kept in {self._file} ({error.strerror}); make room or mend it"
        else:
            self._unwritable = ""

    def _read(self) -> tuple[date, dict[str, int]]:
        try:
            with self._file.open("rb") as file:
                return _parse(file.read(MAX_BYTES))
        except FileNotFoundError:
            return date.min, {}
        except (OSError, ValueError, RecursionError) as error:
            self._unreadable = (
                f"what was spent today cannot be read from {self._file} ({type(error).__name__}); see in the"
                " broker's log what was sent, remove the file, then restart the broker"
            )
            return date.max, {}


def _check_ceiling(provider: Provider, *, spent: int, micro_usd: int) -> None:
    ceiling_usd = provider.ceilings.usd_per_day
    if spent + micro_usd > ceiling_usd * MILLION:
        raise NotSentError(
            "ceiling_reached",
            f"provider {provider.name} has {ceiling_usd:.2f} USD a day, and {spent / MILLION:.2f} are spent; this"
            f" request could cost {micro_usd / MILLION:.2f}",
        )


def _parse(data: bytes) -> tuple[date, dict[str, int]]:
    """Return day and sums.  Raises ValueError for anything else."""
    match json.loads(data):
        case {"format": 1, "day": str(day), "micro_usd": dict(spent)} if all(map(_is_sum, spent.values())):
            return date.fromisoformat(day), dict(spent)
        case _:
            raise ValueError("not what `Spend` writes")


def _is_sum(value: object) -> bool:
    return type(value) is int and value >= 0
