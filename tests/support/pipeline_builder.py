"""A pipeline of real parts around a scripted engine and a log in memory, for tests of the one path.

bench = PipelineBench(policies_folder, icd10_folder)
bench.engine.says("Your visit is on Monday.")
answer = await bench.pipeline.answer(bench.actor, chat("scheduling-message", "Visit on Monday."))
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from pathlib import Path

from appliance.admission.estimate import Estimator
from appliance.admission.gate import Gate
from appliance.clinical_text import ClinicalText
from appliance.clock import Clock
from appliance.engine.condition import EngineCondition
from appliance.engine.messages import EngineCall
from appliance.errors import EngineError
from appliance.exchange import (
    Actor,
    Completion,
    Delta,
    Message,
    ModelIdentity,
    Sampling,
    Subject,
    Surface,
    TaskRequest,
    Usage,
)
from appliance.parts import Parts
from appliance.pipeline import Pipeline
from appliance.policy.current import CurrentPolicy
from appliance.tasks.icd10 import Icd10Table
from appliance.trail import Trail
from audit.record import Event, Kind
from tests.support.departures import NotingBroker, a_guard
from tests.support.excluded import ListedPatients
from tests.support.memory_log import MemoryLog
from tests.support.routes import NOW, a_router

MODEL = ModelIdentity(name="tiny", digest="ab" * 32)
TASKS = frozenset({"scheduling-message", "discharge-summary", "document-classification", "prior-authorization-letter"})


@dataclass
class ScriptedEngine:
    """Speaks the interface of `EngineClient`: says what it was told, piece by piece, and notes what happened."""

    pieces: list[str] = field(default_factory=lambda: ["Your visit ", "is on Monday."])
    fails_after: int | None = None
    """Raise `failure` after this many pieces; 0 before the first."""

    failure: EngineError = field(default_factory=EngineError)
    hangs: bool = False
    calls: list[EngineCall] = field(default_factory=list)
    closed_early: int = 0
    """Answers that were cancelled or closed before their end."""

    def says(self, *pieces: str) -> None:
        """Script the next answers."""
        self.pieces = list(pieces)

    async def complete(self, call: EngineCall) -> Completion:
        """Answer whole."""
        self.calls.append(call)
        if self.fails_after is not None:
            raise self.failure
        if self.hangs:
            await self._hang()
        return Completion(text=ClinicalText("".join(self.pieces)), finish_reason="stop", usage=_USAGE)

    async def stream(self, call: EngineCall) -> AsyncGenerator[Delta]:
        """Answer in pieces; the last has the finish reason and the usage."""
        self.calls.append(call)
        whole = False
        try:
            for index, piece in enumerate(self.pieces):
                if index == self.fails_after:
                    raise self.failure
                yield Delta(text=ClinicalText(piece))
            if self.hangs:
                await asyncio.Event().wait()
            whole = True
            yield Delta(finish_reason="stop", usage=_USAGE)
        finally:
            self.closed_early += not whole

    async def _hang(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.closed_early += 1


@dataclass
class ScriptedWatch:
    """Speaks the interface of `Engine`: the condition that it was told, and the one that comes after waiting."""

    condition: EngineCondition = field(default_factory=EngineCondition.ready)
    later: EngineCondition = field(default_factory=EngineCondition.ready)

    async def wait_ready(self, timeout_s: float) -> EngineCondition:
        """Return what comes after waiting."""
        assert timeout_s > 0
        return self.later


class PipelineBench:
    """Everything that a test of the path needs, each part reachable by name."""

    def __init__(self, policies: Path, cache: Path, *, concurrency: int = 2, queue: int = 2) -> None:
        """Build the parts on a copy of the policy folder."""
        self.engine = ScriptedEngine()
        self.watch = ScriptedWatch()
        self.log = MemoryLog()
        self.policy = CurrentPolicy(policies)
        self.trail = Trail(self.log, Clock())
        self.icd10 = Icd10Table.open(cache)
        self.broker = NotingBroker()
        self.gate = Gate(concurrency=concurrency, queue=queue)
        self.actor = an_actor()
        self.parts = Parts(
            policy=self.policy,
            router=a_router(self.policy, MODEL),
            gate=self.gate,
            estimator=Estimator(tokenizer=None, context_length=4096),
            engine=self.watch,
            client=self.engine,
            guard=a_guard(),
            broker=self.broker,
            model=MODEL,
            trail=self.trail,
            icd10=self.icd10,
            excluded=ListedPatients(),
            moments=lambda: NOW,
            salt_secret=b"s" * 32,
            clock=Clock(),
        )
        self.pipeline = Pipeline(self.parts)

    def pipeline_with(self, **parts: object) -> Pipeline:
        """Return a pipeline in which some parts are others."""
        return Pipeline(replace(self.parts, **parts))  # type: ignore[arg-type]

    async def settle(self) -> None:
        """Wait until the trail owes nothing."""
        for _ in range(200):
            if not self.trail.owed:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("outcomes are still owed")

    def last(self, kind: Kind) -> Event:
        """Return the newest event of a kind."""
        return [event for event in self.log.events if event.kind is kind][-1]


def an_actor(*, tenant: str = "sandbox", tasks: frozenset[str] = TASKS) -> Actor:
    """Return a calling integration."""
    return Actor(
        client_id="client_0123456789abcdef",
        name="Ward 3 EHR",
        tenant=tenant,
        roles=frozenset({"integration"}),
        tasks=tasks,
    )


def chat(task: str, text: str, *, stream: bool = False, **more: object) -> TaskRequest:
    """Return a request of the chat surface about one patient."""
    settings: dict[str, object] = {
        "subject": Subject(patients=(ClinicalText("MRN-77001"),), user="dr.lee"),
        "messages": (Message(role="user", content=ClinicalText(text)),),
        "sampling": Sampling(),
        **more,
    }
    return TaskRequest(task=task, surface=Surface.CHAT, stream=stream, **settings)  # type: ignore[arg-type]


_USAGE = Usage(prompt_tokens=20, completion_tokens=8)
