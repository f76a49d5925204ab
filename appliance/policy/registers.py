"""The small registers beside the tasks, as checked values: roles, retention and evidence.

They are data that policies and routing read, never rules of their own; `providers` and `restrictions` hold the larger
ones.  Keys only grow.
"""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from appliance.policy.question import Action, PrincipalKind
from appliance.policy.task import Name, Section, Sentence

MAX_CASES = 1_000_000
"""More drafts of one task than a hospital writes in ten years; bounds the arithmetic of the evidence."""

MIN_RETENTION_YEARS = 6
"""45 CFR 164.316(b)(2)(i) and 164.528(a): documentation and the accounting of disclosures reach back six years."""

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 in lowercase hex."""


class Role(Section):
    """What people with one role are there for, and may do; held against the Cedar policies when the bundle loads."""

    description: Sentence
    principal: PrincipalKind
    actions: tuple[Action, ...]


class RolesFile(Section):
    """``policies/roles.yaml``."""

    roles: dict[Name, Role]


class Retention(Section):
    """``policies/retention.yaml``: how long what is recorded can still be opened."""

    bodies_years: Annotated[int, Field(ge=1, le=100, strict=True)] = MIN_RETENTION_YEARS
    """After these years the month's key is destroyed and the sealed requests and answers with it."""

    disclosures_years: Annotated[int, Field(ge=MIN_RETENTION_YEARS, le=100, strict=True)] = MIN_RETENTION_YEARS
    """Years for which the accounting of disclosures can be given."""


class Window(Section):
    """First and last day on which the cases were collected."""

    first: date
    last: date

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.last < self.first:
            message = "last is before first; swap them"
            raise ValueError(message)
        return self


class EvidenceRow(Section):
    """How often clinicians changed the drafts of one task by one route."""

    task: Name
    route: Literal["local", "managed"]
    model_digest: Digest | None = None
    """The very model that was measured; None only in illustrative evidence."""

    prompt_version: Digest | None = None
    """`TaskPolicy.prompt_version` when it was measured; None only in illustrative evidence."""

    cases: Annotated[int, Field(ge=1, le=MAX_CASES, strict=True)]
    edited: Annotated[int, Field(ge=0, strict=True)]
    """How many of the cases a clinician changed before using them."""

    source: Sentence
    """Where the figures come from, so that a person can look them up."""

    window: Window | None = None
    illustrative: Annotated[bool, Field(strict=True)] = False
    """The reference example's figures, measured on no model of this appliance; they count in no real tenant."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        measured = (self.model_digest, self.prompt_version, self.window)
        if self.edited > self.cases:
            message = "edited is above cases; mend the count"
            raise ValueError(message)
        if not self.illustrative and None in measured:
            message = (
                "evidence needs model_digest, prompt_version and window; add them, or mark it 'illustrative: true'"
            )
            raise ValueError(message)
        if self.illustrative and measured != (None, None, None):
            message = "illustrative evidence names no model_digest, prompt_version or window; remove them"
            raise ValueError(message)
        return self

    def key(self) -> tuple[str, str, str, str]:
        """Return what may stand only once in the register."""
        return self.task, self.route, self.model_digest or "", self.prompt_version or ""


class EvidenceFile(Section):
    """``policies/evidence.yaml``."""

    evidence: tuple[EvidenceRow, ...]
