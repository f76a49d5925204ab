"""Say of an identifier or a contact point which kind of identifier it is, by what stands beside its value.

The kind decides the form of the surrogate and what policy says of it; whatever is not recognised is an `OTHER_ID` and
is replaced as well, so a mistake here can never let a value pass.
"""

from collections.abc import Mapping

from appliance.phi.fhir.scene import Scene
from appliance.phi.fhir.words import words
from appliance.phi.findings import Kind

V2_TYPES: Mapping[str, Kind] = {
    **dict.fromkeys(("MR", "MRT", "PI", "PT", "PE", "RRI", "U"), Kind.MRN),
    **dict.fromkeys(("SS", "SSN"), Kind.SSN),
    **dict.fromkeys(
        ("DL", "NPI", "MD", "DN", "RN", "LN", "LI", "PRN", "DDS", "DEA", "DO", "NP", "PA", "UPIN"), Kind.LICENSE
    ),
    **dict.fromkeys(("MB", "MC", "MA", "MCD", "MCR", "HC", "SN", "NIIP", "NH", "JHN", "PNT", "GI"), Kind.HEALTH_PLAN),
    **dict.fromkeys(("AN", "ANON", "ANC", "AND", "ANT", "BA", "BC", "BR", "GC", "VS"), Kind.ACCOUNT),
    **dict.fromkeys(("SNO", "UDI"), Kind.DEVICE),
    **dict.fromkeys(("LPN", "VP"), Kind.VEHICLE),
}
"""Types of identifiers by HL7 v2 table 0203, as far as the Safe Harbor list has a word for them."""

SYSTEMS: tuple[tuple[str, Kind], ...] = (
    ("us-ssn", Kind.SSN),
    ("2.16.840.1.113883.4.1", Kind.SSN),
    ("us-npi", Kind.LICENSE),
    ("2.16.840.1.113883.4.6", Kind.LICENSE),
    ("us-mbi", Kind.HEALTH_PLAN),
    ("us-medicare", Kind.HEALTH_PLAN),
    ("2.16.840.1.113883.4.572", Kind.HEALTH_PLAN),
    ("2.16.840.1.113883.4.927", Kind.HEALTH_PLAN),
    ("mrn", Kind.MRN),
    ("medical-record", Kind.MRN),
)
"""Ends of well-known identifier systems."""

DRIVERS = "urn:oid:2.16.840.1.113883.4.3."
"""HL7's branch of driver's licences, one state below it."""

HOLDERS: Mapping[str, Kind] = {
    "Patient": Kind.MRN,
    "Coverage": Kind.HEALTH_PLAN,
    "InsurancePlan": Kind.HEALTH_PLAN,
    "Account": Kind.ACCOUNT,
    "Device": Kind.DEVICE,
    "Practitioner": Kind.LICENSE,
}
"""What an identifier without type or known system most likely is, by the resource that it identifies."""

CONTACTS: Mapping[str, Kind] = {
    "phone": Kind.PHONE,
    "fax": Kind.FAX,
    "email": Kind.EMAIL,
    "pager": Kind.PHONE,
    "sms": Kind.PHONE,
    "url": Kind.URL,
}
"""R4's systems of contact points."""

TITLES = words(
    "mr mrs ms miss mx dr prof rev fr sr sra srta sir dame hon md do dds dmd phd pharmd rn np pa pac aprn crna cnm "
    "cns dpm od dvm dc psyd lcsw mph msn bsn jr ii iii iv esq facp facs faap frcp mbbs mbchb"
)
"""Forms of address and degrees that hundreds of thousands share."""


def identifier(value: str, scene: Scene) -> str:
    """Return the surrogate of an identifier; one that is a UUID follows the ids of resources."""
    folded = value.lower()
    if folded.startswith(("urn:uuid:", "urn:oid:")):
        return "urn:uuid:" + scene.ids.issue_uuid(value)
    return scene.replace(_kind(scene), value)


def contact(value: str, scene: Scene) -> str:
    """Return the surrogate of a telephone number, an e-mail or another address."""
    kind = CONTACTS.get(scene.beside("system"), Kind.EMAIL if "@" in value else Kind.PHONE)
    return scene.replace(kind, value)


def title(value: str, scene: Scene) -> str:
    """Keep a form of address or a degree; a word that is none may be part of the name."""
    is_known = value.replace(".", "").replace(",", "").strip().casefold() in TITLES
    return value if is_known else scene.replace(Kind.NAME, value)


def whole_name(name: object) -> str:
    """Return given and family names as people write them together, or nothing where one of them is missing."""
    parts = name if isinstance(name, dict) else {}
    given, family = parts.get("given"), parts.get("family")
    first = [word for word in given if isinstance(word, str)] if isinstance(given, list) else []
    return " ".join([*first, family]) if first and isinstance(family, str) else ""


def _kind(scene: Scene) -> Kind:
    codes = _type_codes(scene.parent.get("type"))
    named = next((V2_TYPES[code] for code in codes if code in V2_TYPES), None)
    if named is not None:
        return named
    if codes:
        return Kind.OTHER_ID
    system = scene.beside("system").rstrip("/").lower()
    if system.startswith(DRIVERS):
        return Kind.LICENSE
    by_system = next((kind for end, kind in SYSTEMS if system.endswith(end)), None)
    return by_system or (Kind.OTHER_ID if system else HOLDERS.get(scene.resource_type, Kind.OTHER_ID))


def _type_codes(concept: object) -> list[str]:
    """Return the codes of an identifier's type, whatever JSON stands there."""
    codings = concept.get("coding") if isinstance(concept, dict) else None
    each = codings if isinstance(codings, list) else []
    return [code for coding in each if isinstance(coding, dict) and isinstance(code := coding.get("code"), str)]
