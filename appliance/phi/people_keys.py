"""How exports of records spell what `people` calls names, record numbers, phones and addresses.

Several spellings of one thing are joined, so that a home and a mobile number are both looked for.  What is not known
stays as it is, and `people` refuses it: a key that is passed over is a value that is not looked for.
"""

import re
from collections.abc import Mapping

_FIELDS = {
    "names": "name names full_name patient_name maiden_name former_name previous_name nickname alias aliases",
    "birth_date": "birth_date birthdate dob date_of_birth",
    "dates": "dates date_of_death deceased_date death_date admission_date discharge_date",
    "record_numbers": (
        "record_numbers record_number mrn mrns medical_record_number medical_record_numbers medical_record patient_id"
        " patient_number chart_number"
    ),
    "health_plan_ids": (
        "health_plan_ids health_plan_id health_plan member_id member_number subscriber_id insurance_id insurance_number"
        " policy_number medicare_id medicaid_id mbi"
    ),
    "accounts": "accounts account account_number account_numbers",
    "licenses": "licenses license license_number driver_license drivers_license driver_license_number npi dea",
    "other_ids": "other_ids other_id id ids identifier identifiers passport passport_number fhir_id encounter_id",
    "ssn": "ssn social_security_number social_security",
    "phones": (
        "phones phone phone_number phone_numbers telephone mobile mobile_phone cell cell_phone home_phone work_phone"
    ),
    "faxes": "faxes fax fax_number",
    "emails": "emails email email_address email_addresses",
    "urls": "urls url website",
    "addresses": "addresses address",
    "relatives": (
        "relatives relative contacts contact emergency_contact emergency_contacts next_of_kin spouse mother father"
        " guardian caregiver"
    ),
    "gender": "gender sex",
    "race": "race",
    "ethnicity": "ethnicity",
    "language": "language languages",
    "age": "age",
}
_FIELD = {spelling: field for field, spellings in _FIELDS.items() for spelling in spellings.split()}
_LISTS = frozenset(_FIELDS) - {"birth_date", "ssn", "gender", "race", "ethnicity", "language", "age"}

_GIVEN = ("given", "given_name", "given_names", "first", "first_name", "middle", "middle_name")
_FAMILY = ("family", "family_name", "last", "last_name", "surname")
_PLACE = {
    "lines": "lines", "line": "lines", "street": "lines", "street_address": "lines", "address_line": "lines",
    "address_line1": "lines", "city": "city", "town": "city", "state": "state", "zip": "postal_code",
    "zip_code": "postal_code", "zipcode": "postal_code", "postal_code": "postal_code", "country": "country",
}  # fmt: skip


def person_keys(person: Mapping[str, object]) -> dict[str, object]:
    """Return a person under the keys of `people`; what has no meaning here stays under its own key."""
    read: dict[str, object] = {}
    name: dict[str, list[object]] = {"given": [], "family": []}
    place: dict[str, object] = {}
    for written, value in person.items():
        key = _snake(written)
        if key in _GIVEN or key in _FAMILY:
            name["given" if key in _GIVEN else "family"] += _listed(value)
        elif key in _PLACE:
            place[_PLACE[key]] = value
        else:
            _join(read, _FIELD.get(key, written), value)
    if any(name.values()):
        _join(read, "names", name)
    if place:
        _join(read, "addresses", place)
    return read


def address_keys(address: Mapping[str, object]) -> dict[str, object]:
    """Return an address under the keys of `people`."""
    return {_PLACE.get(_snake(written), written): value for written, value in address.items()}


def _join(read: dict[str, object], field: str, value: object) -> None:
    if field in _LISTS:
        read[field] = [*_listed(read.get(field)), *_listed(value)]
    elif field in read:
        # The second stays under a key that nothing has, so that it is refused and not lost.
        read[f"{field} (twice)"] = value
    else:
        read[field] = value


def _listed(value: object) -> list[object]:
    if value is None:
        return []
    return [*value] if isinstance(value, list | tuple) else [value]


def _snake(written: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])|[ -]+", "_", written).lower()
