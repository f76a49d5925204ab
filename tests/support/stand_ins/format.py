"""What every vendor's form must answer for, and an event of a stream with what the faults need to know of it."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from tests.support.stand_ins.answer import Answer
from tests.support.stand_ins.asked import Asked, Problem
from tests.support.stand_ins.connection import Received


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of a stream."""

    data: bytes
    is_end: bool = False
    """One of those that end the answer; a truncated stream lacks them."""

    comes_once: bool = False
    """The one that `Behaviour.DUPLICATE_EVENT` sends twice, and a careful reader refuses the second of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a stand-in holds a request against."""

    models: Collection[str]
    """Names, deployments or profiles, as the vendor's requests name them."""

    answers_as: str
    """Name of the model in the answers: Azure's never say the deployment."""

    credential: str
    """The only right one; for AWS its JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorAnswer:
    """A vendor's error as it goes out."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class Format(Protocol):
    """One vendor's wire format."""

    stream_kind: str
    """Content type of a stream."""

    def asked(self, received: Received, rules: Rules) -> Asked:
        """Read a request as the vendor would.  Raises RefusedError for everything the vendor refuses."""
        ...

    def whole(self, asked: Asked, answer: Answer) -> bytes:
        """Return the JSON of a whole answer."""
        ...

    def events(self, asked: Asked, answer: Answer) -> Iterator[Event]:
        """Yield the events of a streamed answer."""
        ...

    def malformed(self) -> bytes:
        """Return an event that cannot be read."""
        ...

    def broken_off(self) -> bytes:
        """Return the event by which the vendor says in mid-stream that it failed."""
        ...

    def error(self, problem: Problem, message: str) -> ErrorAnswer:
        """Return the vendor's error."""
        ...
