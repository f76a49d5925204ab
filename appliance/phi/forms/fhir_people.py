"""Read the people of FHIR R4 resources: names, days, numbers, ways to reach them, addresses, contacts.

Reads what is there and skips what has another type than R4 says, because a record that is a little wrong must still
protect its patient.  Bundles and contained resources are walked to a bounded depth; nothing is fetched.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date

from appliance.phi.demographics import Address, Demographics

_PEOPLE = frozenset({"Patient", "RelatedPerson", "Practitioner", "Person"})
"""Resources that are a person."""

_DEEPEST = 8
"""Bundles within bundles and contained resources are read to here; R4 nests them once."""

_BY_CODE = {
    "MR": "record_numbers", "MRN": "record_numbers", "MRT": "record_numbers", "PI": "record_numbers",
    "PT": "record_numbers", "AN": "accounts", "ANON": "accounts", "VN": "accounts", "BA": "accounts",
    "MA": "health_plan_ids", "MB": "health_plan_ids", "MC": "health_plan_ids", "MCD": "health_plan_ids",
    "MCR": "health_plan_ids", "NIIP": "health_plan_ids", "SN": "health_plan_ids", "SB": "ssn", "SS": "ssn",
    "DL": "licenses", "NPI": "licenses", "DEA": "licenses", "MD": "licenses", "LN": "licenses", "RN": "licenses",
}  # fmt: skip
"""HL7 v2 table 0203 to our fields; the rest are other ids."""

_BY_SYSTEM = (
    ("us-ssn", "ssn"),
    ("us-npi", "licenses"),
    ("us-dea", "licenses"),
    ("us-mbi", "health_plan_ids"),
    ("mbi", "health_plan_ids"),
    ("mrn", "record_numbers"),
    ("2.16.840.1.113883.4.1", "ssn"),
    ("2.16.840.1.113883.4.6", "licenses"),
)
"""What a system's address says when the identifier has no type; the end of the system is compared."""

_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})")

_BY_TELECOM = {"phone": "phones", "sms": "phones", "pager": "phones", "fax": "faxes", "email": "emails", "url": "urls"}


def demographics_of(resources: Iterable[Mapping[str, object]]) -> tuple[Demographics, ...]:
    """Return the people of these resources, one for each resource that holds any; never raises for their content."""
    return tuple(person for resource in resources for person in _people(resource, depth=0))


def _people(resource: Mapping[str, object], *, depth: int) -> Iterator[Demographics]:
    kind = resource.get("resourceType")
    if isinstance(kind, str) and kind in _PEOPLE:
        yield _person(resource)
    elif kind == "Coverage":
        yield Demographics(
            health_plan_ids=(*_strings(resource.get("subscriberId")), *_identifier_values(resource)),
        )
    if depth >= _DEEPEST:
        return
    for inner in (*_mappings(resource.get("contained")), *_entries(resource)):
        yield from _people(inner, depth=depth + 1)


def _entries(bundle: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    for entry in _mappings(bundle.get("entry")):
        yield from _mappings(entry.get("resource"))


def _person(resource: Mapping[str, object]) -> Demographics:
    """Return what one resource says of its person."""
    fields = _numbers(resource)
    _read_telecom(resource, fields)
    ssns = fields.pop("ssn", [])
    extensions = list(_extensions(resource))
    places = [each for _, extension in extensions for each in _mappings(extension.get("valueAddress"))]
    death = _day(resource.get("deceasedDateTime"))
    person = Demographics(
        names=tuple(dict.fromkeys(_all_names(resource, extensions))),
        birth_date=_day(resource.get("birthDate")),
        dates=(death,) if death else (),
        ssn=ssns[0] if ssns else "",
        addresses=tuple(map(_address, (*_mappings(resource.get("address")), *places))),
        relatives=tuple(_others(resource)),
        **{name: tuple(dict.fromkeys(values)) for name, values in fields.items()},
    )
    return replace(person, other_ids=(*person.other_ids, *ssns[1:]))


def _numbers(resource: Mapping[str, object]) -> dict[str, list[str]]:
    """Return the identifiers and the resource's own id by our fields."""
    fields: dict[str, list[str]] = {}
    for identifier in _mappings(resource.get("identifier")):
        fields.setdefault(_field_of(identifier), []).extend(_strings(identifier.get("value")))
    fields.setdefault("other_ids", []).extend(_strings(resource.get("id")))
    return fields


def _all_names(resource: Mapping[str, object], extensions: Iterable[tuple[str, Mapping[str, object]]]) -> Iterator[str]:
    for name in _mappings(resource.get("name")):
        yield from _names(name)
    for url, extension in extensions:
        if "MaidenName" in url:
            yield from _strings(extension.get("valueString"))


def _others(resource: Mapping[str, object]) -> Iterator[Demographics]:
    """Yield the contacts of a person and the clinicians that the record names."""
    yield from map(_person, _mappings(resource.get("contact")))
    for clinician in _mappings(resource.get("generalPractitioner")):
        yield from (Demographics(names=(name,)) for name in _strings(clinician.get("display")))


def _read_telecom(resource: Mapping[str, object], fields: dict[str, list[str]]) -> None:
    for contact in _mappings(resource.get("telecom")):
        name = _BY_TELECOM.get(str(contact.get("system")), "phones")
        for value in _strings(contact.get("value")):
            fields.setdefault("emails" if "@" in value else name, []).append(value.removeprefix("tel:"))


def _field_of(identifier: Mapping[str, object]) -> str:
    """Return which of our fields an identifier belongs to."""
    for concept in _mappings(identifier.get("type")):
        for coding in _mappings(concept.get("coding")):
            if (field := _BY_CODE.get(str(coding.get("code")))) is not None:
                return field
    system = str(identifier.get("system", "")).lower()
    return next((field for end, field in _BY_SYSTEM if system.endswith(end)), "other_ids")


def _identifier_values(resource: Mapping[str, object]) -> list[str]:
    return [value for each in _mappings(resource.get("identifier")) for value in _strings(each.get("value"))]


def _names(name: Mapping[str, object]) -> Iterator[str]:
    """Yield a HumanName in plain writing, family first so that names of several words stay whole."""
    family, given = " ".join(_strings(name.get("family"))), " ".join(_strings(name.get("given")))
    if family and given:
        yield f"{family}, {given}"
    elif family or given:
        yield family or given
    else:
        yield from _strings(name.get("text"))


def _address(address: Mapping[str, object]) -> Address:
    text = next(iter(_strings(address.get("text"))), "")
    lines = tuple(_strings(address.get("line")))
    if text and not lines:
        return Address.parse(text)
    return Address(
        lines=lines,
        city=next(iter(_strings(address.get("city"))), ""),
        state=next(iter(_strings(address.get("state"))), ""),
        postal_code=next(iter(_strings(address.get("postalCode"))), ""),
    )


def _extensions(resource: Mapping[str, object]) -> Iterator[tuple[str, Mapping[str, object]]]:
    for extension in _mappings(resource.get("extension")):
        yield str(extension.get("url", "")), extension


def _day(value: object) -> date | None:
    match = _DAY.match(value) if isinstance(value, str) else None
    if match is None:
        return None
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None


def _mappings(value: object) -> list[Mapping[str, object]]:
    """Return the mappings of a value that should be one or a list of them."""
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, Mapping)]


def _strings(value: object) -> list[str]:
    """Return the texts of a value that should be one or a list of them."""
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, str) and each.strip()]
