"""What `choose` and the router are handed, built from one word each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from appliance.clock import Moment
from appliance.decision import Decision
from appliance.exchange import DataClass, ModelIdentity, Purpose, RouteKind
from appliance.policy.bundle import Bundle
from appliance.policy.current import CurrentPolicy
from appliance.policy.escalate import Ask
from appliance.policy.evidence import Assessment, Evidence, assess
from appliance.policy.task import TaskPolicy
from appliance.routing.candidates import Candidate, Outlook
from appliance.routing.route import Router
from tests.support.registers import a_model, a_provider

MEETING, FAILING, INSUFFICIENT = "meets", "fails", "insufficient"
"""The states of the evidence."""

ENGINES = ("ready", "engine_down", "engine_starting", "engine_full", "manifest_mismatch")
"""The states of the engine."""

_FIGURES = {MEETING: (500, 40), FAILING: (500, 210), INSUFFICIENT: (40, 4)}
"""Cases and edited cases, decisive against the sample task's threshold."""

MODEL = "a" * 64
"""Digest of the model that was measured."""

NOW = Moment.at(datetime(2026, 11, 23, 12, tzinfo=UTC))
"""The present of most tests."""


@dataclass(frozen=True, slots=True)
class EngineState:
    """Stand in for `engine.condition.EngineCondition`."""

    state: str

    @property
    def is_ready(self) -> bool:
        """Say whether the engine can generate."""
        return self.state == "ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderState:
    """Stand in for `escalation.wire.ProviderCondition`."""

    state: str = "open"
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerState:
    """Stand in for `escalation.condition.BrokerCondition`."""

    reachable: bool = True
    policy_digest: str = ""
    approval: str = ""
    providers: Mapping[str, ProviderState] = field(default_factory=dict)

    @classmethod
    def of(cls, bundle: Bundle, **changes: Any) -> "BrokerState":
        """Return a broker that holds this bundle and whose every provider is open, changed as asked."""
        told = {"policy_digest": bundle.digest, "providers": dict.fromkeys(bundle.providers, ProviderState())}
        return cls(**{**told, **changes})


def engine(state: str = "ready") -> EngineState:
    """Return one condition of the engine."""
    return EngineState(state)


def an_ask(**changes: Any) -> Ask:
    """Return a request for treatment of a patient who is named and falls under no restriction, changed as asked."""
    told: dict[str, Any] = {
        "purpose": Purpose.TREATMENT,
        "data_class": DataClass.PHI,
        "restrictions": frozenset(),
        "patients_named": True,
        "counts": {"DATE": 2, "NAME": 5},
    }
    return Ask(**{**told, **changes})


def an_outlook(bundle: Bundle, state: str = "ready", **changes: Any) -> Outlook:
    """Return an engine of this state, an approved bundle and a broker that asks every provider, changed as asked."""
    told: dict[str, Any] = {
        "engine": engine(state),
        "moment": NOW,
        "approval": "",
        "broker": BrokerState.of(bundle),
        "closed": frozenset(),
    }
    return Outlook(**{**told, **changes})


def a_router(policy: CurrentPolicy, model: ModelIdentity, **changes: Any) -> Router:
    """Return a router for which the bundle is approved and every provider is open, changed as asked."""
    told: dict[str, Any] = {
        "moments": lambda: NOW,
        "approval": lambda _digest: "",
        "broker": lambda: BrokerState.of(policy.bundle),
        "closed": frozenset,
    }
    return Router(policy, model, **{**told, **changes})


def permission(*, allowed: bool) -> Decision:
    """Return an answer to Escalate."""
    reason = "The agreement with acme is in force." if allowed else "The file of this task does not let it escalate."
    return Decision(allowed=allowed, action="Escalate", reasons=(reason,), policy_ids=("x",), policy_digest="0" * 64)


def a_candidate(task: TaskPolicy, state: str = MEETING, **changes: Any) -> Candidate:
    """Return a model of the provider acme that may be asked and can answer, changed as asked."""
    model = changes.pop("model", a_model())
    provider = changes.pop("provider", a_provider(name="acme", models=(model,)))
    told: dict[str, Any] = {
        "provider": provider,
        "model": model,
        "agreement": "BAA-1",
        "assessment": assessment(state, "managed", task),
        "permission": permission(allowed=True),
        "foreign": False,
        "closed": "",
        "missing": "",
    }
    return Candidate(**{**told, **changes})


def task_with(bundle: Bundle, **changes: Any) -> TaskPolicy:
    """Return the sample task with other choices of the hospital; 200 cases are enough evidence."""
    sample = bundle.tasks["discharge-summary"].model_dump(by_alias=True)
    threshold = {**sample["threshold"], "min_cases": changes.pop("min_cases", 200)}
    return TaskPolicy.model_validate({**sample, **changes, "threshold": threshold})


def evidence(task: TaskPolicy, *, n: int, edited: int, route: str = "local", **changes: Any) -> Evidence:
    """Return measured evidence about `MODEL`, or illustrative evidence."""
    illustrative = bool(changes.get("illustrative"))
    told: dict[str, Any] = {
        "task": task.name,
        "route": RouteKind(route),
        "model_digest": "*illustrative*" if illustrative else MODEL,
        "prompt_version": "*illustrative*" if illustrative else task.prompt_version,
        "n": n,
        "edited": edited,
        "source": "a test",
        "window": "2026-01-01/2026-03-31",
    }
    return Evidence(**{**told, **changes})


def assessment(
    state: str, route: Literal["local", "managed"], task: TaskPolicy, *, rows: Iterable[Evidence] = ()
) -> Assessment:
    """Return what evidence of one state says about the sample task."""
    n, edited = _FIGURES[state]
    known = [*rows, evidence(task, n=n, edited=edited, route=route)]
    return assess(known, task=task, route=RouteKind(route), model_digest=MODEL, tenant="general-hospital")
