"""What the pipeline is handed: each part by its own interface, so that a test can hand in another.

`wiring` is the one place that constructs these.  Nothing here acts.
"""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Protocol

from appliance.admission.estimate import Estimator
from appliance.admission.gate import Gate
from appliance.classification import Excluded
from appliance.clock import Clock, Moment
from appliance.engine.condition import EngineCondition
from appliance.engine.messages import EngineCall
from appliance.escalation.hand_off import Door, Guardian
from appliance.exchange import Completion, Delta, ModelIdentity
from appliance.policy.current import CurrentPolicy
from appliance.routing.route import Router
from appliance.tasks.icd10 import Icd10Table
from appliance.trail import Trail


class Generator(Protocol):
    """What answers a call: `engine.client.EngineClient`, or `escalation.hand_off.Departure` for a managed route."""

    async def complete(self, call: EngineCall) -> Completion:
        """Return the whole answer.  Raises EngineError or EscalationError; cancelling it aborts the generation."""
        ...

    def stream(self, call: EngineCall) -> AsyncGenerator[Delta]:
        """Yield the answer in pieces.  Raises as `complete`; closing it aborts the generation."""
        ...


class EngineWatch(Protocol):
    """The part of `engine.condition.Engine` that says whether the engine can generate."""

    @property
    def condition(self) -> EngineCondition:
        """Return the last known condition."""
        ...

    async def wait_ready(self, timeout_s: float) -> EngineCondition:
        """Wait until the engine is ready or the time is over, and return the condition then."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that the pipeline is handed."""

    policy: CurrentPolicy
    router: Router
    gate: Gate
    estimator: Estimator
    engine: EngineWatch
    client: Generator
    """The local engine's."""

    guard: Guardian
    broker: Door
    model: ModelIdentity
    trail: Trail
    icd10: Icd10Table
    excluded: Excluded
    """Which patients' requests stay in the building."""

    moments: Callable[[], Moment]
    """The present, as far as the clock can be trusted, for agreements."""

    salt_secret: bytes
    """Keys the engine's prefix cache, so that no caller can time another's prompt (CVE-2025-46570)."""

    clock: Clock
