"""The one place that constructs: from settings to a standing gateway, and back in reverse order.

Every part gets what it needs by name; nothing is found through a global.  A part that cannot stand raises here, at
start, and never at the first request.  What was loaded (policy, model, clients) is recorded before the first answer, so
the trail tells what ran when (design section 2, promise 9).
"""

import hashlib
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, closing
from dataclasses import dataclass
from typing import Self

from appliance.admission.estimate import Estimator
from appliance.admission.gate import Gate
from appliance.agreement_clock import AgreementClock
from appliance.approval import Approvals, Closed
from appliance.auth.authenticate import Authenticator
from appliance.auth.registry import Registry
from appliance.clock import Clock, Moment
from appliance.config import Config, make_private
from appliance.engine.client import EngineClient
from appliance.engine.condition import Engine
from appliance.escalation.client import BrokerClient
from appliance.escalation.condition import BrokerWatch
from appliance.exchange import ModelIdentity
from appliance.exclusions import Excluded
from appliance.models.manifest import load_manifest
from appliance.parts import EngineWatch, Parts
from appliance.phi.guard import Guard
from appliance.phi.worker import GuardWorker
from appliance.pipeline import Pipeline
from appliance.policy.bundle import Bundle
from appliance.policy.current import CurrentPolicy
from appliance.routing.route import Router
from appliance.tasks.icd10 import Icd10Table
from appliance.trail import Trail
from audit.recorder.client import RecorderClient

OWED_PATIENCE_S = 5.0
"""A stopping gateway waits this long for outcomes to become durable; the recorder is stopped after it."""

SALT_BYTES = 32
"""Secret of the prefix cache; made anew at each start, so salts cannot be linked across restarts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appliance:
    """Everything that lives as long as the gateway's process."""

    config: Config
    clock: Clock
    policy: CurrentPolicy
    registry: Registry
    authenticator: Authenticator
    engine: EngineWatch
    gate: Gate
    broker: BrokerWatch
    recorder: RecorderClient
    trail: Trail
    model: ModelIdentity
    pipeline: Pipeline
    guard: "GuardProcess"

    async def follow_policy(self) -> None:
        """Do what a newly loaded bundle asks for beside deciding: the guard's process, and the broker's word on it."""
        await self.guard.follow(self.policy.bundle)
        await self.broker.ask_now()

    @classmethod
    @asynccontextmanager
    async def from_config(cls, config: Config) -> AsyncIterator[Self]:
        """Construct and start every part; stop them in reverse order.

        Raises ConfigError, PolicyInvalidError, ManifestMismatchError or RegistryInvalidError naming what is wrong.
        """
        clock = Clock()
        policy = CurrentPolicy(config.policies)
        model = identify_model(config)
        registry = Registry.open(config.clients, config.secrets)
        async with AsyncExitStack() as stack:
            recorder = await stack.enter_async_context(aclosing(RecorderClient(config.recorder_socket)))
            trail = Trail(recorder, clock)
            stack.push_async_callback(trail.aclose, patience_s=OWED_PATIENCE_S)
            door = BrokerClient(config.broker_socket)
            broker = await stack.enter_async_context(BrokerWatch(door))
            worker = GuardWorker(config.guard_models, site=policy.bundle.guard.site)
            guard = GuardProcess(worker, stack)
            await guard.follow(policy.bundle)
            agreements = AgreementClock(clock, seen_file=config.latest_time)
            client = await stack.enter_async_context(aclosing(EngineClient.from_config(config)))
            parts = Parts(
                policy=policy,
                router=_router(config, policy, model, moments=agreements.moment, broker=broker),
                gate=Gate(concurrency=config.limits.concurrency, queue=config.limits.queue),
                estimator=Estimator.from_config(config),
                engine=await stack.enter_async_context(Engine.from_config(client, config)),
                client=client,
                guard=Guard(worker, lambda: policy.bundle.guard, clock=clock),
                broker=door,
                model=model,
                trail=trail,
                icd10=stack.enter_context(closing(Icd10Table.open(make_private(config.cache)))),
                excluded=Excluded.open(config),
                moments=agreements.moment,
                salt_secret=secrets.token_bytes(SALT_BYTES),
                clock=clock,
            )
            await _record_start(config, parts, registry)
            yield cls._of(config, parts, registry=registry, recorder=recorder, broker=broker, guard=guard)

    @classmethod
    def _of(
        cls,
        config: Config,
        parts: Parts,
        *,
        registry: Registry,
        recorder: RecorderClient,
        broker: BrokerWatch,
        guard: "GuardProcess",
    ) -> Self:
        return cls(
            config=config,
            clock=parts.clock,
            policy=parts.policy,
            registry=registry,
            authenticator=Authenticator(registry),
            engine=parts.engine,
            gate=parts.gate,
            broker=broker,
            recorder=recorder,
            trail=parts.trail,
            model=parts.model,
            pipeline=Pipeline(parts),
            guard=guard,
        )


class GuardProcess:
    """Runs the guard's process from the moment the register first names somebody to send to.

    Without a provider nothing can leave, and 300 MB of models would wait for nothing; a call then finds no process and
    is refused.
    """

    def __init__(self, worker: GuardWorker, stack: AsyncExitStack) -> None:
        """Take the process, which does not run yet, and what ends it with the gateway."""
        self._worker = worker
        self._stack = stack
        self._is_begun = False

    async def follow(self, bundle: Bundle) -> None:
        """Start the process if this bundle needs it; it stays from then on."""
        if bundle.providers and not self._is_begun:
            self._is_begun = True
            await self._stack.enter_async_context(self._worker.running())


def _router(
    config: Config, policy: CurrentPolicy, model: ModelIdentity, *, moments: Callable[[], Moment], broker: BrokerWatch
) -> Router:
    """Return the router, with everything that may close a way out looked at anew for each request."""
    closed = Closed.of(config)
    return Router(
        policy,
        model,
        moments=moments,
        approval=Approvals.of(config).why_not,
        broker=lambda: broker.condition,
        closed=lambda: closed.names(policy.bundle.providers),
    )


async def _record_start(config: Config, parts: Parts, registry: Registry) -> None:
    await parts.trail.operation(
        "gateway_started",
        client="gateway",
        facts={
            "pinned": parts.model.pinned,
            "clients": [client.id for client in registry.list() if client.revoked is None],
            "tenant": config.tenant,
            "providers": sorted(parts.policy.bundle.providers),
        },
        policy_digest=parts.policy.bundle.digest,
        model=parts.model.label(),
    )


def identify_model(config: Config) -> ModelIdentity:
    """Return which model answers.  Raises ManifestMismatchError if the pinned folder has no valid manifest."""
    upstream = config.engine.upstream
    if upstream is None:
        return load_manifest(config.engine.model).identity()
    name = config.engine.upstream_model or "external"
    stated = hashlib.sha256(f"{upstream}\n{name}".encode()).hexdigest()
    return ModelIdentity(name=name, digest=stated, pinned=False)
