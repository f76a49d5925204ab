"""Choose the route of one request: a pure function of evidence, permission and the condition of engine and providers.

The table of design section 9, first line that fits:

1. local evidence meets, engine ready -> local
2. local evidence meets, engine not ready -> managed if the task fails over and a way out is open, else wait
3. local evidence fails or is insufficient -> managed if a way out is open
4. the task refuses -> refused
5. the task allows a local draft below its threshold -> local and marked, or wait for the engine

A way out is open only if policy permits it, an agreement in force covers it, its own evidence meets the threshold, and
the broker can ask it now.  What is restricted has none, whatever the policies answered: an exclusion always wins.  Of
several the surest is taken, then the cheapest; the others are the failover set.  So an outage never opens a way out
that escalation would not have had.  This module reaches no file, network or clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.exchange import DataClass, EvidenceState, Route, RouteKind
from appliance.policy.escalate import Ask
from appliance.policy.evidence import Assessment
from appliance.policy.task import TaskPolicy
from appliance.routing.candidates import Candidate, EngineView, clause

ILLUSTRATIVE_REMARK = "(Illustrative evidence of the reference example; sandbox only.)"
"""Marks every answer and record whose route rests on figures that were not measured here."""

NO_PROVIDER = "no managed route is permitted, because no provider has an agreement in force"
"""Said where the register is empty."""

RESTRICTED = "a restriction on this record or patient keeps the request in the building"
"""Said to the caller, who is not told which: that somebody is a patient of a Part 2 programme, or objected, is itself
protected (42 CFR 2.13(c)).  The sealed part of the record names it."""

MAX_TOLD = 4
"""Of more different reasons the first are told; the record and the caller read the same sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _WaysOut:
    """The candidates, weighed."""

    open: tuple[Candidate, ...]
    """Those that may be asked and can answer, the best first."""

    closed: str
    """Why none is open, as a clause."""

    is_missing: bool
    """True where one may be asked and none of these can answer now."""


def choose(
    *, task: TaskPolicy, local: Assessment, candidates: Sequence[Candidate], engine: EngineView, ask: Ask
) -> Route:
    """Return the route with its reasons; the first reason holds the rate, the bound and the threshold."""
    ways = _weighed(candidates, task, ask)
    if local.state is EvidenceState.MEETS:
        return _met(task, local, engine, ways)  # (1), (2)
    if ways.open:  # (3)
        return _managed(local, ways, cause="the managed route is open", failover=False)
    if task.when_unmet == "refuse":  # (4)
        consequence = f"{ways.closed}; the task refuses in that case"
        return _refused(local, consequence, provider_missing=ways.is_missing)
    allowed = f"{ways.closed}; the task allows a local draft"
    if engine.is_ready:  # (5)
        return _local(local, f"{allowed}, marked as below its threshold", below_threshold=True)
    return _refused(local, f"{allowed}, but {_no_engine(engine)}", engine_missing=True)


def _met(task: TaskPolicy, local: Assessment, engine: EngineView, ways: _WaysOut) -> Route:
    if engine.is_ready:  # (1)
        return _local(local, "the draft is made locally")
    if task.failover and ways.open:  # (2)
        return _managed(local, ways, cause=f"{_no_engine(engine)}, so the task fails over", failover=True)
    no_failover = ways.closed if task.failover else "the task does not fail over"
    return _refused(local, f"{_no_engine(engine)}; {no_failover}", engine_missing=True)


def _local(local: Assessment, consequence: str, *, below_threshold: bool = False) -> Route:
    return Route(
        kind=RouteKind.LOCAL,
        reasons=_reasons(consequence, local),
        state=local.state,
        illustrative=local.illustrative,
        below_threshold=below_threshold,
    )


def _managed(local: Assessment, ways: _WaysOut, *, cause: str, failover: bool) -> Route:
    taken, *others = ways.open
    permitted = "; ".join(clause(reason) for reason in taken.permission.reasons)
    clauses = [taken.assessment.sentence, permitted, f"{cause} and the request goes to {taken.label}"]
    if others:
        clauses.append(f"in its place could stand {_listed([each.label for each in others])}")
    return Route(
        kind=RouteKind.MANAGED,
        provider=taken.provider.name,
        model=taken.provider.identity(taken.model),
        agreement=taken.agreement,
        sandbox=taken.provider.sandbox,
        failover=failover,
        reasons=_reasons("; ".join(clauses), local, taken.assessment),
        state=taken.assessment.state,
        illustrative=local.illustrative or taken.assessment.illustrative,
    )


def _refused(
    local: Assessment, consequence: str, *, engine_missing: bool = False, provider_missing: bool = False
) -> Route:
    return Route(
        kind=RouteKind.REFUSED,
        reasons=_reasons(consequence, local),
        state=local.state,
        illustrative=local.illustrative,
        engine_missing=engine_missing,
        provider_missing=provider_missing,
    )


def _weighed(candidates: Sequence[Candidate], task: TaskPolicy, ask: Ask) -> _WaysOut:
    stays = _stays(candidates, task, ask)
    if stays:
        return _WaysOut(open=(), closed=stays, is_missing=False)
    permitted = sorted((each for each in candidates if not each.objections()), key=_rank)
    if not permitted:
        return _WaysOut(open=(), closed=_told(candidates), is_missing=False)
    able = tuple(each for each in permitted if each.can_answer)
    missing = _listed(sorted({each.missing for each in permitted}))
    return _WaysOut(open=able, closed=f"the managed route cannot be taken now: {missing}", is_missing=not able)


def _stays(candidates: Sequence[Candidate], task: TaskPolicy, ask: Ask) -> str:
    """Say what keeps the request in the building, whatever the policies answered; empty if nothing does."""
    if ask.restrictions:
        return RESTRICTED
    if ask.data_class is DataClass.RESTRICTED:
        return "data of the class restricted stays in the building"
    if not candidates:
        return NO_PROVIDER
    return "" if task.escalation else "the file of this task does not let it escalate"


def _rank(candidate: Candidate) -> tuple[float, float, str, str]:
    model = candidate.model
    price = model.input_usd_per_million + model.output_usd_per_million
    return candidate.assessment.upper, price, candidate.provider.name, model.name


def _told(candidates: Sequence[Candidate]) -> str:
    """Return the objections to the candidates, each said once for all to whom it is the same."""
    said: dict[str, list[str]] = {}
    own = [each for each in candidates if not each.foreign] or candidates
    for each in sorted(own, key=lambda each: each.label):
        said.setdefault("; ".join(each.objections()), []).append(each.label)
    if len(said) == 1:
        return next(iter(said))
    told = [f"{_listed(labels)}: {objections}" for objections, labels in said.items()]
    rest = [f"{len(told) - MAX_TOLD} more reasons close others"] if len(told) > MAX_TOLD else []
    return "; ".join([*told[:MAX_TOLD], *rest])


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _reasons(consequence: str, *assessments: Assessment) -> tuple[str, ...]:
    """Return one sentence with the numbers and what follows from them, and the remark if any is illustrative."""
    sentence = f"{assessments[0].sentence}; {consequence}."
    remark = (ILLUSTRATIVE_REMARK,) if any(each.illustrative for each in assessments) else ()
    return (sentence[0].upper() + sentence[1:], *remark)


def _no_engine(engine: EngineView) -> str:
    return f"the inference engine cannot generate now ({engine.state})"
