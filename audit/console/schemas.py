"""What programs send to the console; everything is checked here once, and unknown members are refused.

Names of people stand in bodies of POSTs only: addresses end up in logs, histories and referrers.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from audit.approvals import CASE_PATTERN, ID_PATTERN, SUBJECT_PATTERN, Act
from audit.question import DEFAULT_LIMIT, MAX_LIMIT, MAX_PATIENTS, MAX_TEXT

_Text = Annotated[str, Field(max_length=MAX_TEXT)]
_Name = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]

_Format = Annotated[Literal["json", "csv", "html", "text"], Field(description="html prints, and holds no script.")]
_SummaryFormat = Literal["json", "csv"]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Filters(_Form):
    """Filters that may stand in an address: none of them names a person."""

    client: Annotated[_Text, Field(description="Client id of the integration.")] = ""
    tenant: _Text = ""
    task: Annotated[_Text, Field(description="Such as medical-coding.")] = ""
    purpose: Annotated[_Text, Field(description="HL7 v3 PurposeOfUse, such as TREAT.")] = ""
    kind: Annotated[_Text, Field(description="intent, decision, disclosure, release, outcome, operation, access.")] = ""
    outcome: Annotated[_Text, Field(description="answered, refused, failed, cancelled, incomplete.")] = ""
    code: Annotated[_Text, Field(description="Stable code of a refusal, a failure, an operation or an access.")] = ""
    decision: Annotated[_Text, Field(description="allowed or denied.")] = ""
    route: Annotated[_Text, Field(description="local, refused, managed, or managed:PROVIDER.")] = ""
    provider: Annotated[_Text, Field(description="The same as route=managed:PROVIDER.")] = ""
    model: Annotated[_Text, Field(description="name@sha256:digest.")] = ""
    policy: Annotated[_Text, Field(description="Digest of a policy bundle, or its first 8 or more hex digits.")] = ""
    agreement: Annotated[_Text, Field(description="Id of a business associate agreement.")] = ""
    exchange: _Text = ""
    state: Annotated[_Text, Field(description="How an exchange stands: an outcome, or orphaned.")] = ""
    topic: Annotated[
        _Text,
        Field(description="disclosures, break-glass, changes, policy, model, keys, clients, routes, officers, reads."),
    ] = ""
    since: Annotated[_Text, Field(description="First moment: 2026-01-31, 2026-01-31T14:00, 24h, 7d.")] = ""
    until: Annotated[_Text, Field(description="Last day, or first moment not wanted.")] = ""


class Address(Filters):
    """The query string of a list: filters, and which page."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)

    cursor: Annotated[_Text, Field(description="Where the page before ended: its next_cursor.")] = ""
    limit: Annotated[int, Field(description=f"Rows of one page, 1 to {MAX_LIMIT}.")] = DEFAULT_LIMIT

    def filters(self) -> dict[str, str]:
        """Return the filters by name, with the cursor."""
        return self.model_dump(exclude={"limit"})


class QueryBody(Filters):
    """A question; the only way to name a patient or a user."""

    patient: Annotated[_Text, Field(description="Record number, exactly as the integration sent it.")] = ""
    patients: Annotated[list[_Name], Field(max_length=MAX_PATIENTS, description="Several: any of them.")] = []
    user: Annotated[_Text, Field(description="The person who acted, exactly as the integration named them.")] = ""
    cursor: _Text = ""
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    events: Annotated[bool, Field(description="One row an event instead of one an exchange.")] = False

    def filters(self) -> dict[str, str]:
        """Return the filters by name, with the cursor."""
        return self.model_dump(exclude={"limit", "events", "patients"})


class DisclosuresBody(_Form):
    """Whose disclosures are accounted for (45 CFR 164.528)."""

    patients: Annotated[
        list[_Name],
        Field(min_length=1, max_length=MAX_PATIENTS, description="Record numbers of one person, as they were sent."),
    ]
    since: Annotated[_Text, Field(description="First day; six years back when left out.")] = ""
    until: _Text = ""
    format: _Format = "json"


class SummaryAddress(_Form):
    """The query string of the summary of what left the building."""

    agreement: Annotated[_Text, Field(description="Of this business associate agreement only.")] = ""
    provider: Annotated[_Text, Field(description="Of this provider only.")] = ""
    since: Annotated[_Text, Field(description="First day; six years back when left out.")] = ""
    until: _Text = ""
    format: _SummaryFormat = "json"

    def filters(self) -> dict[str, str]:
        """Return the filters by name."""
        return self.model_dump(exclude={"format"})


class FeedAddress(_Form):
    """The query string of a feed: from which record, and which span."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)

    after: Annotated[int, Field(ge=0, lt=2**53, description="Appliance-Next-Sequence of the page before.")] = 0
    since: _Text = ""
    until: _Text = ""
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = MAX_LIMIT


class ExportBody(_Form):
    """What an evidence bundle is about: a span of time, or one exchange."""

    since: Annotated[_Text, Field(description="First moment: 2026-01-31, 2026-01-31T14:00.")] = ""
    until: Annotated[_Text, Field(description="Last day, or first moment not wanted.")] = ""
    exchange: Annotated[_Text, Field(description="Exchange id.")] = ""


class ApprovalBody(_Form):
    """A request for a second officer's approval."""

    action: Annotated[Act, Field(strict=False, description="What is to be done.")]
    subject: Annotated[str, Field(pattern=SUBJECT_PATTERN, description="Exchange id, month, origin, or FROM/TO.")]
    case: Annotated[str, Field(pattern=CASE_PATTERN, description="The hospital's case number; no name of a patient.")]


class OpeningBody(_Form):
    """Which exchange is opened, under which approval."""

    exchange: Annotated[_Name, Field(description="Exchange id, event id or sequence number.")]
    approval: Annotated[str, Field(pattern=ID_PATTERN, description="The approval that a second officer gave.")]
