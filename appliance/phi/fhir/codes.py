"""Keep codes that everybody has, and guard every other as the free text that it may be.

A code is kept where R4 closes its list, or where its system is public and it has the form of that system's codes; a
record number in the field for a code passes through the text guard.
"""

import re

from appliance.phi.fhir.scene import Scene
from appliance.phi.fhir.table import Table

UCUM = "http://unitsofmeasure.org"

_UNIT = re.compile(r"[A-Za-z%°µ\[\]{}()'/.*^0-9+_-]{1,24}")
_DIGITS = re.compile(r"\d{5}")
"""No unit counts so far: five digits in a row are a number of something else."""

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,4}){0,3}")
_MIME = re.compile(r"[a-z]+/[a-z0-9.+-]{1,60}(?: ?; ?charset=[A-Za-z0-9-]{1,20})?", re.IGNORECASE)
_CURRENCY = re.compile(r"[A-Z]{3}")
_SAMPLES = re.compile(r"[-+0-9.EULe ]*")
_SCTID = re.compile(r"[1-9]\d{5,17}")

_PRODUCT = (
    "0123456789",
    "1234067895",
    "2340178956",
    "3401289567",
    "4012395678",
    "5987604321",
    "6598710432",
    "7659821043",
    "8765932104",
    "9876543210",
)
"""Multiplication in the dihedral group D5, for Verhoeff's check digit."""

_PERMUTED = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)
"""The permutation of each place, for Verhoeff's check digit (SNOMED CT Release File Specifications, section 5.5)."""


def listed(value: str, scene: Scene) -> str:
    """Keep a code of R4's closed list."""
    return value if value in scene.element.codes else scene.text(value)


def coding(value: str, scene: Scene) -> str:
    """Keep a code that has the form of its public system's codes."""
    return value if has_public_form(value, system=scene.beside("system"), table=scene.table) else scene.text(value)


def has_public_form(code: str, *, system: str, table: Table) -> bool:
    """Tell whether a code could be one of a system that everybody has."""
    if system in table.systems:
        pattern = table.systems[system]
        return is_sctid(code) if pattern is None else bool(pattern.fullmatch(code))
    pattern = next((form for beginning, form in table.system_beginnings if system.startswith(beginning)), None)
    return bool(pattern and pattern.fullmatch(code) and not _DIGITS.search(code))


def is_sctid(code: str) -> bool:
    """Tell whether a code is a SNOMED CT identifier with a right check digit."""
    if not _SCTID.fullmatch(code):
        return False
    check = 0
    for place, digit in enumerate(reversed(code)):
        check = int(_PRODUCT[check][int(_PERMUTED[place % 8][int(digit)])])
    return check == 0


def unit(value: str, scene: Scene) -> str:
    """Keep a unit of UCUM's form where the quantity says that UCUM is its system."""
    is_ucum = scene.beside("system") == UCUM and _UNIT.fullmatch(value) and not _DIGITS.search(value)
    is_coded = scene.element.name == "code" or value == scene.beside("code")
    return value if is_ucum and is_coded else scene.text(value)


def language(value: str, scene: Scene) -> str:
    """Keep a language tag (BCP 47)."""
    return value if _LANGUAGE.fullmatch(value) else scene.text(value)


def mime(value: str, scene: Scene) -> str:
    """Keep a media type."""
    return value if _MIME.fullmatch(value) else scene.text(value)


def currency(value: str, scene: Scene) -> str:
    """Keep a currency's code (ISO 4217)."""
    return value if _CURRENCY.fullmatch(value) else scene.text(value)


def samples(value: str, scene: Scene) -> str:
    """Keep a series of measured numbers."""
    return value if _SAMPLES.fullmatch(value) else scene.text(value)


def resource_type(value: str, scene: Scene) -> str | None:
    """Keep the name of a resource type."""
    return value if value in scene.table.resources else None
