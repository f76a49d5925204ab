"""The one path of a request; every surface calls it and nothing goes around it.

The steps are those of ARCHITECTURE.md "One request" and carry their numbers:

1. **authenticate** (`auth`): proof -> `Actor`.  The surface MUST do it first and hand the actor in.
2. **open** (`trail`): the intent is durable, or there is no answer.
3. **permit** (`policy`): may this actor use this task, for this purpose?
4. **admit** (`admission`): it fits the model, and gets a place before the deadline.
5. **inspect** (`phi`): kinds and counts of identifiers become facts for what follows.
6. **choose** (`routing`): the route with its reasons; a pure function.
7. **generate** (`engine`): the local model; a managed route leaves through `escalation` and the guard only.
8. **screen** (`tasks`, `phi`): the task's own output checks; identifiers that the caller never sent are withheld.
9. **release** (`trail`): durable before the first byte; the outcome after the last, whatever happened.

Whatever is raised at any step is recorded as an outcome before the caller hears of it.  A caller that hangs up
cancels whatever step is running.  This module decides nothing, opens no socket and formats no text.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace

from appliance.admission.gate import Priority
from appliance.clinical_text import ClinicalText
from appliance.engine.messages import EngineCall, cache_salt
from appliance.errors import (
    ApplianceError,
    BrokenError,
    CallerGoneError,
    EngineError,
    EngineTimeoutError,
    InvalidRequestError,
    NotPermittedError,
    RefusedError,
    RouteRefusedError,
    UnknownTaskError,
)
from appliance.escalation.hand_off import Departure
from appliance.escalation.wire import DiscloseRequest
from appliance.exchange import (
    Actor,
    Answer,
    Delta,
    Exchange,
    Purpose,
    Route,
    RouteKind,
    TaskRequest,
    new_exchange_id,
)
from appliance.inspection import inspected, named_people
from appliance.parts import Generator, Parts
from appliance.phi.findings import Findings
from appliance.phi.known_identifiers import KnownIdentifiers
from appliance.policy.decide import decide
from appliance.policy.question import Action, Fact, Question, task_resource
from appliance.policy.task import TaskPolicy
from appliance.screening import Ending, Screening
from appliance.tasks.finish import is_held
from appliance.tasks.prepare import Prompt, prepare
from appliance.trail import Entry, Facts
from audit.record import Outcome, Receipt

REFUSAL_RECORD_PATIENCE_S = 1.0
"""A refusal waits this long for its outcome to be durable; it reveals nothing, so then it goes out anyway."""


@dataclass(slots=True, kw_only=True)
class _Passage:
    """One request on its way; owned by whoever handles it, one coroutine at a time."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What steps (3) to (6) settled for one request."""

    route: Route
    call: EngineCall
    generator: Generator
    """The local engine, or the way to a provider."""

    screening: Screening
    deadline_s: float
    """Monotonic seconds of `Parts.clock`."""


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


class Pipeline:
    """Handle requests of every surface, one path for all."""

    def __init__(self, parts: Parts) -> None:
        """Take every part."""
        self._parts = parts

    def tasks_for(self, actor: Actor) -> tuple[TaskPolicy, ...]:
        """Return the tasks that this actor may use, by the same decision as the request itself."""
        bundle = self._parts.policy.bundle
        tasks = (task for _, task in sorted(bundle.tasks.items()))
        return tuple(task for task in tasks if decide(bundle, _question(actor, task, Purpose.TREATMENT)).allowed)

    async def answer(self, actor: Actor, request: TaskRequest) -> Answer:
        """Handle a request whose answer is sent whole.  Raises ApplianceError, recorded, with its exchange id."""
        async with self._opened(actor, request) as passage, self._worked(passage) as work:
            async with self._deadline(work):
                completion = await work.generator.complete(work.call)  # (7)
            passage.ending = work.screening.ending
            completion = work.screening.whole(completion)  # (8)
            receipt = await self._parts.trail.release(
                passage.entry, facts={"stream": False}, body=completion.text
            )  # (9)
            exchange = self._exchange(passage, work, receipt)
            return Answer(exchange=exchange, completion=completion, output=passage.ending.output)

    @asynccontextmanager
    async def stream(self, actor: Actor, request: TaskRequest) -> AsyncIterator[Stream]:
        """Handle a request whose answer is streamed; entering does steps (2) to (7) and the durable release.

        Raises ApplianceError before the first byte, or from the iteration when the answer breaks off.  Leaving the
        context before the stream is whole cancels the generation in the engine and is recorded as cancelled.
        """
        async with self._opened(actor, request) as passage, self._worked(passage) as work:
            async with aclosing(work.generator.stream(work.call)) as deltas:
                async with self._deadline(work):
                    first = await anext(deltas)  # (7)
                receipt = await self._parts.trail.release(passage.entry, facts={"stream": True}, body=None)  # (9)
                passage.ending = work.screening.ending
                pieces = self._screened(passage, work, self._timed(work, first, deltas))  # (8)
                async with aclosing(pieces):
                    yield Stream(self._exchange(passage, work, receipt), passage.ending, pieces)
            if not passage.ending.is_whole and passage.failure is None:
                passage.failure = CallerGoneError()

    @asynccontextmanager
    async def _opened(self, actor: Actor, request: TaskRequest) -> AsyncIterator[_Passage]:
        """Do step (2), and record the outcome of step (9) on every way out."""
        exchange_id = new_exchange_id()
        is_known = request.task in self._parts.policy.bundle.tasks
        try:
            entry = await self._parts.trail.open(exchange_id, actor, request, is_known_task=is_known)
        except ApplianceError as error:
            error.exchange_id = exchange_id
            raise
        passage = _Passage(id=exchange_id, actor=actor, request=request, entry=entry)
        try:
            yield passage
        except ApplianceError as error:
            error.exchange_id, error.downtime_text = exchange_id, passage.downtime_text
            self._close(passage, error)
            await self._parts.trail.settled(entry, patience_s=REFUSAL_RECORD_PATIENCE_S)
            raise
        except (asyncio.CancelledError, GeneratorExit):
            self._close(passage, CallerGoneError())
            raise
        except BaseException:
            self._close(passage, BrokenError())
            raise
        self._close(passage, passage.failure)

    def _close(self, passage: _Passage, error: ApplianceError | None) -> None:
        """Owe the outcome of the exchange to the trail."""
        self._parts.trail.close(
            passage.entry,
            _outcome(error, is_partly_sent=bool(passage.sent)),
            code=error.code if error else "",
            facts=passage.ending.facts() if passage.ending else {},
            body=ClinicalText.join(passage.sent) if passage.sent else None,
        )

    @asynccontextmanager
    async def _worked(self, passage: _Passage) -> AsyncIterator[_Work]:
        """Do steps (3) to (6); the place of step (4) is held until the answer is whole."""
        parts, request = self._parts, passage.request
        task = self._permitted(passage)  # (3)
        prompt = prepare(task, request, parts.icd10)
        known = named_people(request)
        call = self._call(passage, task, prompt)
        limit_s = min(task.limits.deadline_s, request.deadline_s or task.limits.deadline_s)
        deadline_s = parts.clock.monotonic_s() + limit_s
        async with parts.gate.slot(Priority(call.priority), deadline_s):  # (4)
            found = await inspected(request, known)  # (5)
            route = await self._chosen(passage, task, found, deadline_s)  # (6)
            identifiers = [f"{kind}:{count}" for kind, count in sorted(found.counts().items())]
            passage.entry.routed(route, parts.model, {"identifiers": identifiers})
            _check_open(route)
            screening = Screening(task=task, prompt=prompt, icd10=parts.icd10)
            generator = (
                self._departure(passage, route, known, deadline_s) if route.kind is RouteKind.MANAGED else parts.client
            )
            try:
                yield _Work(route=route, call=call, generator=generator, screening=screening, deadline_s=deadline_s)
            finally:
                if isinstance(generator, Departure):
                    generator.close()

    def _permitted(self, passage: _Passage) -> TaskPolicy:
        """Do step (3).  Raises UnknownTaskError or NotPermittedError."""
        bundle = self._parts.policy.bundle
        task = bundle.tasks.get(passage.request.task)
        if task is None:
            raise UnknownTaskError
        decision = decide(bundle, _question(passage.actor, task, passage.request.subject.purpose))
        passage.entry.permitted(decision)
        if not decision.allowed:
            raise NotPermittedError(decision)
        passage.downtime_text = task.downtime_text
        return task

    def _call(self, passage: _Passage, task: TaskPolicy, prompt: Prompt) -> EngineCall:
        """Build what the engine is asked.  Raises InvalidRequestError if it does not fit the task or the model."""
        wanted, limits = passage.request.sampling, task.limits
        max_tokens = limits.default_max_tokens if wanted.max_tokens is None else wanted.max_tokens
        if max_tokens > limits.max_tokens:
            raise InvalidRequestError(f"max_tokens is above this task's {limits.max_tokens}.", field="max_tokens")
        self._parts.estimator.check(prompt.messages, max_tokens=max_tokens, tools=passage.request.tools)
        return EngineCall(
            messages=prompt.messages,
            sampling=replace(
                wanted,
                max_tokens=max_tokens,
                temperature=task.sampling.temperature if wanted.temperature is None else wanted.temperature,
                top_p=task.sampling.top_p if wanted.top_p is None else wanted.top_p,
            ),
            tools=passage.request.tools,
            response_schema=prompt.response_schema,
            priority=Priority[task.priority.upper()].value,
            cache_salt=cache_salt(self._parts.salt_secret, passage.actor, passage.request.subject),
        )

    async def _chosen(self, passage: _Passage, task: TaskPolicy, found: Findings, deadline_s: float) -> Route:
        """Do step (6).  Waits for the engine, at most to the deadline, where nothing else is in the way."""
        parts = self._parts
        facts = _escalation_facts(passage.request.subject.purpose, found)
        route = parts.router.route(passage.actor, task, parts.engine.condition, facts)
        if not route.engine_missing:
            return route
        condition = await parts.engine.wait_ready(deadline_s - parts.clock.monotonic_s())
        return parts.router.route(passage.actor, task, condition, facts)

    def _departure(self, passage: _Passage, route: Route, known: KnownIdentifiers, deadline_s: float) -> Departure:
        """Return the way to the route's provider, for this one exchange."""
        parts, entry = self._parts, passage.entry
        bundle = parts.policy.bundle
        facts = {"purpose": passage.request.subject.purpose.value}
        resource = task_resource(bundle.tasks[passage.request.task])
        question = Question(actor=passage.actor, action=Action.ESCALATE, resource=resource, facts=facts)

        async def record(facts: Facts, model: str) -> str:
            return (await parts.trail.disclose(entry, facts, model)).compact

        request = DiscloseRequest(
            exchange_id=passage.id, task=passage.request.task, provider=route.provider, policy_digest=bundle.digest
        )
        return Departure(
            guard=parts.guard,
            broker=parts.broker,
            request=request,
            known=known,
            permit=lambda _: decide(bundle, question),
            record=record,
            clock=parts.clock,
            deadline_s=deadline_s,
        )

    @asynccontextmanager
    async def _deadline(self, work: _Work) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(work.deadline_s - self._parts.clock.monotonic_s()):
                yield
        except TimeoutError as error:
            raise EngineTimeoutError from error

    async def _timed(self, work: _Work, first: Delta, rest: AsyncGenerator[Delta]) -> AsyncGenerator[Delta]:
        """Yield the engine's pieces, each before the deadline."""
        yield first
        while True:
            async with self._deadline(work):
                piece = await anext(rest, None)
            if piece is None:
                return
            yield piece

    async def _screened(self, passage: _Passage, work: _Work, deltas: AsyncGenerator[Delta]) -> AsyncGenerator[Delta]:
        """Do step (8) for a stream; note what goes out and what broke it off."""
        screening = work.screening
        held = is_held(screening.task, passage.request)
        try:
            async for delta in screening.held(deltas) if held else screening.flowing(deltas):
                passage.sent.append(delta.text)
                yield delta
        except ApplianceError as error:
            error.exchange_id, error.downtime_text = passage.id, passage.downtime_text
            passage.failure = error
            raise

    def _exchange(self, passage: _Passage, work: _Work, receipt: Receipt) -> Exchange:
        return Exchange(
            id=passage.id,
            task=passage.request.task,
            route=work.route,
            model=self._parts.model,
            receipt=receipt.compact,
            warnings=work.screening.ending.warnings,
        )


def _question(actor: Actor, task: TaskPolicy, purpose: Purpose) -> Question:
    facts = {"purpose": purpose.value}
    return Question(actor=actor, action=Action.USE_TASK, resource=task_resource(task), facts=facts)


def _escalation_facts(purpose: Purpose, found: Findings) -> dict[str, Fact]:
    counts = found.counts()
    return {"purpose": purpose.value, "finding_kinds": frozenset(counts), "finding_count": sum(counts.values())}


def _check_open(route: Route) -> None:
    """Refuse where no route is open.  Raises RouteRefusedError or EngineError."""
    match route.kind:
        case RouteKind.LOCAL | RouteKind.MANAGED:
            return
        case RouteKind.REFUSED if route.engine_missing:
            raise EngineError(" ".join(route.reasons))
        case RouteKind.REFUSED:
            raise RouteRefusedError(" ".join(route.reasons), reasons=route.reasons)


def _outcome(error: ApplianceError | None, *, is_partly_sent: bool) -> Outcome:
    match error:
        case None:
            return Outcome.ANSWERED
        case CallerGoneError():
            return Outcome.CANCELLED
        case RefusedError():
            return Outcome.REFUSED
        case _:
            return Outcome.INCOMPLETE if is_partly_sent else Outcome.FAILED
