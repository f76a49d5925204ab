"""One request on its way: what is known of it at each step of `pipeline`, and the answer that it becomes.

Owned by whoever handles the request, one coroutine at a time; nothing here decides, waits or formats.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from appliance.admission.gate import Place
from appliance.clinical_text import ClinicalText
from appliance.engine.messages import EngineCall
from appliance.errors import ApplianceError
from appliance.escalation.hand_off import Departure
from appliance.exchange import Actor, Delta, Exchange, Route, TaskRequest
from appliance.parts import Generator
from appliance.phi.known_identifiers import KnownIdentifiers
from appliance.phi.surrogates import SurrogateMap
from appliance.policy.escalate import Ask
from appliance.policy.task import TaskPolicy
from appliance.screening import Ending
from appliance.tasks.prepare import Prompt
from appliance.trail import Entry


@dataclass(slots=True, kw_only=True)
class Passage:
    """One request, from step (2) on."""

    id: str
    actor: Actor
    request: TaskRequest
    entry: Entry
    downtime_text: str = ""
    """The task's own, from (3) on."""

    ending: Ending | None = None
    """What is known of the answer, from (8) on."""

    sent: list[ClinicalText] = field(default_factory=list)
    """Pieces of a streamed answer that went to the caller, sealed with the outcome."""

    failure: ApplianceError | None = None
    """What ended a stream early, after its first byte."""

    work: "Work | None" = None
    """What was settled, from (6) on."""

    def facts(self) -> dict[str, str | int | bool | list[str]]:
        """Return what the record of the outcome says of the answer and of the way it came, without its text."""
        told = self.ending.facts() if self.ending else {}
        return {**told, **(self.work.facts() if self.work else {})}

    def body(self) -> ClinicalText | None:
        """Return what is sealed with the outcome: what was streamed, or the words of a model that declined."""
        if self.sent:
            return ClinicalText.join(self.sent)
        return self.ending.declined if self.ending else None


class Stream:
    """A released answer on its way to the caller: iterate once, to the end."""

    def __init__(self, exchange: Exchange, ending: Ending, pieces: AsyncGenerator[Delta]) -> None:
        """Take what the caller is told first, what is known at the end, and the screened pieces between."""
        self.exchange = exchange
        self._ending = ending
        self._pieces = pieces

    def __aiter__(self) -> AsyncIterator[Delta]:
        """Return the pieces.  Raises EngineBrokenStreamError and its kin when the answer breaks off."""
        return self._pieces

    @property
    def is_whole(self) -> bool:
        """Say whether the last piece has come; a stream that never gets here is no answer."""
        return self._ending.is_whole

    @property
    def output(self) -> Mapping[str, object] | None:
        """Return the typed output, once whole."""
        return self._ending.output

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what the task's checks found worth telling, once whole."""
        return self._ending.warnings


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What is asked for, from step (3) on."""

    task: TaskPolicy
    prompt: Prompt
    call: EngineCall
    known: KnownIdentifiers
    deadline_s: float
    """Monotonic seconds of `Parts.clock`."""


@dataclass(slots=True, kw_only=True)
class Work:
    """What steps (4) to (6) settled, and what (7) may still change."""

    demand: Demand
    holds: AsyncExitStack
    """Whatever must be given back when the request is over: the place, the maps of surrogates."""

    place: Place | None
    """The place in the engine; None where the engine is full, and on a managed route."""

    ask: Ask
    """The facts about the request, for policy and routing."""

    route: Route
    generator: Generator
    """The local engine, or the way to a provider."""

    without: frozenset[tuple[str, str]] = frozenset()
    """Pairs of provider and model that could not answer this request."""

    def facts(self) -> dict[str, str | int | bool | list[str]]:
        """Return what the record of an answer says of the way it came."""
        told = self.generator.facts() if isinstance(self.generator, Departure) else {}
        return {**told, "sandbox": True} if self.route.sandbox else dict(told)

    def surrogates(self) -> SurrogateMap | None:
        """Return what brings a managed answer back, once its first piece is there; None for the local model's."""
        return self.generator.surrogates if isinstance(self.generator, Departure) else None
