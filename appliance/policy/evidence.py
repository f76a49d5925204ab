"""What was measured about one route of one task, and what it proves.

For example: clinicians edited 210 of 500 local drafts of discharge summaries.  That is 42 %, but the appliance
asks how bad it could be: with 95 % confidence up to 46.5 %, and the task's threshold is 30 %.  Evidence counts for the
very model digest and prompt version that were measured.  Illustrative evidence (the reference example's) counts in the
tenant ``sandbox`` only, and only where nothing was measured; everywhere else it is as if it were not there.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from appliance.exchange import EvidenceState, RouteKind
from appliance.policy.bounds import bounds
from appliance.policy.question import SANDBOX
from appliance.policy.registers import EvidenceRow
from appliance.policy.task import TaskPolicy

ILLUSTRATIVE = "*illustrative*"
"""Stands where measured evidence has a digest; no digest has this form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """How often clinicians changed the drafts of one task by one route."""

    task: str
    route: RouteKind
    model_digest: str
    prompt_version: str
    n: int
    """Drafts that clinicians used, changed or not."""

    edited: int
    """How many of them were changed first."""

    source: str
    window: str
    """First and last day, ISO 8601; empty for illustrative evidence."""

    illustrative: bool = False

    @classmethod
    def from_row(cls, row: EvidenceRow) -> Self:
        """Return a row of ``policies/evidence.yaml`` as evidence."""
        return cls(
            task=row.task,
            route=RouteKind(row.route),
            model_digest=row.model_digest or ILLUSTRATIVE,
            prompt_version=row.prompt_version or ILLUSTRATIVE,
            n=row.cases,
            edited=row.edited,
            source=row.source,
            window=f"{row.window.first}/{row.window.last}" if row.window else "",
            illustrative=row.illustrative,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What the evidence says about one route of one task."""

    state: EvidenceState
    rate: float | None
    """Share of edited drafts; None while there is none."""

    lower: float
    upper: float
    """The bound that is held against the threshold; 1 while nothing is known."""

    n: int
    illustrative: bool
    sentence: str
    """Rate, bound and threshold as a clause without its full stop, to be joined with what follows from it."""


def assess(
    evidence: Iterable[Evidence], *, task: TaskPolicy, route: RouteKind, model_digest: str, tenant: str
) -> Assessment:
    """Return what counts for one route of a task with one model, for callers of one tenant."""
    own, illustrative = _counting(evidence, task=task, route=route, model_digest=model_digest)
    if own is None and tenant == SANDBOX:
        own = illustrative
    n, edited = (own.n, own.edited) if own is not None else (0, 0)
    lower, upper = bounds(cases=n, edited=edited, confidence=task.threshold.confidence)
    state = _state(task, n, upper)
    return Assessment(
        state=state,
        rate=edited / n if n else None,
        lower=lower,
        upper=upper,
        n=n,
        illustrative=own is not None and own.illustrative,
        sentence=_sentence(task, route, n=n, edited=edited, upper=upper),
    )


def _counting(
    evidence: Iterable[Evidence], *, task: TaskPolicy, route: RouteKind, model_digest: str
) -> tuple[Evidence | None, Evidence | None]:
    """Return the measured row for this very model and prompt, and the illustrative one."""
    rows = [row for row in evidence if row.task == task.name and row.route is route]
    wanted = (model_digest, task.prompt_version)
    own = (row for row in rows if not row.illustrative and (row.model_digest, row.prompt_version) == wanted)
    return next(own, None), next((row for row in rows if row.illustrative), None)


def _state(task: TaskPolicy, n: int, upper: float) -> EvidenceState:
    if n < task.threshold.min_cases:
        return EvidenceState.INSUFFICIENT
    return EvidenceState.MEETS if upper <= task.threshold.edit_rate else EvidenceState.FAILS


def _sentence(task: TaskPolicy, route: RouteKind, *, n: int, edited: int, upper: float) -> str:
    limit, needed = f"threshold of {_percent(task.threshold.edit_rate)}", task.threshold.min_cases
    if n == 0:
        return (
            f"there is no evidence for {route} drafts of this model and prompt version: "
            f"this task's {limit} needs at least {needed} cases"
        )
    rate = f"{edited / n:.1%}".replace("%", " %")
    bound = f"the {_percent(task.threshold.confidence)} upper bound {_upward(upper)}"
    if n < needed:
        return (
            f"{rate} of {n} {route} drafts were edited; {bound} does not count yet "
            f"against this task's {limit}, which needs at least {needed} cases"
        )
    verdict = "is within" if upper <= task.threshold.edit_rate else "is above"
    return f"{rate} of {n} {route} drafts were edited; {bound} {verdict} this task's {limit}"


def _percent(share: float) -> str:
    return f"{share * 100:.6g} %"


def _upward(share: float) -> str:
    """Round up, so that a bound just above the threshold is never printed as the threshold."""
    return f"{math.ceil(share * 1000 - 1e-9) / 10:.1f} %"
