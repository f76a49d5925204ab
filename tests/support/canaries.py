"""Marker identifiers of patients who do not exist, and a search for them where they must not be.

Each is unlike any other text of the suite, so one hit is proof of a leak and none is chance.
"""

import base64
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

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
"""A note that holds every canary."""

CANARIES = (PATIENT, NAME, NAME.split()[1], PHONE, SSN, ADDRESS, "Zephyrine", BIRTH_DATE)


def forms(canary: str) -> Iterator[bytes]:
    """Yield the spellings that a careless program would leave behind."""
    plain = canary.encode()
    yield plain
    yield plain.upper()
    yield plain.lower()
    yield plain.replace(b"-", b"").replace(b" ", b"")
    yield plain.replace(b" ", b"%20")
    yield json.dumps(canary).strip('"').encode()
    yield base64.b64encode(plain).rstrip(b"=")[:-1]


def found_in(content: bytes) -> set[str]:
    """Return the canaries that stand in some bytes, in any form."""
    return {canary for canary in CANARIES for form in forms(canary) if form in content}


def found_in_files(folders: Iterable[Path]) -> dict[str, set[str]]:
    """Return the canaries of each file below some folders."""
    files = (file for folder in folders for file in folder.rglob("*") if file.is_file())
    return {str(file): hits for file in files if (hits := found_in(file.read_bytes()))}


def found_in_processes(pids: Iterable[int]) -> dict[str, set[str]]:
    """Return the canaries in title and environment of running processes."""
    places = (Path(f"/proc/{pid}") / name for pid in pids for name in ("cmdline", "environ", "comm"))
    return {str(place): hits for place in places if place.exists() and (hits := found_in(place.read_bytes()))}
