"""Which IHE BALP 1.1 pattern an event of the trail follows, and whether it may claim its profile.

A profile is claimed only where the resource has what the profile asks for: a patient profile needs a patient by name,
a keyed commitment is none; a REST profile needs success.  Everything else is a plain AuditEvent, which is no worse
evidence and no false claim.

| event | pattern | profile |
| --- | --- | --- |
| intent | the client creates a job | Create, PatientCreate |
| release | the client reads the answer | Read, PatientRead |
| disclosure | data leave for a managed API | PrivacyDisclosure.Source |
| access, code query | somebody searches the trail | Query, PatientQuery |
| access, other codes | somebody reads the trail | Read |
| decision, outcome, operation, epoch | the appliance at work | none |
"""

from dataclasses import dataclass

from audit.feeds import coding
from audit.feeds.coding import BALP, Json
from audit.feeds.severity import is_success
from audit.query import Entry
from audit.record import Kind

NO_READS = frozenset({"approval_requested", "approval_given", "denied"})
"""Codes of access events that read nothing."""

QUERY = "query"
"""Code of the access event that is a question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """What the event is in FHIR's words."""

    type: Json
    subtype: Json | None
    action: str
    """C, R, U, D or E."""

    profile: str = ""
    """Name of the BALP profile without a patient; empty for a plain AuditEvent."""

    patient_profile: str = ""
    """Name of the one with a patient."""

    client_sends: bool = True
    """The client is the source of what flows, and the appliance its destination; else the other way."""

    user_part: str = "IRCP"
    """Participation of the user: information recipient, or author."""

    is_query: bool = False

    def claimed(self, entry: Entry, *, has_patient: bool) -> str:
        """Return the URL of the profile that the event may claim; empty for none."""
        names_somebody = bool(entry.leaf.patients) or has_patient
        name = self.patient_profile if names_somebody else self.profile
        may = (has_patient or not names_somebody) and is_success(entry) and bool(entry.client)
        return BALP + name if name and may else ""


def _rest(code: str) -> Json:
    return coding.coding(coding.REST, code, code)


_REST_TYPE = coding.coding(coding.EVENT_TYPE, "rest", "Restful Operation")
_APPLICATION = coding.coding(coding.DCM, "110100", "Application Activity")
_CREATE = Pattern(
    type=_REST_TYPE, subtype=_rest("create"), action="C", profile="Create", patient_profile="PatientCreate",
    user_part="AUT",
)  # fmt: skip
_READ = Pattern(
    type=_REST_TYPE, subtype=_rest("read"), action="R", profile="Read", patient_profile="PatientRead",
    client_sends=False,
)  # fmt: skip
_QUERY = Pattern(
    type=_REST_TYPE, subtype=_rest("search"), action="E", profile="Query", patient_profile="PatientQuery",
    is_query=True,
)  # fmt: skip
_DISCLOSURE = Pattern(
    type=coding.coding(coding.DCM, "110106", "Export"),
    subtype=coding.coding(coding.LIFECYCLE, "disclose", "Disclose Record Lifecycle Event"),
    action="R",
    patient_profile="PrivacyDisclosure.Source",
    client_sends=False,
)
_WORK = Pattern(type=_REST_TYPE, subtype=_rest("operation"), action="E")
_CHANGE = Pattern(type=_APPLICATION, subtype=None, action="U")
_START = Pattern(
    type=_APPLICATION, subtype=coding.coding(coding.DCM, "110120", "Application Start"), action="E"
)  # fmt: skip


def pattern_of(entry: Entry) -> Pattern:
    """Return the pattern that an event follows."""
    leaf = entry.leaf
    if leaf.kind is Kind.ACCESS:
        if leaf.code in NO_READS:
            return _CHANGE
        return _QUERY if leaf.code == QUERY else _READ
    if leaf.kind is Kind.OPERATION and leaf.code.endswith("_started"):
        return _START
    return _PATTERNS[leaf.kind]


_PATTERNS = {
    Kind.INTENT: _CREATE,
    Kind.DECISION: _WORK,
    Kind.DISCLOSURE: _DISCLOSURE,
    Kind.RELEASE: _READ,
    Kind.OUTCOME: _WORK,
    Kind.OPERATION: _CHANGE,
    Kind.EPOCH: _START,
}
