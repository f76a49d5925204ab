"""Marker identifiers of patients who do not exist, and a search for them where they must not be.

Each is unlike any other text of the suite, so one hit is proof of a leak and none is chance.
"""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

PATIENT = "MRN-90417733"
NAME = "Quillon Ysterbrandt"
PHONE = "617-555-0188"
SSN = "219-09-9977"
ADDRESS = "4471 Zephyrine Hollow"
BIRTH_DATE = "1931-07-29"

NOTE = (
    f"{NAME}, born {BIRTH_DATE}, record {PATIENT}, SSN {SSN}, lives at {ADDRESS}, phone {PHONE}. "
    "Type 2 diabetes mellitus without complications. Essential hypertension. Visit moved to Thursday at 10."
)
"""A note that holds every canary of the first patient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A patient who does not exist."""

    given: str
    family: str
    record: str
    phone: str
    email: str
    ssn: str
    street: str
    town: str
    birth_date: str
    plan: str

    @property
    def name(self) -> str:
        """Return the name as people write it."""
        return f"{self.given} {self.family}"

    def note(self) -> str:
        """Return a note that holds every value."""
        return (
            f"{self.name} (DOB {self.birth_date}, MRN {self.record}, SSN {self.ssn}) was seen today. Lives at"
            f" {self.street}, {self.town}; phone {self.phone}, e-mail {self.email}, member ID {self.plan}."
            " Type 2 diabetes mellitus without complications; metformin 500 mg twice daily. Follow up in two weeks."
        )

    def resource(self) -> dict[str, object]:
        """Return the patient as FHIR R4 writes one."""
        return {
            "resourceType": "Patient",
            "identifier": [{"type": {"coding": [{"code": "MR"}]}, "value": self.record}],
            "name": [{"use": "official", "family": self.family, "given": [self.given]}],
            "telecom": [{"system": "phone", "value": self.phone}, {"system": "email", "value": self.email}],
            "birthDate": self.birth_date,
            "address": [{"line": [self.street], "city": self.town}],
        }

    def canaries(self) -> tuple[str, ...]:
        """Return what must be found nowhere."""
        return (
            self.name, self.family, self.record, self.phone, self.email, self.ssn, self.street, self.town,
            self.birth_date, self.plan,
        )  # fmt: skip


PEOPLE = (
    Person(
        given="Zsófia",
        family="Brännkärrsdóttir",
        record="KX-5582-90461",
        phone="(508) 555-0137",
        email="zsofia.brannkarr@kestrelmoor.example",
        ssn="412-88-6653",
        street="98 Quagmire Thistle Row",
        town="Vexborough",
        birth_date="1944-11-03",
        plan="WQX884120375",
    ),
    Person(
        given="MAXIMILIANA",
        family="VANTHORPE-OKEKE",
        record="7731048559",
        phone="+44 20 7946 0931",
        email="mvokeke@palustrine.example",
        ssn="661527043",
        street="P.O. Box 81177",
        town="Ombrecliffe",
        birth_date="09/23/1958",
        plan="1EG4-TE5-MK72",
    ),
)
"""Two more patients, with other forms: letters beyond ASCII, capitals, hyphens, numbers without separators."""

CANARIES = (
    *(PATIENT, NAME, NAME.split()[1], PHONE, SSN, ADDRESS, "Zephyrine", BIRTH_DATE),
    *(value for person in PEOPLE for value in person.canaries()),
)


def forms(canary: str) -> Iterator[bytes]:
    """Yield the spellings that a careless program would leave behind."""
    plain = canary.encode()
    yield plain
    yield canary.upper().encode()
    yield canary.lower().encode()
    yield plain.replace(b"-", b"").replace(b" ", b"")
    yield plain.replace(b" ", b"%20")
    yield quote(canary, safe="").encode()
    yield json.dumps(canary).strip('"').encode()
    yield plain.hex().encode()
    yield canary.encode("utf-16-le")
    yield plain.decode("latin-1").encode()  # read as the wrong alphabet and written again
    yield from _base64(plain)


def _base64(plain: bytes) -> Iterator[bytes]:
    """Yield what stands in any base64 text that holds the bytes, wherever they begin in it."""
    for before in range(3):
        first, last = -(-before * 8 // 6), (before + len(plain)) * 8 // 6
        yield base64.b64encode(bytes(before) + plain)[first:last]


def _spellings() -> Mapping[str, tuple[bytes, ...]]:
    return {canary: tuple(sorted(set(forms(canary)))) for canary in CANARIES}


SPELLINGS = _spellings()
"""What is looked for, by canary."""


def found_in(content: bytes) -> set[str]:
    """Return the canaries that stand in some bytes, in any form."""
    return {canary for canary, spellings in SPELLINGS.items() if any(form in content for form in spellings)}


def found_in_files(folders: Iterable[Path]) -> dict[str, set[str]]:
    """Return the canaries of each file below some folders, in its name and its content."""
    files = (file for folder in folders for file in folder.rglob("*") if file.is_file())
    return {str(file): hits for file in files if (hits := found_in(file.name.encode()) | found_in(_content(file)))}


def found_in_processes(pids: Iterable[int]) -> dict[str, set[str]]:
    """Return the canaries in title, environment and folder of running processes."""
    names = ("cmdline", "environ", "comm", "status", "maps")
    places = (Path(f"/proc/{pid}") / name for pid in pids for name in names)
    return {str(place): hits for place in places if (hits := found_in(_content(place)))}


def descendants(pid: int) -> list[int]:
    """Return a process and everything that it started, directly or not."""
    found = [pid]
    for each in found:
        for task in Path(f"/proc/{each}/task").glob("*/children"):
            found.extend(int(child) for child in _content(task).split())
    return found


def _content(file: Path) -> bytes:
    """Return what a file holds; one that is gone, or that the kernel shows to nobody, holds nothing."""
    try:
        return file.read_bytes()
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return b""
