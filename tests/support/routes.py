"""What `choose` is handed, built from one word each."""

from dataclasses import dataclass
from typing import Literal

from appliance.decision import Decision
from appliance.exchange import RouteKind
from appliance.policy.bundle import Bundle
from appliance.policy.task import TaskPolicy
from appliance.routing.evidence import Assessment, Evidence, assess

MEETING, FAILING, INSUFFICIENT = "meets", "fails", "insufficient"
"""The states of the evidence."""

ENGINES = ("ready", "engine_down", "engine_starting", "manifest_mismatch")
"""The states of the engine."""

_FIGURES = {MEETING: (500, 40), FAILING: (500, 210), INSUFFICIENT: (40, 4)}
"""Cases and edited cases, decisive against the sample task's threshold."""

MODEL = "a" * 64
"""Digest of the model that was measured."""


@dataclass(frozen=True, slots=True)
class EngineState:
    """Stand in for `engine.condition.EngineCondition`."""

    state: str

    @property
    def is_ready(self) -> bool:
        """Say whether the engine can generate."""
        return self.state == "ready"


def engine(state: str = "ready") -> EngineState:
    """Return one condition of the engine."""
    return EngineState(state)


def permission(*, allowed: bool) -> Decision:
    """Return an answer to Escalate."""
    reason = "The agreement with acme is in force." if allowed else "No provider has an agreement in force."
    return Decision(allowed=allowed, action="Escalate", reasons=(reason,), policy_ids=("x",), policy_digest="0" * 64)


def task_with(
    bundle: Bundle, *, when_unmet: str = "refuse", failover: bool = False, min_cases: int = 200
) -> TaskPolicy:
    """Return the sample task with other choices of the hospital."""
    sample = bundle.tasks["discharge-summary"].model_dump(by_alias=True)
    threshold = {**sample["threshold"], "min_cases": min_cases}
    return TaskPolicy.model_validate({**sample, "when_unmet": when_unmet, "failover": failover, "threshold": threshold})


def evidence(task: TaskPolicy, *, n: int, edited: int, route: str = "local", illustrative: bool = False) -> Evidence:
    """Return measured evidence about `MODEL`, or illustrative evidence."""
    return Evidence(
        task=task.name,
        route=RouteKind(route),
        model_digest="*illustrative*" if illustrative else MODEL,
        prompt_version="*illustrative*" if illustrative else task.prompt_version,
        n=n,
        edited=edited,
        source="a test",
        window="2026-01-01/2026-03-31",
        illustrative=illustrative,
    )


def assessment(state: str, route: Literal["local", "managed"], task: TaskPolicy) -> Assessment:
    """Return what evidence of one state says about the sample task."""
    n, edited = _FIGURES[state]
    rows = [evidence(task, n=n, edited=edited, route=route)]
    return assess(rows, task=task, route=RouteKind(route), model_digest=MODEL, tenant="general-hospital")
