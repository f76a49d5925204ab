"""Whom a request is about, as JSON says it: FHIR resources or plain demographics, checked and made known to the guard.

What stands here is found in every form in every text of the request, so a key that is misspelt must not be passed over:
unknown ones are refused.  Keys that identify nobody, such as the sex, are allowed and not used.  Errors name the path
and never a value.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from appliance.errors import InvalidRequestError
from appliance.phi.demographics import Address, Demographics
from appliance.phi.forms.fhir_people import demographics_of
from appliance.phi.known_identifiers import KnownIdentifiers
from appliance.phi.people_keys import address_keys, person_keys

MAX_PEOPLE = 64
"""As many as one request may name patients."""

MAX_VALUES = 100
"""Values of one field; a person has a few."""

RESOURCES = ("Patient", "RelatedPerson", "Practitioner", "Bundle")
"""FHIR resources that say who somebody is."""

_AMERICAN_DAY = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4})")
_WANTED = {
    "string_type": "write it as text",
    "string_too_long": "write one value, not a text",
    "too_long": "list fewer values",
    "model_type": "write a JSON object",
}
"""What to do about pydantic's commonest errors; its own words are for programmers."""

_NAME_PARTS = {"given", "family", "use", "prefix", "suffix", "text", "period"}


def parse_people(people: object, *, field: str = "people") -> KnownIdentifiers:
    """Return what is known of one person or a list of them.  Raises InvalidRequestError naming the path."""
    return KnownIdentifiers.from_demographics(*read_demographics(people, field=field))


def read_demographics(people: object, *, field: str = "people") -> tuple[Demographics, ...]:
    """Return the plain demographics of one person or a list of them.  Raises InvalidRequestError naming the path."""
    if isinstance(people, list) and len(people) > MAX_PEOPLE:
        raise InvalidRequestError(f"'{field}' names more than {MAX_PEOPLE} people; send fewer.", field=field)
    named = [(f"{field}[{index}]", each) for index, each in enumerate(people)] if isinstance(people, list) else None
    listed = named if named is not None else [(field, people)]
    return tuple(person for path, each in listed for person in _said(each, path))


def _said(value: object, path: str) -> list[Demographics]:
    """Return the people of one object; one who says nothing would look as if somebody were looked for."""
    people = [person for person in _person(value, path) if person != Demographics()]
    if not people:
        message = f"'{path}' says nothing to look for; send a name or a number"
        is_resource = isinstance(value, dict) and "resourceType" in value
        form = ", as FHIR R4 writes them: lists of 'name' and 'identifier'." if is_resource else "."
        raise InvalidRequestError(message + form, field=path)
    return people


def _person(value: object, path: str) -> Iterator[Demographics]:
    if not isinstance(value, dict):
        raise InvalidRequestError(f"'{path}' is no JSON object; send demographics or a FHIR Patient.", field=path)
    if "resourceType" not in value:
        yield _checked(value, path).to_demographics()
    elif value["resourceType"] in RESOURCES:
        yield from demographics_of([value])
    else:
        at = f"{path}.resourceType"
        raise InvalidRequestError(f"'{at}' says who nobody is; it may be {', '.join(RESOURCES)}.", field=at)


def _checked(value: Mapping[str, object], path: str) -> "_PersonFacts":
    try:
        return _PersonFacts.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        at = path + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
        if first["type"] == "extra_forbidden":
            message = f"'{at}' is no known key; there are: {', '.join(_PersonFacts.model_fields)}."
        else:
            message = f"'{at}' has a wrong form ({_wanted(first['type'])})."
        # The path may hold a key of the caller's own, which is no value but may be long.
        raise InvalidRequestError(message[:400], field=at[:100]) from error


def _wanted(error_type: str) -> str:
    if error_type.startswith("date"):
        return "write a day as 1951-03-14 or 03/14/1951"
    return _WANTED.get(error_type, error_type.replace("_", " "))


def _many(value: object) -> object:
    """Take one value where several may stand."""
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _one(value: object) -> object:
    """Take nothing for an empty text, and a number that was written without quotes."""
    if value is None:
        return ""
    return str(value) if type(value) is int else value


def _day(value: object) -> object:
    """Take a day as Americans write it, too; a time after the day is left out."""
    american = _AMERICAN_DAY.fullmatch(value) if isinstance(value, str) else None
    if american:
        return f"{american[3]}-{american[1]:0>2}-{american[2]:0>2}"
    return (value.split("T")[0] or None) if isinstance(value, str) else value


def _name(value: object) -> object:
    """Take a name in one piece, or in the pieces that FHIR has."""
    if not isinstance(value, dict) or not set(value) <= _NAME_PARTS:
        return value
    if isinstance(value.get("text"), str):
        return value["text"]
    pieces = [piece for key in ("given", "family") for piece in _listed(value.get(key))]
    return " ".join(pieces) or value


def _listed(value: object) -> list[str]:
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]


def _address(value: object) -> object:
    if not isinstance(value, str):
        return value
    read = Address.parse(value)
    return {"lines": read.lines, "city": read.city, "state": read.state, "postal_code": read.postal_code}


def _relative(value: object) -> object:
    return {"names": [value]} if isinstance(value, str) else value


_Value = Annotated[str, Field(max_length=200), BeforeValidator(_one)]
_Values = Annotated[tuple[_Value, ...], Field(max_length=MAX_VALUES), BeforeValidator(_many)]
_Names = Annotated[
    tuple[Annotated[_Value, BeforeValidator(_name)], ...], Field(max_length=MAX_VALUES), BeforeValidator(_many)
]
_Day = Annotated[date, BeforeValidator(_day)]


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _AddressFacts(_Facts):
    lines: _Values = ()
    city: _Value = ""
    state: _Value = ""
    postal_code: _Value = ""
    country: _Value = ""

    @model_validator(mode="before")
    @classmethod
    def _spelled(cls, value: object) -> object:
        return address_keys(value) if isinstance(value, dict) else value

    def to_address(self) -> Address:
        return Address(lines=self.lines, city=self.city, state=self.state, postal_code=self.postal_code)


class _PersonFacts(_Facts):
    names: _Names = ()
    birth_date: _Day | None = None
    dates: Annotated[tuple[_Day, ...], Field(max_length=MAX_VALUES), BeforeValidator(_many)] = ()
    record_numbers: _Values = ()
    health_plan_ids: _Values = ()
    accounts: _Values = ()
    licenses: _Values = ()
    other_ids: _Values = ()
    ssn: _Value = ""
    phones: _Values = ()
    faxes: _Values = ()
    emails: _Values = ()
    urls: _Values = ()
    addresses: Annotated[
        tuple[Annotated[_AddressFacts, BeforeValidator(_address)], ...],
        Field(max_length=MAX_VALUES),
        BeforeValidator(_many),
    ] = ()
    relatives: Annotated[
        "tuple[Annotated[_PersonFacts, BeforeValidator(_relative)], ...]",
        Field(max_length=MAX_PEOPLE),
        BeforeValidator(_many),
    ] = ()
    gender: object = None
    age: object = None
    race: object = None
    ethnicity: object = None
    language: object = None

    @model_validator(mode="before")
    @classmethod
    def _spelled(cls, value: object) -> object:
        return person_keys(value) if isinstance(value, dict) else value

    def to_demographics(self) -> Demographics:
        return Demographics(
            names=tuple(filter(None, self.names)),
            birth_date=self.birth_date,
            dates=self.dates,
            record_numbers=tuple(filter(None, self.record_numbers)),
            health_plan_ids=tuple(filter(None, self.health_plan_ids)),
            accounts=tuple(filter(None, self.accounts)),
            licenses=tuple(filter(None, self.licenses)),
            other_ids=tuple(filter(None, self.other_ids)),
            ssn=self.ssn,
            phones=tuple(filter(None, self.phones)),
            faxes=tuple(filter(None, self.faxes)),
            emails=tuple(filter(None, self.emails)),
            urls=tuple(filter(None, self.urls)),
            addresses=tuple(each.to_address() for each in self.addresses),
            relatives=tuple(each.to_demographics() for each in self.relatives),
        )
