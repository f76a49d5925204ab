"""The one place that constructs: from settings to a standing gateway, and back in reverse order.

Every part gets what it needs by name; nothing is found through a global.  A part that cannot stand raises here, at
start, and never at the first request.  What was loaded (policy, model, clients) is recorded before the first answer, so
the trail tells what ran when (design section 2, promise 9).
"""

import hashlib
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, closing
from dataclasses import dataclass
from typing import Self

from appliance.admission.estimate import Estimator
from appliance.admission.gate import Gate
from appliance.auth.authenticate import Authenticator
from appliance.auth.registry import Registry
from appliance.clock import Clock, Moment
from appliance.config import Config, make_private
from appliance.engine.client import EngineClient
from appliance.engine.condition import Engine
from appliance.escalation.client import BrokerClient
from appliance.escalation.condition import UNREACHABLE
from appliance.exchange import ModelIdentity
from appliance.models.manifest import load_manifest
from appliance.parts import EngineWatch, Parts
from appliance.phi.guard import Guard
from appliance.phi.worker import GuardWorker
from appliance.pipeline import Pipeline
from appliance.policy.current import CurrentPolicy
from appliance.routing.route import Router
from appliance.tasks.icd10 import Icd10Table
from appliance.trail import Trail
from audit.recorder.client import RecorderClient

OWED_PATIENCE_S = 5.0
"""A stopping gateway waits this long for outcomes to become durable; the recorder is stopped after it."""

NOT_APPROVED = "The policy names a managed provider and was not approved by two people."
"""What every bundle with providers is told."""

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
    recorder: RecorderClient
    trail: Trail
    model: ModelIdentity
    pipeline: Pipeline

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
            icd10 = stack.enter_context(closing(Icd10Table.open(make_private(config.cache))))
            recorder = await stack.enter_async_context(aclosing(RecorderClient(config.recorder_socket)))
            trail = Trail(recorder, clock)
            stack.push_async_callback(trail.aclose, patience_s=OWED_PATIENCE_S)
            client = await stack.enter_async_context(aclosing(EngineClient.from_config(config)))
            parts = Parts(
                policy=policy,
                router=Router(
                    policy,
                    model,
                    moments=lambda: Moment.at(clock.now()),
                    approval=lambda _digest: NOT_APPROVED,
                    broker=lambda: UNREACHABLE,
                    closed=frozenset,
                ),
                gate=Gate(concurrency=config.limits.concurrency, queue=config.limits.queue),
                estimator=Estimator.from_config(config),
                engine=await stack.enter_async_context(Engine.from_config(client, config)),
                client=client,
                guard=Guard(await _guard_worker(stack, config, policy), lambda: policy.bundle.guard, clock=clock),
                broker=BrokerClient(config.broker_socket),
                model=model,
                trail=trail,
                icd10=icd10,
                salt_secret=secrets.token_bytes(SALT_BYTES),
                clock=clock,
            )
            await _record_start(config, parts, registry)
            yield cls(
                config=config,
                clock=clock,
                policy=policy,
                registry=registry,
                authenticator=Authenticator(registry),
                engine=parts.engine,
                gate=parts.gate,
                recorder=recorder,
                trail=trail,
                model=model,
                pipeline=Pipeline(parts),
            )


async def _guard_worker(stack: AsyncExitStack, config: Config, policy: CurrentPolicy) -> GuardWorker:
    """Return the guard's process, running where the register names anybody to send to.

    Without a provider nothing can leave, and 300 MB of models would wait for nothing; a call then finds no process and
    is refused.
    """
    worker = GuardWorker(config.guard_models, site=policy.bundle.guard.site)
    if policy.bundle.providers:
        await stack.enter_async_context(worker.running())
    return worker


async def _record_start(config: Config, parts: Parts, registry: Registry) -> None:
    await parts.trail.operation(
        "gateway_started",
        client="gateway",
        facts={
            "pinned": parts.model.pinned,
            "clients": [client.id for client in registry.list() if client.revoked is None],
            "tenant": config.tenant,
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
