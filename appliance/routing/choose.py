"""Choose the route of one request: a pure function of evidence, permission and the engine's condition.

The table of design section 9, first line that fits:

1. local evidence meets, engine ready -> local
2. local evidence meets, engine not ready -> managed if the task fails over and the managed route is open, else wait
3. local evidence fails or is insufficient -> managed if that route is open
4. the task refuses -> refused
5. the task allows a local draft below its threshold -> local and marked, or wait for the engine

The managed route is open only if policy permits it, a provider is named, and its own evidence meets the threshold; so
an outage never opens a way out that escalation would not have had.  This module reaches no file, network or clock.
"""

from typing import Protocol

from appliance.decision import Decision
from appliance.exchange import EvidenceState, Route, RouteKind
from appliance.policy.task import TaskPolicy
from appliance.routing.evidence import Assessment

ILLUSTRATIVE_REMARK = "(Illustrative evidence of the reference example; sandbox only.)"
"""Marks every answer and record whose route rests on figures that were not measured here."""


class EngineView(Protocol):
    """What the choice needs of `engine.condition.EngineCondition`."""

    @property
    def is_ready(self) -> bool:
        """Say whether the engine can generate now."""
        ...

    @property
    def state(self) -> str:
        """Return ``ready``, ``engine_starting``, ``engine_down`` or ``manifest_mismatch``."""
        ...


def choose(
    *,
    task: TaskPolicy,
    local: Assessment,
    managed: Assessment,
    managed_permission: Decision,
    engine: EngineView,
    provider: str = "",
) -> Route:
    """Return the route with its reasons; the first reason holds the rate, the bound and the threshold."""
    met = local.state is EvidenceState.MEETS
    cause = f"{_no_engine(engine)}, so the task fails over" if met else "the managed route is open"
    way_out = _way_out(local, managed, managed_permission, provider=provider, cause=cause)
    closed = _closed(managed, managed_permission, provider)
    if met:
        return _met(task, local, engine, way_out=way_out if task.failover else None, closed=closed)  # (1), (2)
    if way_out is not None:  # (3)
        return way_out
    if task.when_unmet == "refuse":  # (4)
        return _refused(local, f"{closed}; the task refuses in that case")
    allowed = f"{closed}; the task allows a local draft"
    if engine.is_ready:  # (5)
        return _local(local, f"{allowed}, marked as below its threshold", below_threshold=True)
    return _refused(local, f"{allowed}, but {_no_engine(engine)}", engine_missing=True)


def _met(task: TaskPolicy, local: Assessment, engine: EngineView, *, way_out: Route | None, closed: str) -> Route:
    if engine.is_ready:  # (1)
        return _local(local, "the draft is made locally")
    if way_out is not None:  # (2)
        return way_out
    no_failover = closed if task.failover else "the task does not fail over"
    return _refused(local, f"{_no_engine(engine)}; {no_failover}", engine_missing=True)


def _local(local: Assessment, consequence: str, *, below_threshold: bool = False) -> Route:
    return Route(
        kind=RouteKind.LOCAL,
        reasons=_reasons(consequence, local),
        state=local.state,
        illustrative=local.illustrative,
        below_threshold=below_threshold,
    )


def _way_out(
    local: Assessment, managed: Assessment, permission: Decision, *, provider: str, cause: str
) -> Route | None:
    """Return the managed route, or None unless policy, register and evidence all open it."""
    if not (permission.allowed and provider and managed.state is EvidenceState.MEETS):
        return None
    clauses = (managed.sentence, _clause(permission.sentence()), f"{cause} and the request goes to {provider}")
    return Route(
        kind=RouteKind.MANAGED,
        provider=provider,
        reasons=_reasons("; ".join(clauses), local, managed),
        state=managed.state,
        illustrative=local.illustrative or managed.illustrative,
    )


def _refused(local: Assessment, consequence: str, *, engine_missing: bool = False) -> Route:
    return Route(
        kind=RouteKind.REFUSED,
        reasons=_reasons(consequence, local),
        state=local.state,
        illustrative=local.illustrative,
        engine_missing=engine_missing,
    )


def _reasons(consequence: str, *assessments: Assessment) -> tuple[str, ...]:
    """Return one sentence with the numbers and what follows from them, and the remark if any is illustrative."""
    sentence = f"{assessments[0].sentence}; {consequence}."
    remark = (ILLUSTRATIVE_REMARK,) if any(each.illustrative for each in assessments) else ()
    return (sentence[0].upper() + sentence[1:], *remark)


def _closed(managed: Assessment, permission: Decision, provider: str) -> str:
    """Say why the managed route is closed."""
    if not permission.allowed:
        return _clause(permission.sentence())
    return managed.sentence if provider else "no provider is named in the register"


def _no_engine(engine: EngineView) -> str:
    return f"the inference engine cannot generate now ({engine.state})"


def _clause(sentence: str) -> str:
    """Return a sentence as a part of a longer one."""
    return sentence[0].lower() + sentence[1:].removesuffix(".")
