"""What the frames on the recorder's socket say: requests, and the events in them, checked once at the edge.

A request has ``call`` (a number that its answer repeats) and ``op``; an answer has ``call`` and either ``result`` or
``error`` and ``message``.  Bodies of events travel outside JSON, one after the other, ``body`` giving their lengths.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from audit.errors import FormatError
from audit.record import Event, Kind, Receipts

Op = Literal["append", "exchange", "receipt", "checkpoint", "health"]
"""What can be asked of the recorder; nothing here reads a body."""

MAX_TEXT = 1024
"""Characters of one short text: ids, names, digests."""

MAX_PATIENTS = 256
"""Record numbers of one event."""

MAX_EVENTS = 1024
"""Events of one call."""

_Text = Annotated[str, Field(max_length=MAX_TEXT)]


_Fact = Annotated[str | int | bool | list[str], Field(union_mode="left_to_right")]
"""Strict types exclude each other, so the first that fits is the only one: there is nothing to weigh."""


class _EventMessage(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    kind: Annotated[Kind, Field(strict=False)]
    exchange_id: _Text = ""
    client: _Text = ""
    user: _Text = ""
    patients: Annotated[list[_Text], Field(max_length=MAX_PATIENTS)] = []
    tenant: _Text = ""
    task: _Text = ""
    purpose: _Text = ""
    route: _Text = ""
    outcome: _Text = ""
    code: _Text = ""
    policy_digest: _Text = ""
    model: _Text = ""
    request_id: _Text = ""
    trace_id: _Text = ""
    facts: dict[str, _Fact] = {}
    body: Annotated[int | None, Field(ge=0)] = None


class Request(BaseModel):
    """One request to the recorder."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    call: int
    op: Op
    exchange_id: _Text = ""
    events: Annotated[list[_EventMessage], Field(max_length=MAX_EVENTS)] = []
    receipts: Receipts = "all"


def read_request(head: bytes) -> Request:
    """Return a request.  Raises FormatError naming the member that is wrong, never its value."""
    try:
        return Request.model_validate_json(head)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise FormatError(f"recorder socket: request: '{where}': {first['type']}") from error


def read_events(request: Request, bodies: bytes) -> list[Event]:
    """Return the events of an append.  Raises FormatError if the bodies do not add up."""
    events, offset = [], 0
    for message in request.events:
        body = None
        if message.body is not None:
            body = bodies[offset : offset + message.body]
            offset += message.body
        # The members of a message are those of an event, checked: only these two differ.
        events.append(Event(**{**vars(message), "patients": tuple(message.patients), "body": body}))
    if offset != len(bodies):
        raise FormatError("recorder socket: the lengths of the bodies do not add up")
    return events


def write_event(event: Event) -> dict[str, object]:
    """Return the message of one event, without its body and without empty members."""
    fields: dict[str, object] = {name: value for name in _TEXTS if (value := getattr(event, name))}
    fields["kind"] = event.kind.value
    if event.patients:
        fields["patients"] = list(event.patients)
    if event.facts:
        fields["facts"] = event.facts
    if event.body is not None:
        fields["body"] = len(event.body)
    return fields


def bodies_of(events: Sequence[Event]) -> tuple[bytes, ...]:
    """Return the bodies that follow the header, in order."""
    return tuple(event.body for event in events if event.body is not None)


_TEXTS = (
    "exchange_id",
    "client",
    "user",
    "tenant",
    "task",
    "purpose",
    "route",
    "outcome",
    "code",
    "policy_digest",
    "model",
    "request_id",
    "trace_id",
)
"""Members of an event that are text and absent when empty."""
