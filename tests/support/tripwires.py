"""Keyed identifiers for tests of the tripwire and the broker, and ones that fail as asked."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from appliance.phi.demographics import Address, Demographics
from appliance.phi.findings import Finding, Kind
from appliance.phi.keyed import KeyedIdentifiers
from appliance.phi.known_identifiers import KnownIdentifiers

_FIELDS = {
    "names": Kind.NAME,
    "record_numbers": Kind.MRN,
    "health_plan_ids": Kind.HEALTH_PLAN,
    "accounts": Kind.ACCOUNT,
    "licenses": Kind.LICENSE,
    "phones": Kind.PHONE,
    "faxes": Kind.FAX,
    "emails": Kind.EMAIL,
    "urls": Kind.URL,
}
"""Fields of `Demographics` that hold values as people write them."""

SECRET = bytes(range(32))

PATIENT = Demographics(
    names=("Wilhelmina Vanterpool",), birth_date=date(1948, 2, 29), record_numbers=("KX-20771",), ssn="219-09-9999"
)
"""A patient of whom nothing but the date has a shape of its own."""


def keyed(*people: Demographics, issued: tuple[str, ...] = ()) -> KeyedIdentifiers:
    """Return the keyed identifiers of an exchange about these people with these surrogates."""
    return KnownIdentifiers.from_demographics(*people).keyed(SECRET, issued=issued)


@dataclass
class BrokenIdentifiers:
    """Keyed identifiers that raise in the call that is named; they count how often they were reached."""

    broken: str
    error: BaseException
    reached: list[str] = field(default_factory=list)

    def find(self, text: str) -> tuple[Finding, ...]:
        """Raise, or find nothing."""
        self._reach("find", text)
        return ()

    def is_issued(self, value: str) -> bool:
        """Raise, or say that it is."""
        self._reach("is_issued", value)
        return True

    def _reach(self, call: str, text: str) -> None:
        if call == self.broken and text:
            self.reached.append(call)
            raise self.error


def people_of(values: Iterable[tuple[Kind, str]]) -> Demographics:
    """Return one person who has all these identifiers."""
    by_kind: dict[Kind, list[str]] = {}
    for kind, value in values:
        by_kind.setdefault(kind, []).append(value)
    plain = {field: tuple(by_kind.get(kind, ())) for field, kind in _FIELDS.items()}
    named = {*_FIELDS.values(), Kind.LOCATION, Kind.SSN}
    others = tuple(value for kind, found in by_kind.items() if kind not in named for value in found)
    return Demographics(
        **plain,
        ssn=next(iter(by_kind.get(Kind.SSN, ())), ""),
        addresses=tuple(_address(value) for value in by_kind.get(Kind.LOCATION, ())),
        other_ids=others,
    )


def _address(value: str) -> Address:
    return Address.parse(value) if any(map(str.isdigit, value)) else Address(city=value)
