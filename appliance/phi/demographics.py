"""What a caller tells about the people in its texts, so that the guard can look for exactly these values.

Plain values without any format of an exchange; `forms.fhir_people` makes them from FHIR. All of it is PHI, so a
person prints as a placeholder and MUST NOT be logged, pickled or kept longer than the exchange.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import NoReturn, Self

from typing_extensions import override

_STATE_AND_ZIP = re.compile(r"(?P<state>[A-Za-z][A-Za-z. ]{1,24}?)?[ ]*(?P<zip>\d{5}(?:-\d{4})?)?\Z")
"""The last part of an American address in one line; either half may be missing."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Address:
    """One postal address."""

    lines: tuple[str, ...] = ()
    """Street lines, such as ``856 Reichel Street``."""

    city: str = ""
    state: str = ""
    postal_code: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``123 Main St, Apt 4, Quincy, MA 02169``; what does not fit becomes a street line."""
        parts = [part.strip() for part in re.split(r"[,\n]", text) if part.strip()]
        tail = _STATE_AND_ZIP.fullmatch(parts[-1]) if len(parts) > 1 else None
        if tail is None:
            return cls(lines=tuple(parts))
        *lines, city = parts[:-1]
        if not lines and any(map(str.isdigit, city)):
            lines, city = [city], ""
        return cls(lines=tuple(lines), city=city, state=tail["state"] or "", postal_code=tail["zip"] or "")

    @override
    def __repr__(self) -> str:
        """Return a placeholder."""
        return "<address>"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Demographics:
    """One person: the patient, a relative, or a clinician."""

    names: tuple[str, ...] = ()
    """In plain writing, ``John Q. Smith`` or ``Smith, John``; former names and nicknames too."""

    birth_date: date | None = None
    dates: tuple[date, ...] = ()
    """Other days of this person, such as that of death."""

    record_numbers: tuple[str, ...] = ()
    health_plan_ids: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    licenses: tuple[str, ...] = ()
    """Driver's and professional licences, NPI and DEA numbers."""

    other_ids: tuple[str, ...] = ()
    """Passports, study numbers, ids of the exchange format."""

    ssn: str = ""
    phones: tuple[str, ...] = ()
    faxes: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    addresses: tuple[Address, ...] = ()
    relatives: "tuple[Demographics, ...]" = ()
    """Contacts and relatives, each with values of its own."""

    @override
    def __repr__(self) -> str:
        """Return a placeholder."""
        return "<demographics>"

    @override
    def __getstate__(self) -> NoReturn:
        """Refuse to be pickled: a pickle is a copy on its way somewhere."""
        message = "demographics cannot be pickled or copied deeply"
        raise TypeError(message)
