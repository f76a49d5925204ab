"""What the console answers, as its OpenAPI document describes it; members are only ever added.

These describe and check what `audit.view` makes; nothing here reads the trail.
"""

from pydantic import BaseModel, ConfigDict, JsonValue


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EventView(_Answer):
    """One event, as far as it can be read without a private key; empty members are left out."""

    sequence: int
    event: str = ""
    kind: str = ""
    time: str = ""
    exchange: str = ""
    client: str = ""
    tenant: str = ""
    task: str = ""
    purpose: str = ""
    route: str = ""
    outcome: str = ""
    code: str = ""
    policy: str = ""
    model: str = ""
    request_id: str = ""
    trace_id: str = ""
    user_commitment: str = ""
    patient_commitments: list[str] = []
    previous: str = ""
    key_month: str = ""
    clock_set_back_ms: int = 0
    facts: dict[str, JsonValue] = {}
    sealed_body: bool


class OpenedEventView(EventView):
    """One event with its people and its text, or the sentence that says when its key was destroyed."""

    user: str = ""
    patients: list[str] = []
    body: str = ""
    body_destroyed: str = ""


class RowView(_Answer):
    """One exchange, or one event that belongs to none, in the columns that a person asks about."""

    time: str
    exchange: str
    kind: str
    client: str
    task: str
    route: str
    outcome: str
    code: str
    reasons: list[str]
    sequence: int
    events: int


class RowsPage(_Answer):
    """One page, newest first."""

    rows: list[RowView]
    next_cursor: str
    months_not_searched: list[str]


class EventsPage(_Answer):
    """One page of events, newest first."""

    rows: list[EventView]
    next_cursor: str
    months_not_searched: list[str]


class ExchangeView(_Answer):
    """Every event of one exchange, oldest first."""

    exchange: str
    reasons: list[str]
    events: list[EventView]


class OpenedExchangeView(_Answer):
    """Every event of one exchange, opened."""

    exchange: str
    approval: str
    reasons: list[str]
    events: list[OpenedEventView]


class ApprovalView(_Answer):
    """One request for approval, and what became of it."""

    approval: str
    state: str
    action: str
    subject: str
    case: str
    requested_by: str
    requested: str
    approved_by: str
    approved: str
    expires: str


class ApprovalsView(_Answer):
    """Every approval, the newest request first."""

    approvals: list[ApprovalView]


class CheckpointView(_Answer):
    """The newest signed checkpoint, checked."""

    origin: str
    size: int
    records: int
    root: str
    time: str
    note: str
    checked_at: str


class Alive(_Answer):
    """The process lives."""

    status: str


class Problem(BaseModel):
    """An error (RFC 9457): a stable code, and a sentence that says what to do."""

    type: str
    title: str
    status: int
    code: str
    detail: str
