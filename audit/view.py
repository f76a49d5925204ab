"""How an answer looks to a program, the same from the command line and from the console.

Plain values for JSON; nothing here is PHI, because nothing here can open a body.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from types import MappingProxyType

from audit.query import Entry, Found
from audit.record import Kind

MAX_TIME_MS = 253_402_300_799_999
"""Last moment of the year 9999; a hostile leaf may name a later one."""

TITLES = MappingProxyType(
    {
        Kind.INTENT: "A request was received",
        Kind.DECISION: "Policy and routing decided",
        Kind.DISCLOSURE: "Bytes were about to leave for a managed API",
        Kind.RELEASE: "An answer was about to go to the caller",
        Kind.OUTCOME: "The exchange ended",
        Kind.OPERATION: "Something about the appliance changed",
        Kind.ACCESS: "Somebody read the trail",
        Kind.EPOCH: "This trail began",
    }
)
"""What each kind of event says, in plain words."""


def entry_view(entry: Entry) -> dict[str, object]:
    """Return everything of an event that can be read without a private key; empty members are left out."""
    leaf = entry.leaf
    members: dict[str, object] = {
        "sequence": leaf.sequence,
        "event": leaf.event_id,
        "kind": leaf.kind.value,
        "time": to_time(leaf.time_ms),
        "exchange": leaf.exchange_id,
        "client": entry.client,
        "tenant": leaf.tenant,
        "task": leaf.task,
        "purpose": leaf.purpose,
        "route": leaf.route,
        "outcome": leaf.outcome,
        "code": leaf.code,
        "policy": leaf.policy_digest,
        "model": leaf.model,
        "request_id": entry.request_id,
        "trace_id": entry.trace_id,
        "user_commitment": leaf.user,
        "patient_commitments": list(leaf.patients),
        "previous": leaf.previous,
        "key_month": leaf.month,
        "clock_set_back_ms": leaf.skew_ms,
        "facts": dict(entry.facts),
    }
    shown = {name: value for name, value in members.items() if value or name == "sequence"}
    return {**shown, "sealed_body": entry.has_body}


def row_view(found: Found) -> dict[str, object]:
    """Return one row of an answer: the exchange, or the event, in the columns that a person asks about."""
    entries = found.entries
    first = entries[0]
    return {
        "time": to_time(first.leaf.time_ms),
        "exchange": first.leaf.exchange_id,
        "kind": first.leaf.kind.value,
        "client": _latest(entry.client for entry in entries),
        "task": _latest(entry.leaf.task for entry in entries),
        "route": _latest(entry.leaf.route for entry in _own(entries)),
        "outcome": _latest(entry.leaf.outcome for entry in entries),
        "code": _latest(entry.leaf.code for entry in entries if entry.leaf.kind is not Kind.DECISION),
        "reasons": reasons_of(entries),
        "sequence": first.leaf.sequence,
        "events": len(entries),
    }


def reasons_of(entries: Iterable[Entry]) -> list[str]:
    """Return every reason that was recorded, in order and without repeats."""
    lists = (entry.facts.get("reasons") for entry in entries)
    reasons = (reason for listed in lists if isinstance(listed, Sequence) for reason in listed)
    return list(dict.fromkeys(reason for reason in reasons if isinstance(reason, str)))


def to_time(time_ms: int) -> str:
    """Return a moment as ISO 8601 in UTC."""
    moment = datetime.fromtimestamp(min(time_ms, MAX_TIME_MS) / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _own(entries: Iterable[Entry]) -> Iterable[Entry]:
    return (entry for entry in entries if entry.leaf.kind is not Kind.ACCESS)


def _latest(values: Iterable[str]) -> str:
    return next((value for value in reversed(list(values)) if value), "")
