"""The one path of a request; every surface calls it and nothing goes around it.

The steps are those of ARCHITECTURE.md "One request" and carry their numbers:

1. **authenticate** (`auth`): proof -> `Actor`.  The surface MUST do it first and hand the actor in.
2. **open** (`trail`): the intent is durable, or there is no answer.
3. **permit** (`policy`): may this actor use this task, for this purpose?
4. **admit** (`admission`): it fits the model, and gets a place before the deadline.
5. **inspect** (`phi`): kinds and counts of identifiers become facts for what follows.
6. **choose** (`routing`): the route with its reasons; a pure function.
7. **generate** (`engine`): the local model; a managed route leaves through guard, `escalation` and broker only.
8. **screen** (`tasks`, `phi`): the task's own output checks; identifiers that the caller never sent are withheld.
9. **release** (`trail`): durable before the first byte; the outcome after the last, whatever happened.

Steps 4 to 7 stand in `dispatch`, because 6 and 7 are done once more where a provider could not answer.  Whatever is
raised at any step is recorded as an outcome before the caller hears of it.  A caller that hangs up cancels whatever
step is running.  This module decides nothing, opens no socket and formats no text.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace
from functools import partial

from appliance.admission.gate import Priority
from appliance.dispatch import Dispatch
from appliance.engine.messages import EngineCall, cache_salt
from appliance.errors import (
    ApplianceError,
    BrokenError,
    CallerGoneError,
    InvalidRequestError,
    NotPermittedError,
    RefusedError,
    UnknownTaskError,
)
from appliance.exchange import (
    Actor,
    Answer,
    Completion,
    Delta,
    Exchange,
    Purpose,
    Surface,
    TaskRequest,
    new_exchange_id,
)
from appliance.inspection import named_people
from appliance.parts import Generator, Parts
from appliance.passage import Demand, Passage, Stream, Work
from appliance.policy.decide import decide
from appliance.policy.question import Action, Question, task_resource
from appliance.policy.task import TaskPolicy
from appliance.screening import Screening
from appliance.tasks.finish import is_held
from appliance.tasks.prepare import Prompt, prepare
from audit.record import Outcome, Receipt

REFUSAL_RECORD_PATIENCE_S = 1.0
"""A refusal waits this long for its outcome to be durable; it reveals nothing, so then it goes out anyway."""


class Pipeline:
    """Handle requests of every surface, one path for all."""

    def __init__(self, parts: Parts) -> None:
        """Take every part."""
        self._parts = parts
        self._dispatch = Dispatch(parts)

    def tasks_for(self, actor: Actor) -> tuple[TaskPolicy, ...]:
        """Return the tasks that this actor may use, by the same decision as the request itself."""
        bundle = self._parts.policy.bundle
        tasks = (task for _, task in sorted(bundle.tasks.items()))
        return tuple(task for task in tasks if decide(bundle, _question(actor, task, Purpose.TREATMENT)).allowed)

    async def answer(self, actor: Actor, request: TaskRequest) -> Answer:
        """Handle a request whose answer is sent whole.  Raises ApplianceError, recorded, with its exchange id."""
        async with self._opened(actor, request) as passage, self._worked(passage) as work:
            completion = await self._dispatch.first(passage, work, partial(_complete, work.demand.call))  # (7)
            screening = self._screening(passage, work)
            completion = screening.whole(completion)  # (8)
            receipt = await self._parts.trail.release(
                passage.entry, facts={"stream": False}, body=completion.text
            )  # (9)
            exchange = self._exchange(passage, work, screening, receipt)
            return Answer(exchange=exchange, completion=completion, output=screening.ending.output)

    @asynccontextmanager
    async def stream(self, actor: Actor, request: TaskRequest) -> AsyncIterator[Stream]:
        """Handle a request whose answer is streamed; entering does steps (2) to (7) and the durable release.

        Raises ApplianceError before the first byte, or from the iteration when the answer breaks off.  Leaving the
        context before the stream is whole cancels the generation in the engine and is recorded as cancelled.
        """
        async with self._opened(actor, request) as passage, self._worked(passage) as work:
            first, deltas = await self._dispatch.first(passage, work, partial(_begin, work.demand.call))  # (7)
            async with aclosing(deltas):
                screening = self._screening(passage, work)
                receipt = await self._parts.trail.release(passage.entry, facts={"stream": True}, body=None)  # (9)
                pieces = self._screened(passage, screening, self._timed(work, first, deltas))  # (8)
                async with aclosing(pieces):
                    yield Stream(self._exchange(passage, work, screening, receipt), screening.ending, pieces)
            if not screening.ending.is_whole and passage.failure is None:
                passage.failure = CallerGoneError()

    @asynccontextmanager
    async def _opened(self, actor: Actor, request: TaskRequest) -> AsyncIterator[Passage]:
        """Do step (2), and record the outcome of step (9) on every way out."""
        exchange_id = new_exchange_id()
        bundle = self._parts.policy.bundle
        is_known = request.task in bundle.tasks
        try:
            # The broker asks for proof of the intent, and signing it is not for nothing.
            entry = await self._parts.trail.open(
                exchange_id, actor, request, is_known_task=is_known, receipt=bool(bundle.providers)
            )
        except ApplianceError as error:
            error.exchange_id = exchange_id
            raise
        passage = Passage(id=exchange_id, actor=actor, request=request, entry=entry)
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

    def _close(self, passage: Passage, error: ApplianceError | None) -> None:
        """Owe the outcome of the exchange to the trail."""
        self._parts.trail.close(
            passage.entry,
            _outcome(error, is_partly_sent=bool(passage.sent)),
            code=error.code if error else "",
            facts=passage.facts(),
            body=passage.body(),
        )

    @asynccontextmanager
    async def _worked(self, passage: Passage) -> AsyncIterator[Work]:
        """Do steps (3) to (6); what they took is held until the answer is whole."""
        parts, request = self._parts, passage.request
        task = self._permitted(passage)  # (3)
        prompt = prepare(task, request, parts.icd10)
        known = named_people(request)
        call = self._call(passage, task, prompt)
        limit_s = min(task.limits.deadline_s, request.deadline_s or task.limits.deadline_s)
        deadline_s = parts.clock.monotonic_s() + limit_s
        demand = Demand(task=task, prompt=prompt, call=call, known=known, deadline_s=deadline_s)
        async with AsyncExitStack() as holds:
            passage.work = await self._dispatch.set_out(passage, demand, holds)  # (4) to (6)
            yield passage.work

    def _permitted(self, passage: Passage) -> TaskPolicy:
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

    def _call(self, passage: Passage, task: TaskPolicy, prompt: Prompt) -> EngineCall:
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

    async def _timed(self, work: Work, first: Delta, rest: AsyncGenerator[Delta]) -> AsyncGenerator[Delta]:
        """Yield the engine's pieces, each before the deadline."""
        yield first
        while True:
            async with self._dispatch.deadline(work):
                piece = await anext(rest, None)
            if piece is None:
                return
            yield piece

    async def _screened(
        self, passage: Passage, screening: Screening, deltas: AsyncGenerator[Delta]
    ) -> AsyncGenerator[Delta]:
        """Do step (8) for a stream; note what goes out and what broke it off."""
        held = is_held(screening.task, passage.request)
        try:
            async for delta in screening.held(deltas) if held else screening.flowing(deltas):
                passage.sent.append(delta.text)
                yield delta
        except ApplianceError as error:
            error.exchange_id, error.downtime_text = passage.id, passage.downtime_text
            passage.failure = error
            raise

    def _screening(self, passage: Passage, work: Work) -> Screening:
        """Begin step (8), with what brings the answer back if it came from outside."""
        screening = Screening(
            task=work.demand.task,
            prompt=work.demand.prompt,
            icd10=self._parts.icd10,
            surrogates=work.surrogates(),
            needs_output=passage.request.surface is Surface.TASKS,
        )
        passage.ending = screening.ending
        return screening

    def _exchange(self, passage: Passage, work: Work, screening: Screening, receipt: Receipt) -> Exchange:
        return Exchange(
            id=passage.id,
            task=passage.request.task,
            route=work.route,
            model=work.route.model or self._parts.model,
            receipt=receipt.compact,
            warnings=screening.ending.warnings,
        )


async def _complete(call: EngineCall, generator: Generator) -> Completion:
    return await generator.complete(call)


async def _begin(call: EngineCall, generator: Generator) -> tuple[Delta, AsyncGenerator[Delta]]:
    """Return the first piece of a stream, and the rest."""
    deltas = generator.stream(call)
    try:
        return await anext(deltas), deltas
    except BaseException:
        await deltas.aclose()
        raise


def _question(actor: Actor, task: TaskPolicy, purpose: Purpose) -> Question:
    facts = {"purpose": purpose.value}
    return Question(actor=actor, action=Action.USE_TASK, resource=task_resource(task), facts=facts)


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
