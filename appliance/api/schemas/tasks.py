"""The body of ``POST /api/v1/tasks/{task}``: the typed input, and what OpenAI's form has no place for.

The input itself is checked against the task's own JSON schema by `tasks`, not here.
"""

import json
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from appliance.api.schemas.chat import MAX_TOKENS
from appliance.api.schemas.invalid import validate
from appliance.api.subject import MAX_DEADLINE_S, MAX_RESTRICTIONS, Stated
from appliance.clinical_text import ClinicalText
from appliance.phi.people import MAX_PEOPLE

_Word = Annotated[str, StringConstraints(max_length=512)]


class TaskBody(BaseModel):
    """One request for one task."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True, allow_inf_nan=False)

    input: dict[str, object]
    """By the task's input schema (``GET /api/v1/tasks/{task}``)."""

    patient: _Word | list[_Word] | None = None
    """Record number, or several."""

    user: _Word | None = None
    """The person acting in the EHR."""

    purpose: _Word | None = None
    """``TREAT`` (default), ``HPAYMT`` or ``HOPERAT``."""

    people: Annotated[list[dict[str, object]], Field(max_length=MAX_PEOPLE)] | None = None
    """Whom the input names: FHIR R4 Patient, RelatedPerson or Practitioner resources, or plain demographics.

    Every written form of their names, days, numbers and addresses counts as an identifier of theirs, and is replaced
    where a text may leave the building.  The model never reads it.
    """

    data_class: _Word | None = None
    """``phi``, ``sensitive`` or ``restricted``; it can only raise what the policy derives."""

    restrictions: Annotated[list[_Word], Field(max_length=MAX_RESTRICTIONS)] | None = None
    """Names of restrictions that apply; they add to what the policy finds."""

    stream: bool | None = None
    max_tokens: Annotated[int, Field(ge=1, le=MAX_TOKENS)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    seed: int | None = None
    deadline_s: Annotated[float, Field(gt=0, le=MAX_DEADLINE_S)] | None = None

    def stated(self) -> Stated:
        """Return whom and what the body says it is about."""
        patients = [self.patient] if isinstance(self.patient, str) else self.patient or []
        return Stated(
            patients=tuple(patients),
            user=self.user,
            purpose=self.purpose,
            deadline_s=self.deadline_s,
            data_class=self.data_class,
            restrictions=tuple(self.restrictions or ()),
        )

    def people_text(self) -> ClinicalText | None:
        """Return the people as JSON text."""
        return None if self.people is None else _json(self.people)

    def input_text(self) -> ClinicalText:
        """Return the input as JSON text."""
        return _json(self.input)


def _json(value: object) -> ClinicalText:
    return ClinicalText(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def parse_task(body: dict[str, object]) -> TaskBody:
    """Return the parsed body.  Raises InvalidRequestError naming the field."""
    return validate(TaskBody, body)
