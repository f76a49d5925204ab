"""The codes that FHIR AuditEvents of the trail use, and the few shapes that repeat (FHIR R4, IHE BALP 1.1).

Values only.  A code system of the appliance's own stands under the log's origin, which is a name that the site owns.
"""

Json = dict[str, object]

DCM = "http://dicom.nema.org/resources/ontology/DCM"
REST = "http://hl7.org/fhir/restful-interaction"
LIFECYCLE = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"
EVENT_TYPE = "http://terminology.hl7.org/CodeSystem/audit-event-type"
ENTITY_TYPE = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
OBJECT_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
SOURCE_TYPE = "http://terminology.hl7.org/CodeSystem/security-source-type"
IDENTIFIER_TYPE = "http://terminology.hl7.org/CodeSystem/v2-0203"
BALP_ENTITY_TYPE = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
BALP = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
"""Profiles of BALP 1.1 begin with this."""

DATA_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
"""Says that something required is not known, instead of making it up."""

SOURCE_ROLE = ("110153", "Source Role ID")
DESTINATION_ROLE = ("110152", "Destination Role ID")


def coding(system: str, code: str, display: str = "") -> Json:
    """Return a Coding."""
    return {"system": system, "code": code, **({"display": display} if display else {})}


def concept(system: str, code: str, display: str = "") -> Json:
    """Return a CodeableConcept of one coding."""
    return {"coding": [coding(system, code, display)]}


def identified(value: str, *, system: str = "", kind: str = "") -> Json:
    """Return a Reference that names something by an identifier."""
    identifier: Json = {"system": system, "value": plain(value)} if system else {"value": plain(value)}
    return {"type": kind, "identifier": identifier} if kind else {"identifier": identifier}


def plain(value: str) -> str:
    """Return text as every validator takes a FHIR `string`: without control characters and line ends, never empty."""
    return "".join(char if char.isprintable() else " " for char in value).strip() or "-"


def unknown_network() -> Json:
    """Return the network of an agent whose address the trail does not keep."""
    return {"extension": [{"url": DATA_ABSENT, "valueCode": "unknown"}]}


def system_of(origin: str, name: str) -> str:
    """Return a URI of the site's own for identifiers and codes."""
    return f"https://{origin}/trail/{name}"
