"""Keyed identifiers for tests of the tripwire and the broker, and ones that fail as asked."""

from dataclasses import dataclass, field
from datetime import date

from appliance.phi.keyed import KeyedIdentifiers
from appliance.phi.known_identifiers import KnownIdentifiers

from appliance.phi.demographics import Demographics
from appliance.phi.findings import Finding

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
