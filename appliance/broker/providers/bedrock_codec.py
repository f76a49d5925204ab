"""Amazon's own code for Bedrock's wire format: what a request's bytes are, how they are signed, what an answer says.

Only botocore's serialiser, signer and parsers are used, with the service model that is installed with it.  There is no
client and no session here, so there is nothing that could read ``~/.aws``, an environment variable or the metadata
service, load a plugin, follow an endpoint rule or open a connection of its own.  Whatever of botocore fails on an
answer becomes `MalformedError`, and on a request `UnfitError`; its words, which may quote the text, go no further.
"""

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self, cast

import botocore
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.eventstream import EventStreamBuffer, EventStreamMessage, ParserError
from botocore.exceptions import ParamValidationError
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, StructureShape
from botocore.parsers import EventStreamJSONParser, ResponseParserError, RestJSONParser
from botocore.serialize import create_serializer

from appliance.broker.caps import MAX_EVENT_BYTES
from appliance.broker.providers.adapter import Secret

SERVICE = "bedrock-runtime"
SIGNING_NAME = "bedrock"
"""Name under which the service checks signatures (its model's ``signingName``)."""

JSON = "application/json"
EVENT_STREAM = "application/vnd.amazon.eventstream"

_PRELUDE_BYTES = 12
"""Two lengths and a sum before each event's headers."""

Operation = Literal["Converse", "ConverseStream"]

_FAILURES = (ParserError, ResponseParserError, struct.error, ValueError, TypeError, LookupError, AttributeError)
"""What botocore raises on bytes that are no answer of the service; it checks lengths and sums, and not types."""


class UnfitError(Exception):
    """Say that a request cannot be put in this wire format."""


class MalformedError(Exception):
    """Say that an answer is not in this wire format."""


class SecretError(Exception):
    """Say that a credential is none of this service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of a stream."""

    name: str
    """Type of the event or of the exception; one that this service model does not know is empty."""

    is_exception: bool
    fields: Mapping[str, object]
    """Empty for an exception, whose message may quote the request."""


@dataclass(frozen=True, slots=True)
class Codec:
    """The service model, read once; safe to share."""

    _model: ServiceModel

    @classmethod
    def open(cls) -> Self:
        """Read the service model from botocore's own folder, and from no other."""
        data = Path(botocore.__file__).parent / "data"
        loader = Loader(extra_search_paths=[str(data)], include_default_search_paths=False)
        return cls(ServiceModel(loader.load_service_model(SERVICE, "service-2"), service_name=SERVICE))

    def to_request(self, operation: Operation, parameters: Mapping[str, object]) -> tuple[str, bytes]:
        """Return path and body.  Raises UnfitError."""
        serializer = create_serializer("rest-json", include_validation=True)
        try:
            made = serializer.serialize_to_request(parameters, self._operation(operation))
            body = made["body"]
            return str(made["url_path"]), body if isinstance(body, bytes) else str(body).encode()
        except (ParamValidationError, *_FAILURES) as error:
            raise UnfitError from error

    def from_whole(self, body: bytes) -> Mapping[str, object]:
        """Return what the body of a whole answer says.  Raises MalformedError."""
        shape = self._operation("Converse").output_shape
        try:
            json.loads(body)  # botocore takes what is no JSON for an empty answer
            parsed = RestJSONParser().parse({"status_code": 200, "headers": {}, "body": body}, shape)
        except (*_FAILURES, RecursionError) as error:
            raise MalformedError from error
        return cast("Mapping[str, object]", parsed)

    def stream(self) -> "EventReader":
        """Return a reader of one streamed answer."""
        shape = self._operation("ConverseStream").output_shape.members["stream"]
        return EventReader(shape)

    def _operation(self, name: Operation) -> OperationModel:
        return self._model.operation_model(name)


class EventReader:
    """Reads one answer's events from bytes as they come; checks each message's length and sums."""

    def __init__(self, shape: StructureShape) -> None:
        """Take the shape that names the events."""
        self._shape = shape
        self._parser = EventStreamJSONParser()
        self._pending = bytearray()
        """What came of an event that is not whole; botocore gets whole ones only, since it copies all that it holds."""

    def feed(self, content: bytes) -> Iterator[Event]:
        """Yield the events that are whole now.  Raises MalformedError."""
        self._pending += content
        while len(self._pending) >= _PRELUDE_BYTES:
            length = int.from_bytes(self._pending[:4])
            if not _PRELUDE_BYTES < length <= MAX_EVENT_BYTES:
                raise MalformedError
            if len(self._pending) < length:
                return
            whole = bytes(self._pending[:length])
            del self._pending[:length]
            yield self._event(whole)

    def is_between_events(self) -> bool:
        """Say whether no event is begun and not ended."""
        return not self._pending

    def _event(self, whole: bytes) -> Event:
        try:
            buffer = EventStreamBuffer()
            buffer.add_data(whole)
            return self._parsed(next(buffer))
        except (*_FAILURES, RecursionError) as error:
            raise MalformedError from error

    def _parsed(self, message: EventStreamMessage) -> Event:
        headers = message.headers
        if headers.get(":message-type") != "event":
            name = headers.get(":exception-type") or headers.get(":error-code")
            return Event(name=str(name), is_exception=True, fields={})
        json.loads(message.payload)
        parsed = self._parser.parse(message.to_response_dict(), self._shape)
        name, fields = next(iter(parsed.items()), ("", {}))
        return Event(name=name, is_exception=False, fields=fields)


def sign(*, url: str, body: bytes, region: str, secret: Secret) -> dict[str, str]:
    """Return the headers of a POST of this body, signed (AWS Signature Version 4).  Raises SecretError.

    The host is signed too: as the URL has it, without the port where that is 443.
    """
    request = AWSRequest(method="POST", url=url, data=body, headers={"Content-Type": JSON})
    SigV4Auth(_credentials(secret), SIGNING_NAME, region).add_auth(request)
    return {str(name): str(value) for name, value in request.headers.items()}


def _credentials(secret: Secret) -> Credentials:
    try:
        stated = json.loads(secret.hand_over())
    except ValueError:
        stated = None  # its text must not be told, as the cause of an error would be
    match stated:
        case {"access_key_id": str(key), "secret_access_key": str(characters), **more} if key and characters:
            token = more.pop("session_token", None)
            if not more and (token is None or isinstance(token, str)):
                return Credentials(key, characters, token)
    raise SecretError
