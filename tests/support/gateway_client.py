"""A whole gateway in the test's own event loop, over real HTTPS on a free port, with a recorder in memory.

    async with running_gateway(tmp_path, policies) as gateway, gateway.http() as http:
        answer = await http.post("/v1/chat/completions", json=chat())
        gateway.log.kinds()      # what was recorded
        gateway.engine.bodies    # what the engine was asked

Everything is the production code but the engine (`ReplayEngine`, a real server) and the recorder (`MemoryLog`).
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from appliance.admission.estimate import Estimator
from appliance.admission.gate import Gate
from appliance.api.app import create_app
from appliance.api.metrics import Metrics
from appliance.api.server import Listener, bind
from appliance.auth.authenticate import Authenticator
from appliance.auth.certificates import Certificates, default_hosts, ensure_certificates
from appliance.auth.registry import Registry
from appliance.clock import Clock
from appliance.config import Config, make_private
from appliance.engine.client import EngineClient
from appliance.engine.condition import Engine
from appliance.escalation.condition import BrokerWatch
from appliance.exchange import ModelIdentity
from appliance.parts import Parts
from appliance.phi.worker import GuardWorker
from appliance.pipeline import Pipeline
from appliance.policy.current import CurrentPolicy
from appliance.tasks.icd10 import Icd10Table
from appliance.trail import Trail
from appliance.wiring import Appliance, GuardProcess
from tests.support.departures import NotingBroker, a_guard
from tests.support.excluded import ListedPatients
from tests.support.memory_log import MemoryLog
from tests.support.replay_engine import ReplayEngine
from tests.support.routes import NOW, a_router

TASK = "scheduling-message"
"""A task of free text that the shipped evidence opens for the sandbox."""

NOTE = "Jane Canary, MRN 4711-0815, asks for an appointment with cardiology next week."
"""What every request says; no part of it may come back in an error, a header or a log."""

MODEL = ModelIdentity(name="replay-model", digest="a" * 64, pinned=False)
READY_WITHIN_S = 20.0

Wire = Callable[[Parts, BrokerWatch], Parts]
"""Hands a gateway's pipeline other parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A running gateway and everything around it."""

    url: str
    port: int
    key: str
    """Of a client that may use every task."""

    certificates: Certificates
    appliance: Appliance
    engine: ReplayEngine
    log: MemoryLog
    metrics: Metrics
    broker: NotingBroker
    """Refuses, unless it was told to answer."""

    def trust(self) -> ssl.SSLContext:
        """Return what a caller trusts: the gateway's own authority and nothing else."""
        return ssl.create_default_context(cafile=str(self.certificates.ca))

    def http(self, key: str | None = None, **options: Any) -> httpx.AsyncClient:
        """Return a client that sends the key, or another one, or none if it is empty."""
        proof = self.key if key is None else key
        headers = {"Authorization": f"Bearer {proof}"} if proof else {}
        return httpx.AsyncClient(
            base_url=self.url, verify=self.trust(), headers=headers, timeout=30.0, trust_env=False, **options
        )

    async def raw(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return a bare TLS connection."""
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=self.trust(), server_hostname="127.0.0.1")


def chat(**changes: Any) -> dict[str, Any]:
    """Return a chat body."""
    return {"model": TASK, "messages": [{"role": "user", "content": NOTE}], **changes}


@asynccontextmanager
async def running_gateway(
    folder: Path,
    policies: Path,
    *,
    limits: Mapping[str, float] | None = None,
    engine: ReplayEngine | None = None,
    broker: NotingBroker | None = None,
    wire: Wire | None = None,
) -> AsyncIterator[Gateway]:
    """Start a gateway and stop it at the end; `wire` hands the pipeline other parts."""
    replay = engine or ReplayEngine(uds=make_private(folder / "engine") / "engine.sock")
    async with replay:
        config = Config.model_validate(
            {
                "home": make_private(folder / "home"),
                "port": 0,
                "policies": policies,
                "limits": dict(limits or {}),
                "engine": {"upstream": f"unix:{replay.uds}", "upstream_model": replay.model},
            }
        )
        log, door = MemoryLog(), broker or NotingBroker()
        wiring = _wired(config, log, door, wire or _as_it_is)
        async with wiring as appliance, _listening(appliance, replay, log, door) as gateway:
            yield gateway


def _as_it_is(parts: Parts, _: BrokerWatch) -> Parts:
    return parts


@asynccontextmanager
async def _wired(config: Config, log: MemoryLog, door: NotingBroker, wire: Wire) -> AsyncIterator[Appliance]:
    clock = Clock()
    policy, registry = CurrentPolicy(config.policies), Registry.open(config.clients, config.secrets)
    trail, client = Trail(log, clock), EngineClient.from_config(config)
    icd10 = Icd10Table.open(make_private(config.cache))
    gate = Gate(concurrency=config.limits.concurrency, queue=config.limits.queue)
    async with Engine.from_config(client, config) as engine:
        await engine.wait_ready(READY_WITHIN_S)
        worker = GuardWorker(config.guard_models, site=policy.bundle.guard.site)
        async with BrokerWatch(door) as broker, AsyncExitStack() as stack:
            parts = Parts(
                policy=policy,
                router=a_router(policy, MODEL),
                gate=gate,
                estimator=Estimator.from_config(config),
                engine=engine,
                client=client,
                guard=a_guard(),
                broker=door,
                model=MODEL,
                trail=trail,
                icd10=icd10,
                excluded=ListedPatients(),
                moments=lambda: NOW,
                salt_secret=b"s" * 32,
                clock=clock,
            )
            yield Appliance(
                config=config,
                clock=clock,
                policy=policy,
                registry=registry,
                authenticator=Authenticator(registry),
                engine=engine,
                gate=gate,
                broker=broker,
                recorder=log,
                trail=trail,
                model=MODEL,
                pipeline=Pipeline(wire(parts, broker)),
                guard=GuardProcess(worker, stack),
            )
    await trail.aclose(patience_s=1.0)
    await client.aclose()
    icd10.close()


@asynccontextmanager
async def _listening(
    appliance: Appliance, replay: ReplayEngine, log: MemoryLog, door: NotingBroker
) -> AsyncIterator[Gateway]:
    config, metrics = appliance.config, Metrics()
    certificates = ensure_certificates(config.tls, default_hosts(config.host))
    bound, listening = bind(config.host, 0), asyncio.Event()
    listener = Listener(
        create_app(appliance, metrics),
        bound=bound,
        certificates=certificates,
        limits=config.limits,
        tell=listening.set,
    )
    serving = asyncio.create_task(listener.serve())
    await listening.wait()
    tasks = sorted(appliance.policy.bundle.tasks)
    _, key = appliance.registry.add(name="test", tenant="sandbox", tasks=tasks, roles=["integration"])
    port = bound.getsockname()[1]
    try:
        yield Gateway(
            url=f"https://127.0.0.1:{port}",
            port=port,
            key=key,
            certificates=certificates,
            appliance=appliance,
            engine=replay,
            log=log,
            metrics=metrics,
            broker=door,
        )
    finally:
        listener.should_exit = True
        await serving
        bound.close()
