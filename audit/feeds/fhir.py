"""The trail as a FHIR R4 Bundle of AuditEvents, after IHE BALP 1.1 (Basic Audit Log Patterns).

Each event becomes one AuditEvent, or one a patient where patients are named, as BALP asks.  People who cannot be named
appear by their keyed commitment, and then no patient profile is claimed.  What the trail does not keep, such as a
client's address, is said to be unknown and never made up.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator

from audit.canonical import encode
from audit.feeds import coding
from audit.feeds.balp import Pattern, pattern_of
from audit.feeds.coding import Json, concept, identified, plain, system_of
from audit.feeds.facts import fact_text, shown_facts
from audit.feeds.people import Naming, People
from audit.feeds.severity import is_success
from audit.query import Entry
from audit.record import Kind, Outcome
from audit.view import TITLES, to_time

_PURPOSE = re.compile(r"[A-Z]{2,16}", re.ASCII)
"""A code of v3-ActReason; anything else a caller sent is shown as text."""

_OUTCOMES = {
    Outcome.REFUSED.value: "4",
    Outcome.CANCELLED.value: "4",
    Outcome.FAILED.value: "8",
    Outcome.INCOMPLETE.value: "8",
}
"""AuditEvent.outcome: 0 success, 4 minor, 8 serious failure."""

_MEMBERS = ("task", "route", "outcome", "code", "model", "policy_digest", "tenant", "month")


def render_fhir(entries: Iterable[Entry], *, origin: str, people: Naming) -> Iterator[bytes]:
    """Yield the pieces of one Bundle, as UTF-8; an event is held in memory, never all."""
    yield b'{"resourceType":"Bundle","type":"collection"'
    comma = b',"entry":['  # an empty array is no FHIR JSON
    for entry in entries:
        for resource in audit_events(entry, origin=origin, people=people(entry)):
            full = {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource}
            yield comma + json.dumps(full, ensure_ascii=True, separators=(",", ":")).encode()
            comma = b",\n"
    yield b"}\n" if comma.startswith(b',"') else b"]}\n"


def audit_events(entry: Entry, *, origin: str, people: People) -> Iterator[Json]:
    """Yield the AuditEvents of an event: one for each patient who can be named, else one."""
    for number, patient in enumerate(people.patients or ("",)):
        yield _Event(entry, origin=origin, user=people.user, patient=patient).resource(number)


class _Event:
    """One AuditEvent on its way; holds PHI when people are named."""

    def __init__(self, entry: Entry, *, origin: str, user: str, patient: str) -> None:
        self._entry, self._leaf, self._origin = entry, entry.leaf, origin
        self._user, self._patient = user, patient
        self._pattern: Pattern = pattern_of(entry)
        self._self = identified(origin, system=system_of(origin, "origin"))

    def resource(self, number: int) -> Json:
        """Return the resource; the number tells the patients of one event apart."""
        leaf, profile = self._leaf, self._pattern.claimed(self._entry, has_patient=bool(self._patient))
        own = coding.coding(system_of(self._origin, "event"), _code(leaf.kind.value, leaf.code), TITLES[leaf.kind])
        resource: Json = {
            "resourceType": "AuditEvent",
            "id": _uuid(leaf.event_id, number),
            "meta": {
                "source": f"{system_of(self._origin, 'record')}#{leaf.sequence}",
                **({"profile": [profile]} if profile else {}),
            },
            "type": self._pattern.type,
            "subtype": [*([self._pattern.subtype] if self._pattern.subtype else []), own],
            "action": self._pattern.action,
            "recorded": to_time(leaf.time_ms),
            "outcome": "0" if is_success(self._entry) else _OUTCOMES.get(leaf.outcome, "4"),
            "outcomeDesc": plain(fact_text(self._entry, "reasons") or TITLES[leaf.kind]),
            "purposeOfEvent": [_purpose(leaf.purpose)] if leaf.purpose else [],
            "agent": list(self._agents()),
            "source": {
                "site": self._origin,
                "observer": self._self,
                "type": [coding.coding(coding.SOURCE_TYPE, "4", "Application Server")],
            },
            "entity": list(self._entities()),
        }
        return {name: value for name, value in resource.items() if value not in ("", [])}

    def _agents(self) -> Iterator[Json]:
        entry, leaf = self._entry, self._leaf
        to_client, to_server = coding.DESTINATION_ROLE, coding.SOURCE_ROLE
        if self._pattern.client_sends:
            to_client, to_server = to_server, to_client
        has_user = bool(self._user or leaf.user)
        if leaf.kind is Kind.DISCLOSURE:
            yield self._recipient()
        elif entry.client:
            who = identified(entry.client, system=system_of(self._origin, "client"))
            network = coding.unknown_network()
            yield {"type": _role(to_client), "who": who, "requestor": not has_user, "network": network}
        address = {"address": self._origin.partition("/")[0], "type": "1"}
        yield {"type": _role(to_server), "who": self._self, "requestor": False, "network": address}
        if has_user:
            yield self._acting_user()

    def _recipient(self) -> Json:
        """Return who got what left."""
        entry = self._entry
        name = fact_text(entry, "recipient") or fact_text(entry, "provider") or "unknown"
        who = {**identified(fact_text(entry, "provider") or "unknown", system=system_of(self._origin, "provider"))}
        network = coding.unknown_network()
        return {
            "type": _role(coding.DESTINATION_ROLE),
            "who": {**who, "display": plain(name)},
            "requestor": False,
            "network": network,
        }

    def _acting_user(self) -> Json:
        who = identified(self._user) if self._user else self._committed("user", self._leaf.user)
        part = concept(coding.PARTICIPATION, self._pattern.user_part)
        return {"type": part, "who": who, "requestor": True}

    def _entities(self) -> Iterator[Json]:
        yield from self._patients()
        if self._entry.request_id:
            kind = coding.coding(coding.BALP_ENTITY_TYPE, "XrequestId")
            yield {"what": identified(self._entry.request_id), "type": kind}
        if self._pattern.is_query:
            yield self._query()
        else:
            yield self._data()

    def _patients(self) -> Iterator[Json]:
        kind, role = coding.coding(coding.ENTITY_TYPE, "1", "Person"), coding.coding(coding.OBJECT_ROLE, "1", "Patient")
        if self._patient:
            number: Json = {"type": concept(coding.IDENTIFIER_TYPE, "MR"), "value": plain(self._patient)}
            yield {"what": {"type": "Patient", "identifier": number}, "type": kind, "role": role}
            return
        for commitment in self._leaf.patients:
            yield {"what": self._committed("patient", commitment, kind="Patient"), "type": kind, "role": role}

    def _data(self) -> Json:
        """Return what the event is about: the exchange, or the record itself."""
        leaf = self._leaf
        named = leaf.exchange_id or fact_text(self._entry, "read") or leaf.event_id
        role = ("20", "Job") if leaf.kind is Kind.INTENT else ("4", "Domain Resource")
        return {
            "what": identified(named, system=system_of(self._origin, "exchange" if leaf.exchange_id else "record")),
            "type": coding.coding(coding.ENTITY_TYPE, "2", "System Object"),
            "role": coding.coding(coding.OBJECT_ROLE, *role),
            "detail": list(self._details()),
        }

    def _query(self) -> Json:
        """Return the question, as far as it may be told."""
        asked = encode(shown_facts(self._entry))
        return {
            "type": coding.coding(coding.ENTITY_TYPE, "2", "System Object"),
            "role": coding.coding(coding.OBJECT_ROLE, "24", "Query"),
            "query": base64.b64encode(asked).decode(),
        }

    def _details(self) -> Iterator[Json]:
        yield {"type": "sequence", "valueString": str(self._leaf.sequence)}
        for name in _MEMBERS:
            value = getattr(self._leaf, name)
            if value:
                yield {"type": name, "valueString": plain(value)}
        for name in shown_facts(self._entry):
            value = fact_text(self._entry, name)
            if value.strip():
                yield {"type": name, "valueString": plain(value)}

    def _committed(self, who: str, commitment: str, *, kind: str = "") -> Json:
        """Return somebody who is known by a keyed commitment only, which holds within its month."""
        system = system_of(self._origin, f"{who}-commitment/{self._leaf.month}")
        return identified(commitment, system=system, kind=kind)


def _role(role: tuple[str, str]) -> Json:
    return concept(coding.DCM, *role)


def _purpose(purpose: str) -> Json:
    return concept(coding.ACT_REASON, purpose) if _PURPOSE.fullmatch(purpose) else {"text": plain(purpose)}


def _code(kind: str, code: str) -> str:
    """Return a token of the code system of events: no blanks, nothing that FHIR's `code` forbids."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", f"{kind}.{code}" if code else kind)


def _uuid(event_id: str, number: int) -> str:
    """Return the event's random number in the form of a UUID; the last digits tell its patients apart."""
    digits = re.sub(r"[^0-9a-f]", "0", event_id.removeprefix("ev_"))[:32].ljust(32, "0")
    tail = f"{(int(digits[20:], 16) + number) % 16**12:012x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], tail))
