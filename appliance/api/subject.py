"""Whom and what a request is about: stated in the body or in headers, never in both with different words.

``Appliance-Patient`` (repeatable, or a comma list), ``Appliance-User``, ``Appliance-Purpose`` and
``Appliance-Deadline`` serve integrations whose client library fixes the body.  When body and header disagree nobody
can say which patient's record the disclosure belongs to, so the request is refused (45 CFR 164.312(b)).

``Appliance-Data-Class`` and ``Appliance-Restriction`` (repeatable, or a comma list) can only protect more than the
policy does by itself, so what body and headers say is added up, and the higher class counts.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.datastructures import Headers

from appliance.clinical_text import ClinicalText
from appliance.errors import InvalidRequestError
from appliance.exchange import DataClass, Purpose, Subject

MAX_PATIENTS = 64
"""One request about more patients than a ward has beds is a query, not a task."""

MAX_ID_CHARACTERS = 128
"""Record numbers have 6 to 20 characters, FHIR ids up to 64; room for a system's prefix."""

MAX_DEADLINE_S = 3600.0
"""Above it no task's own limit can lie (`policy.task`)."""

MAX_RESTRICTIONS = 32
"""A site has about ten of them (``policies/restrictions.yaml``)."""

_ID_FORM = re.compile(r"[^\x00-\x20\x7f-\x9f,](?:[^\x00-\x1f\x7f-\x9f,]*[^\x00-\x20\x7f-\x9f,])?")
"""No control characters, no comma, no blank at either end: it must survive a header."""

_RESTRICTION_FORM = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*", re.ASCII)
"""As names are written in the policy; whether there is one of this name, the policy knows (`classification`)."""

_SECONDS = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6})?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What one place, body or headers, says; None and () mean that it says nothing."""

    patients: tuple[str, ...] = ()
    user: str | None = None
    purpose: str | None = None
    deadline_s: float | None = None
    data_class: str | None = None
    restrictions: tuple[str, ...] = ()


def from_headers(headers: Headers) -> Stated:
    """Return what the headers say.  Raises InvalidRequestError naming the header."""
    patients = [part for value in headers.getlist("appliance-patient") for part in listed(_decoded(value))]
    restrictions = [part for value in headers.getlist("appliance-restriction") for part in listed(value)]
    user, purpose = headers.get("appliance-user"), headers.get("appliance-purpose")
    return Stated(
        patients=tuple(patients),
        user=None if user is None else _decoded(user),
        purpose=purpose,
        deadline_s=_seconds(headers.get("appliance-deadline")),
        data_class=max(headers.getlist("appliance-data-class"), key=_rank, default=None),
        restrictions=tuple(restrictions),
    )


def listed(text: str) -> list[str]:
    """Return the parts of a comma list."""
    return [part.strip() for part in text.split(",")]


def to_subject(body: Stated, headers: Stated) -> Subject:
    """Return the one subject that both agree on.  Raises InvalidRequestError naming what is wrong or differs."""
    patients = _patients(body.patients)
    if headers.patients:
        stated = _patients(headers.patients)
        if patients and set(stated) != set(patients):
            raise _conflict("patient")
        patients = stated
    user = agreed(body.user, headers.user, field="user")
    purpose = agreed(body.purpose, headers.purpose, field="purpose")
    return Subject(
        patients=tuple(ClinicalText(patient) for patient in patients),
        user=_checked(user, "user") if user else "",
        purpose=_purpose(purpose),
    )


def to_deadline(body: Stated, headers: Stated) -> float | None:
    """Return the seconds that the caller is willing to wait; the shorter one when both places say."""
    stated = [seconds for seconds in (body.deadline_s, headers.deadline_s) if seconds is not None]
    if any(not 0 < seconds <= MAX_DEADLINE_S for seconds in stated):
        message = f"The deadline must be more than 0 and at most {MAX_DEADLINE_S:.0f} seconds."
        raise InvalidRequestError(message, field="deadline_s")
    return min(stated, default=None)


def to_data_class(body: Stated, headers: Stated) -> DataClass | None:
    """Return the highest class that either place states.  Raises InvalidRequestError for a word that is none."""
    stated = [word for word in (body.data_class, headers.data_class) if word is not None]
    return max(map(_data_class, stated), key=DataClass.rank, default=None)


def to_restrictions(body: Stated, headers: Stated) -> frozenset[str]:
    """Return every restriction that either place states.  Raises InvalidRequestError if one is no name."""
    stated = frozenset((*body.restrictions, *headers.restrictions))
    if len(stated) > MAX_RESTRICTIONS or not all(map(_RESTRICTION_FORM.fullmatch, stated)):
        message = f"'restrictions' must be at most {MAX_RESTRICTIONS} names of policies/restrictions.yaml."
        raise InvalidRequestError(message, field="restrictions")
    return stated


def agreed(body: str | None, header: str | None, *, field: str) -> str | None:
    """Return what either place says.  Raises InvalidRequestError if they differ."""
    if body is not None and header is not None and body != header:
        raise _conflict(field)
    return body if body is not None else header


def _patients(patients: Sequence[str]) -> tuple[str, ...]:
    if len(patients) > MAX_PATIENTS:
        raise InvalidRequestError(f"A request may name at most {MAX_PATIENTS} patients.", field="patient")
    return tuple(dict.fromkeys(_checked(patient, "patient") for patient in patients))


def _checked(word: str, field: str) -> str:
    if len(word) > MAX_ID_CHARACTERS or not _ID_FORM.fullmatch(word):
        message = f"'{field}' must have 1 to {MAX_ID_CHARACTERS} characters, without commas, control characters or "
        raise InvalidRequestError(message + "blanks at either end.", field=field)
    return word


def _conflict(field: str) -> InvalidRequestError:
    message = f"'{field}' is said twice, in the body or in Appliance-{field.title()}, and differs; say it once."
    return InvalidRequestError(message, field=field)


def _purpose(word: str | None) -> Purpose:
    if word is None:
        return Purpose.TREATMENT
    try:
        return Purpose(word)
    except ValueError as error:
        known = ", ".join(purpose.value for purpose in Purpose)
        raise InvalidRequestError(f"'purpose' must be one of {known}.", field="purpose") from error


def _data_class(word: str) -> DataClass:
    try:
        return DataClass(word)
    except ValueError as error:
        known = ", ".join(known.value for known in DataClass)
        raise InvalidRequestError(f"'data_class' must be one of {known}.", field="data_class") from error


def _rank(word: str) -> int:
    return _data_class(word).rank()


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    if not _SECONDS.fullmatch(text):
        raise InvalidRequestError("Appliance-Deadline must be a number of seconds.", field="Appliance-Deadline")
    return float(text)


def _decoded(value: str) -> str:
    """Read a header's bytes as UTF-8: HTTP libraries hand them over as Latin-1."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidRequestError("Appliance headers must be UTF-8.", field="Appliance-Patient") from error
