"""What programs send to the console."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from audit.question import DEFAULT_LIMIT, MAX_LIMIT, MAX_TEXT

_Text = Annotated[str, Field(max_length=MAX_TEXT)]


class QueryBody(BaseModel):
    """A question; the only way to name a patient or a user, because addresses end up in logs."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    patient: _Text = ""
    user: _Text = ""
    task: _Text = ""
    client: _Text = ""
    kind: _Text = ""
    outcome: _Text = ""
    exchange: _Text = ""
    since: _Text = ""
    until: _Text = ""
    cursor: _Text = ""
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    events: bool = False
    """One row an event instead of one an exchange."""

    def filters(self) -> dict[str, str]:
        """Return the filters by name."""
        return self.model_dump(exclude={"limit", "events"})
