"""What the commands of ``appliance phi`` read: a text, a set of texts, a person; from a file or from standard input.

Whatever cannot be read is said with what to do about it.  What was read is `ClinicalText` and stays so: errors name
files, lines and keys, and never a text.
"""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from appliance.clinical_text import ClinicalText
from appliance.errors import InvalidRequestError
from appliance.evaluation.reading import MAX_SET_BYTES, checked, read_file, to_text
from appliance.phi.demographics import Demographics
from appliance.phi.known_identifiers import KnownIdentifiers
from appliance.phi.people import read_demographics

MAX_TEXT_BYTES = 16 * 1024 * 1024
"""A chart of several thousand pages; more is a set of texts, which ``--jsonl`` reads."""

MAX_PEOPLE_BYTES = 4 * 1024 * 1024
"""A FHIR Bundle about one patient, without its documents."""

STANDARD_INPUT = "standard input"
"""How errors name it."""

File = Annotated[
    Path, typer.Argument(metavar="FILE|-", help="A text in UTF-8; - reads standard input.", show_default=False)
]

People = Annotated[
    Path | None,
    typer.Option(
        "--patient",
        metavar="FILE",
        help="What is known of the patient: demographics or FHIR people as JSON; found in every form.",
        show_default=False,
    ),
]


def read_text(file: Path) -> ClinicalText:
    """Return the text of a file.  Raises InvalidRequestError or OSError."""
    return to_text(_read(file, MAX_TEXT_BYTES), name=_name(file))


def read_set(file: Path) -> bytes:
    """Return the bytes of a set of texts.  Raises InvalidRequestError or OSError."""
    return _read(file, MAX_SET_BYTES)


def read_people(file: Path | None) -> KnownIdentifiers:
    """Return what is known of the patient, nothing without a file.  Raises InvalidRequestError or OSError."""
    return KnownIdentifiers.from_demographics(*read_persons(file))


def read_persons(file: Path | None) -> tuple[Demographics, ...]:
    """Return the people of a file, nobody without one.  Raises InvalidRequestError or OSError."""
    if file is None:
        return ()
    content = to_text(_read(file, MAX_PEOPLE_BYTES), name=_name(file)).reveal()
    try:
        people = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError(f"{_name(file)} is no JSON; write demographics or a FHIR Patient.") from error
    if people == []:
        raise InvalidRequestError(f"{_name(file)} lists nobody; write somebody or leave out --patient.")
    try:
        return read_demographics(people, field="patient")
    except InvalidRequestError as error:
        raise InvalidRequestError(f"{_name(file)}: {error.public}") from error


def to_resource(text: ClinicalText) -> dict[str, object] | None:
    """Return a text that is a FHIR resource as one, and None for every other text."""
    if not text.reveal().lstrip().startswith("{"):
        return None
    try:
        value = json.loads(text.reveal())
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and isinstance(value.get("resourceType"), str) else None


def _read(file: Path, most_bytes: int) -> bytes:
    if str(file) == "-":
        return checked(sys.stdin.buffer.read(most_bytes + 1), name=STANDARD_INPUT, most_bytes=most_bytes)
    return read_file(file, most_bytes=most_bytes)


def _name(file: Path) -> str:
    return STANDARD_INPUT if str(file) == "-" else str(file)
