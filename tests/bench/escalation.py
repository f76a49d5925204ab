"""Time from a request to the first byte that leaves for a managed API, and where it goes; asserts nothing.

    .venv/bin/python -m tests.bench.escalation [--runs 60] [--characters 2000]

One run, one machine, one stand-in over TLS: the official SDK alone, then the whole appliance over its HTTPS surface
(every program in its own process), in turns.  Then the same gateway's parts in this process, on the same recorder and
broker, with a clock beside each part; and what restoring a streamed answer adds to each of its chunks.
"""

import argparse
import asyncio
import json
import ssl
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import quantiles
from typing import Any

from rich.console import Console
from rich.table import Table

from appliance.auth.registry import Registry
from appliance.clinical_text import ClinicalText
from appliance.config import load_config
from appliance.exchange import Actor, Subject, Surface, TaskRequest
from appliance.phi.stream import Screen
from appliance.pipeline import Pipeline
from appliance.policy.register import Ceilings, Service
from appliance.wiring import Appliance
from tests.bench.phi_stream import NOTE, PassThrough, Stage
from tests.support.canaries import PEOPLE
from tests.support.escalating_appliance import TASK, escalating_appliance, until
from tests.support.phi_findings import TEXT, VALUES, replaced
from tests.support.running_appliance import IssuedClient, RunningAppliance
from tests.support.stand_ins import Received, StandIn
from tests.support.stand_ins.sdk_clients import anthropic_of
from tests.support.threaded_stand_in import threaded_stand_in

WARM_UP = 5
PATIENT = PEOPLE[0]
STAY = (
    f"{PATIENT.note()} Day {{day}}: afebrile, saturation 96 percent on room air, walks the corridor without help. "
    "Ceftriaxone 2 g daily continued, potassium 3.9, creatinine 88. Seen by physiotherapy and by the dietician. "
)
RECORDS = "records: intent and disclosure durable"
HANDSHAKE = "a new TLS connection, where none is kept"
CHUNK = 4
"""Characters of a piece of a streamed answer, as a model's tokens come."""


@dataclass(slots=True)
class Arrivals(list[Received]):
    """What the stand-in received, with the moment of each."""

    at_s: list[float] = field(default_factory=list)

    def append(self, received: Received) -> None:
        """Note one."""
        self.at_s.append(time.perf_counter())
        list.append(self, received)


class Stages:
    """Seconds by stage of the request that is measured now, and of those before."""

    def __init__(self) -> None:
        """Begin without any."""
        self.now: dict[str, float] = defaultdict(float)
        self.all: dict[str, list[float]] = defaultdict(list)
        self.mark_s = 0.0
        """When what is measured between two calls began."""

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add what happens inside to a stage."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.now[stage] += time.perf_counter() - begun

    def keep(self, whole_s: float) -> None:
        """End the request."""
        self.now["everything else of the gateway"] = whole_s - sum(self.now.values())
        self.now["all"] = whole_s
        for stage, seconds in self.now.items():
            self.all[stage].append(seconds)
        self.now = defaultdict(float)


class Beside:
    """A part with a clock beside some of its methods; everything else is the part's own."""

    def __init__(self, part: object, stages: Stages, **named: str) -> None:
        """Take the part and the stage of each method."""
        self._part = part
        self._stages = stages
        self._named = named

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        stage = self._named.get(name)
        if stage is None:
            return found
        return self._awaited(found, stage) if asyncio.iscoroutinefunction(found) else self._called(found, stage)

    def _awaited(self, call: Callable[..., Awaitable[Any]], stage: str) -> Callable[..., Awaitable[Any]]:
        async def timed(*given: Any, **named: Any) -> Any:
            with self._stages.timed(stage):
                return await call(*given, **named)

        return timed

    def _called(self, call: Callable[..., Any], stage: str) -> Callable[..., Any]:
        def timed(*given: Any, **named: Any) -> Any:
            with self._stages.timed(stage):
                return call(*given, **named)

        return timed


class DoorBeside:
    """The broker's client, with a clock before and after the record of the disclosure."""

    def __init__(self, door: Any, stages: Stages) -> None:
        """Take the client."""
        self._door = door
        self._stages = stages

    async def disclose(self, *given: Any, record: Callable[..., Awaitable[str]], **named: Any) -> AsyncGenerator[Any]:
        """Have it sent."""
        begun = time.perf_counter()

        async def timed(*facts: Any) -> str:
            self._stages.now["broker: policy, records, SDK, tripwire"] += time.perf_counter() - begun
            receipt = await record(*facts)
            self._stages.mark_s = time.perf_counter()
            return receipt

        async for part in self._door.disclose(*given, record=timed, **named):
            yield part


def notes(characters: int) -> str:
    """Return notes of about this length, with people in them."""
    days = characters // len(STAY) + 1
    return "".join(STAY.format(day=day) for day in range(1, days + 1))[:characters]


async def directly(stand_in: StandIn, arrivals: Arrivals, runs: int, text: str) -> list[float]:
    """Time the official SDK alone."""
    taken = []
    async with anthropic_of(stand_in) as sdk:
        for _ in range(runs + WARM_UP):
            begun = time.perf_counter()
            await sdk.messages.create(
                model=stand_in.model,
                max_tokens=1024,
                messages=[{"role": "user", "content": f"<source>{text}</source>"}],
            )
            taken.append(arrivals.at_s[-1] - begun)
    return taken[WARM_UP:]


def through_the_gateway(
    appliance: RunningAppliance, client: IssuedClient, arrivals: Arrivals, *, runs: int, text: str
) -> list[float]:
    """Time the whole appliance over HTTPS."""
    body = {"input": {"notes": text}, "people": [PATIENT.resource()]}
    taken = []
    with appliance.http(client.key) as http:
        for _ in range(runs + WARM_UP):
            begun = time.perf_counter()
            answer = http.post(f"/api/v1/tasks/{TASK}", json=body, headers={"Appliance-Patient": PATIENT.record})
            assert answer.status_code == 200, answer.text
            taken.append(arrivals.at_s[-1] - begun)
    return taken[WARM_UP:]


async def by_stage(home: Path, client_id: str, arrivals: Arrivals, *, runs: int, text: str) -> Stages:
    """Time each part of a gateway in this process, on the appliance's own recorder and broker."""
    stages = Stages()
    async with Appliance.from_config(load_config(home)) as gateway:
        parts = gateway.pipeline._parts  # noqa: SLF001  # a bench looks inside
        watched = replace(
            parts,
            trail=Beside(
                parts.trail, stages, open="records: intent and disclosure", disclose="records: intent and disclosure"
            ),
            guard=Beside(parts.guard, stages, pseudonymise="guard"),
            router=Beside(parts.router, stages, route="policy and route"),
            broker=DoorBeside(parts.broker, stages),
        )
        pipeline, actor = Pipeline(watched), _actor(home, client_id)
        await gateway.engine.wait_ready(30.0)
        for number in range(runs + WARM_UP):
            if number == WARM_UP:
                stages.all.clear()
            begun = time.perf_counter()
            await pipeline.answer(actor, _request(text))
            stages.now["to the wire: record read back, TLS"] = arrivals.at_s[-1] - stages.mark_s
            stages.keep(arrivals.at_s[-1] - begun)
    return stages


async def handshakes(stand_in: StandIn, runs: int) -> list[float]:
    """Time a new connection, which a kept one saves."""
    trust = ssl.create_default_context(cadata=stand_in.ca_pem)
    taken = []
    for _ in range(runs):
        begun = time.perf_counter()
        _, writer = await asyncio.open_connection("127.0.0.1", stand_in.port, ssl=trust, server_hostname=stand_in.host)
        taken.append(time.perf_counter() - begun)
        writer.transport.abort()
    return taken


def restored(runs: int) -> dict[str, list[float]]:
    """Time each chunk of a streamed answer, passed through and restored, in turns."""
    surrogates, out = replaced(TEXT, *VALUES)
    answer = f"{out}\n{NOTE}" * 4
    chunks = [ClinicalText(answer[at : at + CHUNK]) for at in range(0, len(answer), CHUNK)]
    kinds: dict[str, Callable[[], Stage]] = {
        "passed through": PassThrough,
        "restored": lambda: Screen([ClinicalText(TEXT)], surrogates=surrogates),
    }
    taken: dict[str, list[float]] = defaultdict(list)
    for _ in range(max(1, runs // 4)):
        for name, make in kinds.items():
            stage = make()
            for chunk in chunks:
                begun = time.perf_counter()
                stage.feed(chunk)
                taken[name].append(time.perf_counter() - begun)
    return taken


def show(title: str, rows: dict[str, list[float]], *, beside: str) -> Table:
    """Return a table with p50 and p99 in milliseconds, and each median's ratio to one row's."""
    table = Table("", "n", "p50 ms", "p99 ms", f"p50 / {beside}", title=title)
    base = _quantile(rows[beside], 50)
    for name, seconds in rows.items():
        half, most = _quantile(seconds, 50), _quantile(seconds, 99)
        table.add_row(name, str(len(seconds)), f"{half * 1000:.3f}", f"{most * 1000:.3f}", f"{half / base:.2f}")
    return table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--characters", type=int, default=2000)
    options = parser.parse_args()
    runs, text, out = options.runs, notes(options.characters), Console()
    arrivals = Arrivals()
    with (
        tempfile.TemporaryDirectory() as folder,
        threaded_stand_in(Service.ANTHROPIC_MESSAGES, received=arrivals) as stand_in,
    ):
        provider = stand_in.provider(ceilings=Ceilings(requests_per_minute=100_000, usd_per_day=10_000.0))
        credentials = {provider.credential: stand_in.credential}
        with escalating_appliance(Path(folder), provider, credentials=credentials) as appliance:
            client = appliance.add_client("bench", tasks=[TASK])
            until(lambda: not appliance.readiness()[1]["warnings"])
            direct, whole = [], []
            for _ in range(4):
                direct += asyncio.run(directly(stand_in, arrivals, runs // 4, text))
                whole += through_the_gateway(appliance, client, arrivals, runs=runs // 4, text=text)
            stages = asyncio.run(by_stage(appliance.home, client.client_id, arrivals, runs=runs, text=text))
            new = asyncio.run(handshakes(stand_in, runs))
    rows = {"the official SDK alone": direct, "the whole appliance": whole}
    out.print(show(f"Request to first upstream byte, {len(text)} characters", rows, beside="the official SDK alone"))
    out.print(
        show(
            "Where it goes, beside the gateway's HTTPS",
            {**stages.all, HANDSHAKE: new},
            beside="all",
        )
    )
    out.print(show(f"A chunk of {CHUNK} characters of a streamed answer", restored(runs), beside="passed through"))


def _actor(home: Path, client_id: str) -> Actor:
    config = load_config(home)
    registry = Registry.open(config.clients, config.secrets)
    return next(client.to_actor() for client in registry.list() if client.id == client_id)


def _request(text: str) -> TaskRequest:
    return TaskRequest(
        task=TASK,
        surface=Surface.TASKS,
        subject=Subject(patients=(ClinicalText(PATIENT.record),), user="bench"),
        input=ClinicalText(json.dumps({"notes": text})),
        people=ClinicalText(json.dumps([PATIENT.resource()])),
    )


def _quantile(seconds: list[float], percent: int) -> float:
    return quantiles(seconds, n=100, method="inclusive")[percent - 1]


if __name__ == "__main__":
    main()
