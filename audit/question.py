"""A question to the trail: which records, and from when to when.

Read from what a person or a program typed, and wrong at once rather than silently empty.  A question may hold a record
number or a user id; `described` is the only form of it that may be recorded or logged, and has neither.

Example: ``ask(task="medical-coding", since="24h")``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from audit.errors import QueryError
from audit.record import Kind, Outcome

DEFAULT_LIMIT = 50
"""Rows of one page: what a person reads at once."""

MAX_LIMIT = 1000
"""Rows of one page at most, so that an answer stays below a few megabytes."""

MAX_TEXT = 256
"""Characters of one filter; no identifier of ours is longer."""

NO_END = 2**53 - 1
"""Above every time and every sequence number (`canonical.MAX_INTEGER`)."""

_SPAN = re.compile(r"([1-9][0-9]{0,5})([mhdw])", re.ASCII)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_CURSOR = re.compile(r"s([0-9]{1,15})\.([0-9]{1,15})", re.ASCII)
_TIME_HELP = "write a date (2026-01-31), a time (2026-01-31T14:00), or a span before now (24h, 7d, 2w)"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Question:
    """Filters that must all hold; an empty one does not apply.  It has no repr: that could put PHI into a log."""

    patient: str = ""
    """Record number, as the integration sent it."""

    user: str = ""
    """The person who acted, as the integration named them."""

    task: str = ""
    client: str = ""
    kind: str = ""
    """A `Kind` value."""

    outcome: str = ""
    """An `Outcome` value."""

    exchange_id: str = ""
    since_ms: int = 0
    """First moment asked for, milliseconds since 1970 UTC; 0 for the beginning."""

    until_ms: int = NO_END
    """First moment not asked for any more."""

    limit: int = DEFAULT_LIMIT
    before: int = NO_END
    """Only records with a lower sequence number: where the page before ended."""

    top: int = NO_END
    """Size of the trail when the first page was asked for, so that later pages see the same trail."""

    by_event: bool = False
    """One row an event instead of one an exchange."""

    def described(self) -> dict[str, str | int | bool | list[str]]:
        """Return the question without the patient's or the user's name: which filters, and the harmless values."""
        plain = {"task": self.task, "client": self.client, "kind": self.kind, "outcome": self.outcome}
        filters: dict[str, str | int | bool | list[str]] = {name: value for name, value in plain.items() if value}
        hidden = [name for name in ("patient", "user") if getattr(self, name)]
        spans = {"since_ms": self.since_ms, "until_ms": self.until_ms} if self.has_span() else {}
        return {**filters, **spans, **({"asked_by": hidden} if hidden else {}), "limit": self.limit}

    def has_span(self) -> bool:
        """Say whether the question is limited in time."""
        return self.since_ms > 0 or self.has_end()

    def has_end(self) -> bool:
        """Say whether the question leaves out the newest records."""
        return self.until_ms < NO_END


def ask(filters: Mapping[str, str], *, now: datetime, limit: int = DEFAULT_LIMIT, by_event: bool = False) -> Question:
    """Read a question from the words typed for each filter.  Raises QueryError that names the filter and its form."""
    for name, value in filters.items():
        if len(value) > MAX_TEXT or "\0" in value:
            raise QueryError(f"{name} is longer than {MAX_TEXT} characters or holds a NUL; shorten it.")
    if not 1 <= limit <= MAX_LIMIT:
        raise QueryError(f"limit is from 1 to {MAX_LIMIT}; page on with the cursor.")
    _check_member("kind", filters.get("kind", ""), tuple(Kind))
    _check_member("outcome", filters.get("outcome", ""), tuple(Outcome))
    plain = {name: filters.get(name, "") for name in ("patient", "user", "task", "client", "kind", "outcome")}
    since, until = filters.get("since", ""), filters.get("until", "")
    before, top = _page(filters.get("cursor", ""))
    question = Question(
        **plain,
        exchange_id=filters.get("exchange", ""),
        since_ms=_moment_ms(since, name="since", now=now) if since else 0,
        until_ms=_moment_ms(until, name="until", now=now) if until else NO_END,
        limit=limit,
        before=before,
        top=top,
        by_event=by_event,
    )
    if question.since_ms >= question.until_ms:
        raise QueryError("since is not before until; nothing can lie between them.")
    return question


def to_cursor(*, before: int, top: int) -> str:
    """Return the cursor of the page after the one that ends with this record, in the trail of this size."""
    return f"s{before}.{top}"


def _page(cursor: str) -> tuple[int, int]:
    if not cursor:
        return NO_END, NO_END
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise QueryError("cursor is not one that a query printed; leave it out to begin again.")
    return int(match.group(1)), int(match.group(2))


def _check_member(name: str, value: str, members: tuple[str, ...]) -> None:
    if value and value not in members:
        raise QueryError(f"{name} is one of: {', '.join(members)}.")


def _moment_ms(text: str, *, name: str, now: datetime) -> int:
    """Return the moment in milliseconds; a date is its first moment for since, and its last for until."""
    span = _SPAN.fullmatch(text)
    try:
        if span:
            moment = now - int(span.group(1)) * _UNITS[span.group(2)]
        else:
            moment = datetime.fromisoformat(text)
            if name == "until" and _DATE.fullmatch(text):
                moment += timedelta(days=1)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(int(aware.timestamp() * 1000), 1)
    except (ValueError, OverflowError) as error:
        raise QueryError(f"{name} is no moment: {_TIME_HELP}.") from error
