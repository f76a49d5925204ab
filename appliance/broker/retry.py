"""Says whether a provider asked for the same bytes to be sent again, and when.

Only three statuses say so, only with a time beside them, and only before any byte of an answer: everything else is
final, because the provider may have read the request already (RFC 9110 9.2.2: a POST is not idempotent).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

REPEATABLE = frozenset({429, 503, 529})
"""Too many requests, service unavailable, and Anthropic's overloaded."""

MAX_REPEATS = 2
"""After the first attempt."""

LEAST_WAIT_S = 0.25
"""A provider that says "0 seconds" is given a moment all the same."""

MOST_WAIT_S = 3600
"""A longer one is read as this; no deadline is longer."""


def wait_of(headers: Mapping[str, str]) -> int:
    """Return the whole seconds that ``Retry-After`` states, 0 if it states none that can be read (RFC 9110 10.2.3).

    A date counts from the answer's own ``Date``, so that our clock plays no part.
    """
    stated = headers.get("retry-after", "").strip()
    if stated.isascii() and stated.isdigit():
        return min(int(stated[:9]), MOST_WAIT_S)
    until, now = _moment(stated), _moment(headers.get("date", ""))
    if until is None or now is None:
        return 0
    return max(0, min(-((now - until) // timedelta(seconds=1)), MOST_WAIT_S))


def repeat_after_s(status: int, headers: Mapping[str, str]) -> float | None:
    """Return the seconds after which to send again; None if the provider did not ask for it."""
    if status not in REPEATABLE or not headers.get("retry-after") or headers.get("x-should-retry") == "false":
        return None
    wait = wait_of(headers)
    if not wait and headers["retry-after"].strip() != "0":
        return None
    return max(float(wait), LEAST_WAIT_S)


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
