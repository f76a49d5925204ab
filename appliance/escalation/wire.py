"""What the gateway and the broker say to each other on `broker.sock`, and its bytes.

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

Code = Literal["no_agreement_in_force", "invalid_request", "identifiers_left", "phi_guard_unavailable"]
"""Why the broker refuses; the list only grows."""


class FrameError(Exception):
    """Say that the peer sent something that is no frame, or one above the limits."""


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HelloRequest(_Wire):
    """Ask the broker which policy it holds and whether it can work."""

    type: Literal["hello"] = "hello"
    call: int = 1


class DiscloseRequest(_Wire):
    """Ask the broker to send the frame's body to a managed API."""

    type: Literal["disclose"] = "disclose"
    call: int = 1
    exchange_id: str = Field(max_length=64)
    task: str = Field(max_length=128)
    provider: str = Field(max_length=128)
    policy_digest: str = Field(max_length=64)
    """The bundle by which the gateway decided; the broker decides again by its own."""

    identifiers: JsonValue = Field(default=None, repr=False)
    """What `phi.keyed.KeyedIdentifiers.to_wire` returns; whatever else stands here is refused, nothing at all too."""


class HelloAnswer(_Wire):
    """Tell which policy bundle the broker decides by."""

    type: Literal["hello"] = "hello"
    call: int
    policy_digest: str
    state: Literal["ready", "policy_invalid"]
    """``policy_invalid``: the last reload was refused and the bundle before it stays in force."""

    providers: tuple[str, ...] = ()
    """Names of the providers that the register holds."""


class Refusal(_Wire):
    """Say that nothing was sent, and why."""

    type: Literal["refusal"] = "refusal"
    call: int
    code: Code
    reason: str
    """One plain sentence for the caller and for the record; never text of the request."""

    counts: dict[str, int] = {}
    """With ``identifiers_left``: how many identifiers of each kind the last check found."""


Request = HelloRequest | DiscloseRequest
Answer = HelloAnswer | Refusal

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
