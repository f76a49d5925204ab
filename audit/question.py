"""A question to the trail: which records, and from when to when.

Read from what a person or a program typed, and wrong at once rather than silently empty.  A question may hold record
numbers or a user id; `described` is the only form of it that may be recorded or logged, and has neither.

Example: ``ask({"task": "medical-coding", "state": "failed", "since": "24h"}, now=now)``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from audit.errors import QueryError
from audit.record import Kind, Outcome
from audit.terms import DECISIONS

DEFAULT_LIMIT = 50
"""Rows of one page: what a person reads at once."""

MAX_LIMIT = 1000
"""Rows of one page at most, so that an answer stays below a few megabytes."""

MAX_TEXT = 256
"""Characters of one filter; no identifier of ours is longer."""

MAX_PATIENTS = 20
"""Patients of one question: each is looked up under every month's key, 72 look-ups over six years."""

NO_END = 2**53 - 1
"""Above every time and every sequence number (`canonical.MAX_INTEGER`)."""

ORPHANED = "orphaned"
"""State of an exchange whose intent has no outcome after `ORPHAN_GRACE_MS`: a process died, or lost what it owed."""

ORPHAN_GRACE_MS = 60 * 60 * 1000
"""An hour: a request lives for minutes, and outcomes owed to an absent recorder are paid when it is back."""

STATES = (*(outcome.value for outcome in Outcome), ORPHANED)
"""How an exchange stands: how it ended, or that it never did."""

MANAGED = "managed"
"""Route filter that means every managed provider."""


class Topic(StrEnum):
    """Questions that officers ask by name; the list only grows.  `query.topics` says what each means."""

    DISCLOSURES = "disclosures"
    """What left the building."""

    BREAK_GLASS = "break-glass"
    """Accesses under an emergency purpose of use."""

    CHANGES = "changes"
    """Every change of the appliance, and the beginning of the trail."""

    POLICY = "policy"
    MODEL = "model"
    KEYS = "keys"
    CLIENTS = "clients"
    ROUTES = "routes"
    OFFICERS = "officers"
    READS = "reads"
    """Who looked at the trail; with a patient, who looked this patient up."""


TEXT_FILTERS = (
    "user",
    "client",
    "tenant",
    "task",
    "purpose",
    "kind",
    "outcome",
    "code",
    "decision",
    "route",
    "model",
    "policy",
    "agreement",
    "exchange",
    "state",
    "topic",
)
"""Filters that are one text each, by the names that people type; ``patient``, ``provider``, ``since``, ``until`` and
``cursor`` are the others."""

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "kind": tuple(kind.value for kind in Kind),
    "outcome": tuple(outcome.value for outcome in Outcome),
    "decision": DECISIONS,
    "state": STATES,
    "topic": tuple(topic.value for topic in Topic),
}
_FORMS = {
    "route": (
        re.compile(r"local|refused|managed|managed:[A-Za-z0-9._-]{1,64}", re.ASCII),
        "route is local, refused, managed (any provider), or managed:PROVIDER",
    ),
    "provider": (
        re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII),
        "provider is a name of the provider register, such as example-cloud",
    ),
    "policy": (
        re.compile(r"[0-9a-f]{8,64}", re.ASCII),
        "policy is the digest of a policy bundle, or its first 8 or more hex digits",
    ),
}
_SPAN = re.compile(r"([1-9][0-9]{0,5})([mhdw])", re.ASCII)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_CURSOR = re.compile(r"s([0-9]{1,15})\.([0-9]{1,15})(?:\.([0-9]{1,15}))?", re.ASCII)
_TIME_HELP = "write a date (2026-01-31), a time (2026-01-31T14:00), or a span before now (24h, 7d, 2w)"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Question:
    """Filters that must all hold; an empty one does not apply.  It has no repr: that could put PHI into a log.

    Every filter is asked of one event.  A state is asked of an exchange: who, client, tenant, task and purpose are
    then asked of the event that ended it (or of the intent that has no end), and the rest of any of its events.
    """

    patients: tuple[str, ...] = ()
    """Record numbers, as the integration sent them: an event about any of them matches."""

    user: str = ""
    """The person who acted, as the integration named them."""

    client: str = ""
    tenant: str = ""
    task: str = ""
    purpose: str = ""
    kind: str = ""
    """A `Kind` value."""

    outcome: str = ""
    """An `Outcome` value, of outcome events only."""

    code: str = ""
    """Error code of a refusal or failure, or name of an operation or of a reading."""

    decision: str = ""
    """``allowed`` or ``denied``, of decision events only."""

    route: str = ""
    """A route, or ``managed`` for every provider."""

    model: str = ""
    """Name, digest, first digits of the digest, or ``name@sha256:digest``."""

    policy: str = ""
    """Digest of a policy bundle, or its first digits."""

    agreement: str = ""
    """Id of a business associate agreement, of disclosures only."""

    exchange_id: str = ""
    state: str = ""
    """One of `STATES`."""

    topic: str = ""
    """A `Topic` value."""

    since_ms: int = 0
    """First moment asked for, milliseconds since 1970 UTC; 0 for the beginning."""

    until_ms: int = NO_END
    """First moment not asked for any more."""

    limit: int = DEFAULT_LIMIT
    before: int = NO_END
    """Only records with a lower sequence number: where the page before ended."""

    top: int = NO_END
    """Size of the trail when the first page was asked for, so that later pages see the same trail."""

    as_of_ms: int = NO_END
    """Moment of the first page: what was no orphan then is none on a later page."""

    by_event: bool = False
    """One row an event instead of one an exchange."""

    def described(self) -> dict[str, str | int | bool | list[str]]:
        """Return the question without a patient's or the user's name: which filters, and the harmless values."""
        named = ((name, _FIELDS.get(name, name)) for name in TEXT_FILTERS if name != "user")
        plain = {name: getattr(self, field) for name, field in named}
        filters: dict[str, str | int | bool | list[str]] = {name: value for name, value in plain.items() if value}
        people = (("patient", self.patients), ("user", self.user))
        if hidden := [name for name, asked in people if asked]:
            filters["asked_by"] = hidden
        if len(self.patients) > 1:
            filters["patients_asked"] = len(self.patients)
        if self.by_event:
            filters["by_event"] = True
        spans = {"since_ms": self.since_ms, "until_ms": self.until_ms} if self.has_span() else {}
        return {**filters, **spans, "limit": self.limit}

    def has_span(self) -> bool:
        """Say whether the question is limited in time."""
        return self.since_ms > 0 or self.has_end()

    def has_end(self) -> bool:
        """Say whether the question leaves out the newest records."""
        return self.until_ms < NO_END


_FIELDS = {"exchange": "exchange_id"}
"""Fields of a question that people type under another name."""


def ask(
    filters: Mapping[str, str],
    *,
    now: datetime,
    patients: Sequence[str] = (),
    limit: int = DEFAULT_LIMIT,
    by_event: bool = False,
) -> Question:
    """Read a question from the words typed for each filter.  Raises QueryError that names the filter and its form."""
    asked = tuple(dict.fromkeys([*patients, *filter(None, [filters.get("patient", "")])]))
    _check_patients(asked)
    for name, value in filters.items():
        _check_text(name, value)
    if not 1 <= limit <= MAX_LIMIT:
        raise QueryError(f"limit is from 1 to {MAX_LIMIT}; page on with the cursor.")
    texts = {_FIELDS.get(name, name): filters.get(name, "") for name in TEXT_FILTERS}
    before, top, as_of_ms = _page(filters.get("cursor", ""), now=now)
    question = Question(
        patients=asked,
        **{**texts, "route": _route(filters)},
        since_ms=_moment_ms(filters.get("since", ""), name="since", now=now) or 0,
        until_ms=_moment_ms(filters.get("until", ""), name="until", now=now) or NO_END,
        limit=limit,
        before=before,
        top=top,
        as_of_ms=as_of_ms,
        by_event=by_event,
    )
    if question.since_ms >= question.until_ms:
        raise QueryError("since is not before until; nothing can lie between them.")
    return question


def to_cursor(*, before: int, top: int, as_of_ms: int) -> str:
    """Return the cursor of the page after the one that ends with this record, in the trail of this size and moment."""
    return f"s{before}.{top}.{as_of_ms}"


def _page(cursor: str, *, now: datetime) -> tuple[int, int, int]:
    """Return where a page begins, in a trail of which size, as of which moment."""
    now_ms = int(now.timestamp() * 1000)
    if not cursor:
        return NO_END, NO_END, now_ms
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise QueryError("cursor is not one that a query printed; leave it out to begin again.")
    before, top, as_of_ms = match.groups()
    return int(before), int(top), int(as_of_ms or now_ms)


def _check_patients(patients: tuple[str, ...]) -> None:
    if len(patients) > MAX_PATIENTS:
        raise QueryError(f"patient is given more than {MAX_PATIENTS} times; ask in several questions.")
    for patient in patients:
        _check_text("patient", patient)
        if not patient:
            raise QueryError("patient is empty; write the record number, or leave the filter out.")


def _check_text(name: str, value: str) -> None:
    if len(value) > MAX_TEXT or "\0" in value:
        raise QueryError(f"{name} is longer than {MAX_TEXT} characters or holds a NUL; shorten it.")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise QueryError(f"{name} is not valid Unicode; write it in UTF-8.") from error
    members = _CHOICES.get(name)
    if value and members and value not in members:
        raise QueryError(f"{name} is one of: {', '.join(members)}.")
    form, sentence = _FORMS.get(name, (None, ""))
    if value and form and not form.fullmatch(value):
        raise QueryError(f"{sentence}.")


def _route(filters: Mapping[str, str]) -> str:
    """Return the route asked for; a provider is the route to it."""
    route, provider = filters.get("route", ""), filters.get("provider", "")
    if not provider:
        return route
    wanted = f"{MANAGED}:{provider}"
    if route not in ("", MANAGED, wanted):
        raise QueryError("route and provider exclude each other; give one of them.")
    return wanted


def _moment_ms(text: str, *, name: str, now: datetime) -> int | None:
    """Return the moment in milliseconds, None for no text; a date is its first moment for since, its last for until."""
    if not text:
        return None
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
