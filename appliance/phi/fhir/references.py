"""Point references at the ids that were issued, and let no address of the hospital pass.

``Patient/123``, ``https://host/fhir/Patient/123/_history/2``, ``urn:uuid:...`` and ``#contained`` become the issued id
in the same form, without host and version.  A conditional reference such as ``Patient?identifier=...`` holds a search,
mostly by the record number; it becomes a plain one, the same for the same search.
"""

import re

from appliance.phi.fhir.scene import Scene
from appliance.phi.findings import Kind

_LITERAL = re.compile(
    r"(?:https?://[^?#\s]+/)?([A-Z][A-Za-z]{2,40})/([A-Za-z0-9.-]{1,64})(?:/_history/[A-Za-z0-9.-]{1,64})?"
)
_SEARCH = re.compile(r"(?:https?://[^?#\s]+/)?([A-Z][A-Za-z]{2,40})\?.*", re.DOTALL)
_ADDRESS = re.compile(r"(?:https?|urn|ftp|mailto|mllp|ldap|file|tel):\S+", re.IGNORECASE)

_STANDARD = re.compile(r"[A-Za-z0-9._~:/#|%+-]{1,200}")
_NUMBER = re.compile(r"\d{7}|\d{3}-\d{2}-\d{4}")
"""No standard's address holds a number as long as a record number."""

PEOPLE = frozenset({"Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Person", "Group"})
PLACES = frozenset({"Organization", "Location", "HealthcareService", "Endpoint"})


def reference(value: str, scene: Scene) -> str:
    """Return the reference to the issued id."""
    search = _SEARCH.fullmatch(value)
    if search and search[1] in scene.table.resources:
        return f"{search[1]}/{scene.ids.issue(value)}"
    if value.startswith("#"):
        return "#" + scene.ids.issue(value[1:]) if value[1:] else value
    if value.lower().startswith(("urn:uuid:", "urn:oid:")):
        return "urn:uuid:" + scene.ids.issue_uuid(value)
    literal = _LITERAL.fullmatch(value)
    if literal and literal[1] in scene.table.resources:
        return f"{literal[1]}/{scene.ids.issue(literal[2])}"
    if not _ADDRESS.fullmatch(value):
        scene.place.refuse("is not a reference as FHIR R4 writes it")
    return scene.replace(Kind.URL, value)


def full_url(value: str, scene: Scene) -> str | None:
    """Return an entry's URN with the issued id; an address of the hospital's server is left out."""
    return reference(value, scene) if value.lower().startswith(("urn:uuid:", "urn:oid:")) else None


def location(value: str, scene: Scene) -> str | None:
    """Return where an attachment lies if that is a resource, and nothing otherwise."""
    literal = _LITERAL.fullmatch(value)
    is_resource = literal is not None and literal[1] in scene.table.resources
    return reference(value, scene) if is_resource or value.startswith("#") else None


def resource_id(value: str, scene: Scene) -> str:
    """Return the issued id."""
    return scene.ids.issue(value)


def display(value: str, scene: Scene) -> str:
    """Replace the name of a person or a place; the display of anything else is free text."""
    literal = _LITERAL.fullmatch(scene.beside("reference"))
    target = literal[1] if literal and literal[1] in scene.table.resources else scene.beside("type")
    if target in PEOPLE or (not target and scene.named == "person"):
        return scene.replace(Kind.NAME, value)
    if target in PLACES or (not target and scene.named == "place"):
        return scene.replace(Kind.LOCATION, value)
    return scene.text(value)


def uri(value: str, scene: Scene) -> str | None:
    """Keep the address of a standard, follow the issued ids, and replace every other address."""
    if _is_of_a_standard(value, scene):
        return value
    if value.lower().startswith(("urn:uuid:", "urn:oid:")):
        return "urn:uuid:" + scene.ids.issue_uuid(value)
    surrogate = scene.replace(Kind.URL, value)
    return None if re.search(r"\s", surrogate) else surrogate


def _is_of_a_standard(value: str, scene: Scene) -> bool:
    """Tell whether an address names a standard: ``http://loinc.org``, but not ``http://loinc.org.example``."""
    beginning = next((each for each in scene.table.addresses if value.startswith(each)), None)
    if beginning is None or not _STANDARD.fullmatch(value) or _NUMBER.search(value):
        return False
    ends = "/|#." if beginning.startswith("urn:oid:") else "/|#"
    return beginning[-1] in "/:." or value[len(beginning) :][:1] in {"", *ends}
