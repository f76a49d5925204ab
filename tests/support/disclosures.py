"""Events of exchanges that left the building, as the broker will write them, and what else officers ask about."""

from typing import Any

from audit.record import Event, Kind

AGREEMENT = "baa-2026-cloud"
PROVIDER = "example-cloud"
MODEL = "frontier@sha256:" + "f" * 64
POLICY = "b" * 64


def disclosure(exchange_id: str = "ex_" + "d" * 32, *, facts: dict[str, Any] | None = None, **changes: Any) -> Event:
    """Return a disclosure with everything that its facts may hold, changed as asked."""
    told: dict[str, Any] = {
        "provider": PROVIDER,
        "service": "messages",
        "region": "us-east-1",
        "agreement": AGREEMENT,
        "recipient": "Example Cloud Inc.",
        "recipient_address": "1 Main Street, Springfield",
        "kinds": ["name", "date"],
        "counts": ["name=1", "date=2"],
        "bytes": 2048,
        "digest": "sha256:" + "e" * 64,
        "description": "discharge summary with identifiers replaced",
    }
    fields: dict[str, Any] = {
        "kind": Kind.DISCLOSURE,
        "exchange_id": exchange_id,
        "client": "ehr-main",
        "user": "ito.nurse",
        "patients": ("MRN-4711",),
        "tenant": "site",
        "task": "discharge-summary",
        "purpose": "TREAT",
        "route": f"managed:{PROVIDER}",
        "model": MODEL,
        "policy_digest": POLICY,
        "facts": {**told, **(facts or {})},
    }
    return Event(**{**fields, **changes})


def managed_exchange(exchange_id: str, *, facts: dict[str, Any] | None = None, **changes: Any) -> list[Event]:
    """Return the events of an exchange that was answered by a managed provider."""
    sent = disclosure(exchange_id, facts=facts, **changes)
    shared: dict[str, Any] = {
        name: getattr(sent, name) for name in ("exchange_id", "client", "user", "patients", "tenant", "task", "purpose")
    }
    decided = {**shared, "route": sent.route, "model": sent.model, "policy_digest": sent.policy_digest}
    return [
        Event(kind=Kind.INTENT, **shared, facts={"surface": "tasks"}),
        Event(kind=Kind.DECISION, **shared, policy_digest=POLICY, code="use_task", facts={"allowed": True}),
        Event(kind=Kind.DECISION, **decided, code="route", facts={"reasons": ["The threshold is met by it alone."]}),
        sent,
        Event(kind=Kind.RELEASE, **decided),
        Event(kind=Kind.OUTCOME, **decided, outcome="answered", facts={"elapsed_ms": 900}),
    ]


def operation(code: str, **changes: Any) -> Event:
    """Return a change of the appliance."""
    return Event(**{"kind": Kind.OPERATION, "code": code, "client": "gateway", **changes})


def reading(officer: str = "officer.kim", *, code: str = "query", **changes: Any) -> Event:
    """Return an officer's reading of the trail."""
    return Event(**{"kind": Kind.ACCESS, "code": code, "client": "console", "user": officer, **changes})
