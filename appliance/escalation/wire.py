"""What the gateway and the broker say to each other on `broker.sock`, and its bytes.

A disclosure is a conversation and the last one on its connection; either side may end it by closing::

    gateway                         broker
    DiscloseRequest, body     ->            checks everything by itself, builds the exact bytes, checks those
                              <-  Ready     what would leave; or Refusal
    Go                        ->            the disclosure record is durable; the broker sees for itself, then sends
                              <-  Piece*, Finished; or Refusal, or Failed

A frame is the length of the header and of the body (two unsigned 32-bit big-endian numbers), a JSON header in
UTF-8, and the body's bytes.  Both sides read frames with the functions below; anything else than a frame within
the limits raises `FrameError` and ends the connection, so a confused or hostile peer gets no second guess.
Headers never hold text of a request: what would leave the building travels in the body only, and the identifiers of
an exchange, which the broker looks for in it, travel as keyed digests.
"""

import json
import struct
from asyncio import IncompleteReadError, StreamReader
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from appliance.clinical_text import ClinicalText

MAX_HEADER_BYTES = 1024 * 1024
"""A dozen short fields, and the keyed digests of the exchange's identifiers and surrogates: about 64 KiB for one
patient's record, so this is far above any honest header."""

MAX_BODY_BYTES = 4 * 1024 * 1024
"""Twice the gateway's own cap on a request's body (`config.Limits.body_bytes`), for the room that pseudonyms take."""

_LENGTHS = struct.Struct(">II")

Code = Literal[
    "no_agreement_in_force",
    "invalid_request",
    "identifiers_left",
    "phi_guard_unavailable",
    "policy_differs",
    "policy_not_approved",
    "not_permitted",
    "unknown_model",
    "restricted",
    "no_record",
    "provider_closed",
    "ceiling_reached",
    "no_credential",
]
"""Why the broker refuses; the list only grows."""

Fault = Literal["unavailable", "busy", "rejected", "unauthorized", "timeout", "broken"]
"""What went wrong once bytes had left; the list only grows."""


class FrameError(Exception):
    """Say that the peer sent something that is no frame, or one above the limits."""


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HelloRequest(_Wire):
    """Ask the broker which policy it holds and whether it can work."""

    type: Literal["hello"] = "hello"
    call: int = 1


class Caller(_Wire):
    """Who asked the gateway, in the words of the policy; the broker asks its own policy about this actor."""

    client_id: str = Field(default="", max_length=128)
    tenant: str = Field(default="", max_length=128)
    roles: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()


class DiscloseRequest(_Wire):
    """Ask the broker to send the frame's body to a managed API."""

    type: Literal["disclose"] = "disclose"
    call: int = 1
    exchange_id: str = Field(max_length=64)
    task: str = Field(max_length=128)
    provider: str = Field(max_length=128)
    model: str = Field(default="", max_length=128)
    """Name of one of the provider's models."""

    policy_digest: str = Field(max_length=64)
    """The bundle by which the gateway decided; the broker decides again by its own."""

    caller: Caller = Caller()
    purpose: str = Field(default="TREAT", max_length=32)
    data_class: str = Field(default="phi", max_length=32)
    failover: bool = False
    patients_named: bool = False
    restrictions: tuple[str, ...] = ()
    counts: dict[str, int] = {}
    """Kinds of identifiers that were found and replaced, and how many of each."""

    kinds_left: tuple[str, ...] = ()
    """Kinds that leave in a derived form, such as shifted days."""

    stream: bool = False
    deadline_s: float = Field(default=300.0, gt=0, le=3600)
    """Seconds from now in which the whole answer must have come."""

    intent_receipt: str = Field(default="", max_length=2048)
    """The recorder's compact receipt for the exchange's intent."""

    identifiers: JsonValue = Field(default=None, repr=False)
    """What `phi.keyed.KeyedIdentifiers.to_wire` returns; whatever else stands here is refused, nothing at all too."""


class Go(_Wire):
    """Tell the broker that the disclosure it was `Ready` for is recorded."""

    type: Literal["go"] = "go"
    call: int = 1
    receipt: str = Field(max_length=2048)
    """The recorder's compact receipt for the disclosure record."""


class HelloAnswer(_Wire):
    """Tell which policy bundle the broker decides by."""

    type: Literal["hello"] = "hello"
    call: int
    policy_digest: str
    state: Literal["ready", "policy_invalid"]
    """``policy_invalid``: the last reload was refused and the bundle before it stays in force."""

    providers: tuple[str, ...] = ()
    """Names of the providers that the register holds."""

    conditions: tuple["ProviderCondition", ...] = ()
    """How each of them stands."""

    approval: str = ""
    """Why the broker's policy is not approved by two people; empty if it is."""


class ProviderCondition(_Wire):
    """How one provider stands at the broker."""

    name: str
    state: Literal["open", "probing", "closed"]
    """``open``: may be asked; ``probing``: its breaker lets one request through; ``closed``: may not be asked."""

    reason: str = ""
    """Why it is closed or probing, in a clause without a full stop."""

    agreement: str = ""
    """Id of the agreement in force; empty without one."""

    expires: str = ""
    """When that ends, ISO 8601 in UTC."""

    days_left: int | None = None
    in_flight: int = 0
    spent_usd: float = 0.0
    """Since midnight UTC."""

    ceiling_usd: float = 0.0
    sandbox: bool = False


class Refusal(_Wire):
    """Say that nothing was sent, and why."""

    type: Literal["refusal"] = "refusal"
    call: int
    code: Code
    reason: str
    """One plain sentence for the caller and for the record; never text of the request."""

    counts: dict[str, int] = {}
    """With ``identifiers_left``: how many identifiers of each kind the last check found."""

    retry_after_s: int = 0
    """With ``provider_closed`` and ``ceiling_reached``: seconds after which there may be room; 0 if unknown."""


class Ready(_Wire):
    """Say that everything holds and what would leave; nothing has left yet."""

    type: Literal["ready"] = "ready"
    call: int
    model: str
    """``name@sha256:digest`` for the record."""

    facts: dict[str, str | int | bool | list[str]]
    """The facts of the disclosure record (`audit/FORMAT.md` section 4); ``sandbox`` is true where it is one.

    The record MUST hold each of them unchanged, beside ``model`` above, the route ``managed:`` and the provider, and
    the task, purpose and policy digest of the request: the broker reads it back before a byte leaves.
    """


class Piece(_Wire):
    """A piece of the answer; its text, or the piece of a tool call's arguments, is the frame's body."""

    type: Literal["piece"] = "piece"
    call: int
    tool_index: int | None = None
    """Which tool call the body belongs to; None for text."""

    tool_id: str = Field(default="", max_length=256)
    tool_name: str = Field(default="", max_length=256)


class Finished(_Wire):
    """Say that the answer is whole."""

    type: Literal["finished"] = "finished"
    call: int
    finish_reason: Literal["stop", "length", "tool_calls", "content_filter", "refusal"]
    prompt_tokens: int = 0
    completion_tokens: int = 0
    attempts: int = 1
    """How often the same bytes were sent: the provider asked for the others to be repeated."""

    model: str = Field(default="", max_length=256)
    """The model that the provider says answered."""

    cost_usd: float = 0.0
    first_byte_ms: int = 0
    """From the gateway's request to the first byte that left, and `answer_ms` to the first of the answer."""

    answer_ms: int = 0


class Failed(_Wire):
    """Say that bytes left and no whole answer came."""

    type: Literal["failed"] = "failed"
    call: int
    fault: Fault
    reason: str
    """One plain sentence; never text of the request or of the answer."""

    retry_after_s: int = 0
    """What the provider said; 0 if nothing."""

    answered: bool = False
    """True if a part of an answer was handed on."""


Request = HelloRequest | DiscloseRequest | Go
Answer = HelloAnswer | Refusal | Ready | Piece | Finished | Failed

_REQUESTS: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="type")])
_ANSWERS: TypeAdapter[Answer] = TypeAdapter(Annotated[Answer, Field(discriminator="type")])


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame as read: its parsed header and its body."""

    header: object
    body: ClinicalText


def to_frame(message: Request | Answer, body: bytes = b"") -> bytes:
    """Return the bytes of one frame.  Raises FrameError if the message is above the limits."""
    header = message.model_dump_json().encode()
    if len(header) > MAX_HEADER_BYTES or len(body) > MAX_BODY_BYTES:
        raise FrameError("the message is larger than a frame may be")
    return _LENGTHS.pack(len(header), len(body)) + header + body


async def read_frame(reader: StreamReader) -> Frame | None:
    """Read one frame, or return None when the peer has closed between two.  Raises FrameError on anything else."""
    try:
        lengths = await reader.readexactly(_LENGTHS.size)
    except IncompleteReadError as error:
        if not error.partial:
            return None
        raise FrameError("the connection ended inside a frame") from error
    header_bytes, body_bytes = _LENGTHS.unpack(lengths)
    if header_bytes > MAX_HEADER_BYTES or body_bytes > MAX_BODY_BYTES:
        raise FrameError("the frame is larger than a frame may be")
    try:
        header = json.loads(await reader.readexactly(header_bytes))
        body = (await reader.readexactly(body_bytes)).decode()
    except IncompleteReadError as error:
        raise FrameError("the connection ended inside a frame") from error
    except (ValueError, RecursionError) as error:
        raise FrameError("the frame is not JSON and UTF-8") from error
    return Frame(header=header, body=ClinicalText(body))


def to_request(header: object) -> Request:
    """Return the request that a header states.  Raises FrameError if it states none."""
    try:
        return _REQUESTS.validate_python(header)
    except ValidationError as error:
        raise FrameError("the header is no request that the broker knows") from error


def to_answer(header: object) -> Answer:
    """Return the answer that a header states.  Raises FrameError if it states none."""
    try:
        return _ANSWERS.validate_python(header)
    except ValidationError as error:
        raise FrameError("the header is no answer that the gateway knows") from error
