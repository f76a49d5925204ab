"""The trail as OCSF events (Open Cybersecurity Schema Framework), one JSON object a line.

Requests, answers, disclosures and reads of the trail are API Activity [6003]; a change of keys, policy, clients or
routes is Entity Management [3004]; a start of a process or of the trail is Application Lifecycle [6002].  People are
keyed commitments; what the schema has no place for stands in `unmapped`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from audit.feeds.facts import fact_text, shown_facts
from audit.feeds.severity import Alarm, alarm_of, is_success
from audit.query import Entry
from audit.record import Kind
from audit.view import TITLES

SCHEMA_VERSION = "1.6.0"
"""The version whose classes and attributes these are."""

VENDOR, PRODUCT = "Clinical Inference Appliance", "Audit trail"

_SEVERITY = {Alarm.ROUTINE: (1, "Informational"), Alarm.NOTABLE: (2, "Low"), Alarm.SERIOUS: (3, "Medium")}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Class:
    uid: int
    name: str
    category_uid: int
    category: str


_API = _Class(uid=6003, name="API Activity", category_uid=6, category="Application Activity")
_LIFECYCLE = _Class(uid=6002, name="Application Lifecycle", category_uid=6, category="Application Activity")
_ENTITY = _Class(uid=3004, name="Entity Management", category_uid=3, category="Identity & Access Management")

_CREATE, _READ, _UPDATE, _DELETE, _START, _OTHER = (
    (1, "Create"), (2, "Read"), (3, "Update"), (4, "Delete"), (3, "Start"), (99, "Other"),
)  # fmt: skip
_API_ACTIVITY = {Kind.INTENT: _CREATE, Kind.RELEASE: _READ, Kind.DISCLOSURE: _READ, Kind.ACCESS: _READ}
_STARTS = ("_started", "_restored")
_ENTITY_ACTIVITY = (
    (("_added", "_prepared", "_opened"), _CREATE),
    (("_destroyed", "_revoked", "_released", "_closed"), _DELETE),
)
"""How the code of an operation ends, and what that is."""


def render_ocsf(entries: Iterable[Entry], *, origin: str) -> Iterator[bytes]:
    """Yield a line of JSON for each event."""
    for entry in entries:
        yield json.dumps(_event(entry, origin), ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def _event(entry: Entry, origin: str) -> dict[str, object]:
    kind, (activity_id, activity) = _classify(entry)
    severity_id, severity = _SEVERITY[alarm_of(entry)]
    leaf, good = entry.leaf, is_success(entry)
    event: dict[str, object] = {
        "activity_id": activity_id,
        "activity_name": activity,
        "category_uid": kind.category_uid,
        "category_name": kind.category,
        "class_uid": kind.uid,
        "class_name": kind.name,
        "type_uid": kind.uid * 100 + activity_id,
        "type_name": f"{kind.name}: {activity}",
        "time": leaf.time_ms,
        "severity_id": severity_id,
        "severity": severity,
        "status_id": 1 if good else 2,
        "status": "Success" if good else "Failure",
        "status_code": leaf.outcome or leaf.code,
        "status_detail": fact_text(entry, "reasons"),
        "message": TITLES[leaf.kind],
        "metadata": _metadata(entry, origin),
        "actor": _full({"user": {"uid": leaf.user} if leaf.user else None, "app_name": entry.client or VENDOR}),
        **_own_parts(kind, entry, origin),
        "unmapped": _unmapped(entry),
    }
    return _full(event)


def _classify(entry: Entry) -> tuple[_Class, tuple[int, str]]:
    leaf = entry.leaf
    if leaf.kind is Kind.EPOCH or (leaf.kind is Kind.OPERATION and leaf.code.endswith(_STARTS)):
        return _LIFECYCLE, _START
    if leaf.kind is Kind.OPERATION:
        return _ENTITY, next((act for ends, act in _ENTITY_ACTIVITY if leaf.code.endswith(ends)), _UPDATE)
    return _API, _API_ACTIVITY.get(leaf.kind, _OTHER)


def _metadata(entry: Entry, origin: str) -> dict[str, object]:
    leaf = entry.leaf
    members = {
        "version": SCHEMA_VERSION,
        "product": {"name": PRODUCT, "vendor_name": VENDOR, "uid": origin},
        "uid": leaf.event_id,
        "sequence": leaf.sequence,
        "log_name": origin,
        "event_code": f"{leaf.kind.value}:{leaf.code}" if leaf.code else leaf.kind.value,
        "correlation_uid": leaf.exchange_id,
        "tenant_uid": leaf.tenant,
    }
    return _full(members)


def _own_parts(kind: _Class, entry: Entry, origin: str) -> dict[str, object]:
    """Return what the class asks for beyond what every event has."""
    leaf = entry.leaf
    if kind is _LIFECYCLE:
        return {"app": {"name": PRODUCT if leaf.kind is Kind.EPOCH else VENDOR, "vendor_name": VENDOR, "uid": origin}}
    if kind is _ENTITY:
        named = fact_text(entry, "month") or leaf.policy_digest or leaf.model
        return {"entity": _full({"name": leaf.code, "type": "Configuration", "uid": named})}
    return _api_parts(entry, origin)


def _api_parts(entry: Entry, origin: str) -> dict[str, object]:
    leaf, endpoint = entry.leaf, _full({"name": fact_text(entry, "provider"), "svc_name": fact_text(entry, "service")})
    operation = leaf.task or leaf.code or leaf.kind.value
    api = {"operation": operation, "service": {"name": PRODUCT}, "request": _full({"uid": entry.request_id})}
    resource = _full({"uid": leaf.exchange_id or fact_text(entry, "read"), "type": leaf.kind.value})
    return {
        "api": _full(api),
        "src_endpoint": {"name": entry.client or origin},
        "dst_endpoint": endpoint,
        "resources": [resource] if "uid" in resource else [],
    }


def _unmapped(entry: Entry) -> dict[str, object]:
    leaf = entry.leaf
    members = {
        "route": leaf.route,
        "model": leaf.model,
        "policy": leaf.policy_digest,
        "purpose": leaf.purpose,
        "outcome": leaf.outcome,
        "trace_id": entry.trace_id,
        "patient_commitments": list(leaf.patients),
        "sealed_body": entry.has_body,
        "facts": shown_facts(entry),
    }
    return _full(members)


def _full(members: Mapping[str, object]) -> dict[str, object]:
    """Return members without the empty ones."""
    return {name: value for name, value in members.items() if value not in ("", None, [], {})}
