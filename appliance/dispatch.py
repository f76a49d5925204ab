"""Steps 4 to 7 of a request: a place, the facts, a route, a model; and 6 and 7 once more where one could not answer.

A managed request gives its place in the engine back: load that leaves must not keep out load that stays.  Who could not
answer is left out and the choice is made anew, by the same policy, evidence and agreements.  Once a piece of an answer
has come, or a model has declined, there is no second choice, and the engine is stood in for only in a task that fails
over.  Nothing here decides by itself (`routing` and `policy` do), and nothing opens a socket.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TypeVar

from appliance.admission.gate import Place, Priority
from appliance.classification import classify
from appliance.clinical_text import ClinicalText
from appliance.decision import Decision
from appliance.engine.condition import EngineCondition
from appliance.errors import (
    EngineError,
    EngineOverloadedError,
    EngineTimeoutError,
    EscalationError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    RouteRefusedError,
    TooBusyError,
)
from appliance.escalation.hand_off import Departure, Leaving
from appliance.escalation.wire import Caller, DiscloseRequest
from appliance.exchange import Route, RouteKind
from appliance.inspection import inspected
from appliance.parts import Generator, Parts
from appliance.passage import Demand, Passage, Work
from appliance.policy.bundle import Bundle
from appliance.policy.decide import decide
from appliance.policy.escalate import Ask, Way, escalate_question
from appliance.policy.register import models_of
from appliance.tasks.inputs import texts_of
from appliance.trail import Facts

T = TypeVar("T")

LONG = 8_000
"""Characters whose reading takes about a millisecond; handing a short text to a thread costs more than reading it."""


class Dispatch:
    """Find for each request who answers it; one for all requests."""

    def __init__(self, parts: Parts) -> None:
        """Take every part."""
        self._parts = parts

    async def set_out(self, passage: Passage, demand: Demand, holds: AsyncExitStack) -> Work:
        """Do steps (4) to (6).  Raises what admission, the caller's own words and a closed route raise."""
        place, full = await self._place(demand, holds)  # (4)
        ask = await self._facts(passage, demand)  # (5)
        route = await self._chosen(passage, demand, ask, full=full)  # (6)
        work = Work(demand=demand, holds=holds, place=place, ask=ask, route=route, generator=self._parts.client)
        await self._take(passage, work, route)
        return work

    async def first(self, passage: Passage, work: Work, attempt: Callable[[Generator], Awaitable[T]]) -> T:
        """Do step (7) until somebody answers: a whole answer, or a stream and its first piece.

        Raises what the last one raised that could be asked.
        """
        while True:
            try:
                async with self.deadline(work):
                    return await attempt(work.generator)
            except (ProviderUnavailableError, EngineError) as error:
                await self._take_another(passage, work, error)

    @asynccontextmanager
    async def deadline(self, work: Work) -> AsyncIterator[None]:
        """End what takes longer than the request may.  Raises EngineTimeoutError or ProviderTimeoutError."""
        try:
            async with asyncio.timeout(work.demand.deadline_s - self._parts.clock.monotonic_s()):
                yield
        except TimeoutError as error:
            is_managed = work.route.kind is RouteKind.MANAGED
            raise (ProviderTimeoutError() if is_managed else EngineTimeoutError()) from error

    async def _place(self, demand: Demand, holds: AsyncExitStack) -> tuple[Place | None, TooBusyError | None]:
        """Do step (4).  Raises TooBusyError, unless the task fails over and the register names somebody."""
        try:
            return await self._enter(demand, holds), None
        except TooBusyError as error:
            if not (demand.task.failover and self._parts.policy.bundle.providers):
                raise
            return None, error

    async def _enter(self, demand: Demand, holds: AsyncExitStack) -> Place:
        slot = self._parts.gate.slot(Priority(demand.call.priority), demand.deadline_s)
        return await holds.enter_async_context(slot)

    async def _facts(self, passage: Passage, demand: Demand) -> Ask:
        """Do step (5): what the request holds, and how well it must be protected."""
        request, parts = passage.request, self._parts
        findings = await inspected(request, demand.known)
        classified = await _beside(
            partial(
                classify,
                request,
                demand.task,
                passage.actor,
                findings,
                restrictions=parts.policy.bundle.restrictions,
                excluded=parts.excluded,
            ),
            characters=sum(map(len, texts_of(request))),
        )
        return Ask(
            purpose=request.subject.purpose,
            data_class=classified.data_class,
            restrictions=classified.restrictions,
            patients_named=classified.patients_named,
            counts=findings.counts(),
        )

    async def _chosen(self, passage: Passage, demand: Demand, ask: Ask, *, full: TooBusyError | None) -> Route:
        """Do step (6).  Waits for the engine, at most to the deadline, where nothing else is in the way."""
        parts = self._parts
        condition = parts.engine.condition if full is None else EngineCondition.full()
        route = parts.router.route(passage.actor, demand.task, condition, ask)
        if full is not None and route.kind is not RouteKind.MANAGED:
            raise full
        if not route.engine_missing:
            return route
        condition = await parts.engine.wait_ready(demand.deadline_s - parts.clock.monotonic_s())
        return parts.router.route(passage.actor, demand.task, condition, ask)

    async def _take(self, passage: Passage, work: Work, route: Route) -> None:
        """Note the route, and hold what it needs and nothing else.  Raises RouteRefusedError and its kin."""
        model, ask = route.model or self._parts.model, work.ask
        passage.entry.routed(route, model, _route_facts(route, ask), sealed=_restrictions(ask))
        _check_open(route)
        work.route = route
        if route.kind is RouteKind.MANAGED:
            if work.place is not None:
                work.place.give_back()
            departure = self._departure(passage, work)
            work.holds.callback(departure.close)
            work.place, work.generator = None, departure
            return
        work.place = work.place or await self._enter(work.demand, work.holds)
        work.generator = self._parts.client

    async def _take_another(self, passage: Passage, work: Work, error: ProviderUnavailableError | EngineError) -> None:
        """Do step (6) again without the one that could not answer.  Raises `error` where nobody else may be asked."""
        condition = self._parts.engine.condition
        is_local = work.route.kind is RouteKind.LOCAL
        if is_local:
            if not (work.demand.task.failover and type(error) in _STOOD_IN_FOR):
                raise error
            condition = EngineCondition.full() if isinstance(error, EngineOverloadedError) else EngineCondition.down()
        else:
            work.without |= {(work.route.provider, self._way(self._parts.policy.bundle, work.route).model.name)}
        route = self._parts.router.route(passage.actor, work.demand.task, condition, work.ask, without=work.without)
        if not route.is_open() or (is_local and route.kind is RouteKind.LOCAL):
            raise error
        await self._take(passage, work, route)

    def _departure(self, passage: Passage, work: Work) -> Departure:
        """Return the way to the route's provider, for this one exchange."""
        parts, ask = self._parts, work.ask
        bundle = parts.policy.bundle
        way = self._way(bundle, work.route)
        request = DiscloseRequest(
            exchange_id=passage.id,
            task=passage.request.task,
            provider=way.provider.name,
            model=way.model.name,
            policy_digest=bundle.digest,
            caller=_caller(passage),
            purpose=ask.purpose.value,
            data_class=ask.data_class.value,
            failover=way.failover,
            patients_named=ask.patients_named,
            restrictions=tuple(sorted(ask.restrictions)),
            intent_receipt=passage.entry.intent_receipt,
        )

        def permit(leaving: Leaving) -> Decision:
            now = replace(way, moment=parts.moments(), kinds_left=leaving.kinds_left)
            asked = replace(ask, counts=leaving.counts)
            decision = decide(bundle, escalate_question(passage.actor, request.task, ask=asked, way=now))
            passage.entry.escalating(decision)
            return decision

        async def record(facts: Facts, model: str) -> str:
            return (await parts.trail.disclose(passage.entry, facts, model)).compact

        return Departure(
            guard=parts.guard,
            broker=parts.broker,
            request=request,
            known=work.demand.known,
            permit=permit,
            record=record,
            clock=parts.clock,
            deadline_s=work.demand.deadline_s,
        )

    def _way(self, bundle: Bundle, route: Route) -> Way:
        """Return the route's provider and model.  Raises EscalationError if a reload took them away meanwhile."""
        for provider, model in models_of(bundle.providers):
            if (provider.name, provider.identity(model)) == (route.provider, route.model):
                return Way(
                    provider=provider,
                    model=model,
                    evidence=route.state,
                    failover=route.failover,
                    moment=self._parts.moments(),
                )
        raise EscalationError(detail="the policy changed while the request was on its way")


_STOOD_IN_FOR = frozenset({EngineError, EngineOverloadedError})
"""What another may stand in for: an engine that is not there.  One that read the request and failed has answered."""


async def _beside(work: Callable[[], T], *, characters: int) -> T:
    """Do what reads a text: a long one in a thread, so that nobody waits for it, and a short one at once."""
    return await asyncio.to_thread(work) if characters > LONG else work()


def _caller(passage: Passage) -> Caller:
    actor = passage.actor
    return Caller(
        client_id=actor.client_id,
        tenant=actor.tenant,
        roles=tuple(sorted(actor.roles)),
        tasks=tuple(sorted(actor.tasks)),
    )


def _route_facts(route: Route, ask: Ask) -> dict[str, str | int | bool | list[str]]:
    told: dict[str, str | int | bool | list[str]] = {
        "identifiers": [f"{kind}:{count}" for kind, count in sorted(ask.counts.items())],
        "data_class": ask.data_class.value,
        "restricted": bool(ask.restrictions),
    }
    if route.kind is RouteKind.MANAGED:
        told |= {"agreement": route.agreement, "failover": route.failover, "sandbox": route.sandbox}
    return told


def _restrictions(ask: Ask) -> ClinicalText | None:
    """Return the names of what holds, to be sealed: the caller must not learn whose records these are (42 CFR 2.13)."""
    return ClinicalText(json.dumps({"restrictions": sorted(ask.restrictions)})) if ask.restrictions else None


def _check_open(route: Route) -> None:
    """Refuse where no route is open.  Raises RouteRefusedError, EngineError or ProviderUnavailableError."""
    match route.kind:
        case RouteKind.LOCAL | RouteKind.MANAGED:
            return
        case RouteKind.REFUSED if route.engine_missing:
            raise EngineError(" ".join(route.reasons))
        case RouteKind.REFUSED if route.provider_missing:
            raise ProviderUnavailableError(" ".join(route.reasons), provider=route.provider)
        case RouteKind.REFUSED:
            raise RouteRefusedError(" ".join(route.reasons), reasons=route.reasons)
