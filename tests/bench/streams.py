"""Tokens a second through the gateway over HTTPS against the same vLLM's own socket, eight streams at once, in one run.

    .venv/bin/python -m tests.bench.streams [--streams 8] [--tokens 128] [--runs 3]

Needs the engine's environment and the prepared model.  Both sides get the same prompt length and forced answer length.
"""

import argparse
import asyncio
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from statistics import median

from appliance.clinical_text import ClinicalText
from appliance.config import CHECKOUT
from appliance.engine.messages import EngineCall, to_body
from appliance.engine.profiles import SERVED_MODEL
from appliance.exchange import Message, Sampling, Surface, TaskRequest
from appliance.policy.load import load_bundle
from appliance.tasks.icd10 import Icd10Table
from appliance.tasks.prepare import prepare
from tests.bench.load import Result, Target, alternate, run
from tests.bench.requests import memory_mb
from tests.support.running_appliance import RunningAppliance, running_appliance

TASK = "scheduling-message"
PROMPT = (
    "Write a long and friendly message to a patient about preparing for a colonoscopy, step by step, with many details."
)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        running_appliance(Path(folder), upstream="engine") as appliance,
    ):
        through, direct = asyncio.run(measure(appliance, options))
        for name, results in (("through the gateway", through), ("vLLM's socket", direct)):
            rates = sorted(each.tokens_per_second() for each in results)
            print(f"{name:20} {median(rates):8.1f} tokens/s   all {[round(rate, 1) for rate in rates]}")
        ratio = median(r.tokens_per_second() for r in through) / median(r.tokens_per_second() for r in direct)
        print(f"ratio {ratio:.3f}   gateway memory {memory_mb(appliance):.0f} MB")


async def measure(appliance: RunningAppliance, options: argparse.Namespace) -> list[list[Result]]:
    """Stream the same conversation through both, in turn: the engine is asked for exactly the same."""
    key = appliance.add_client("bench", tasks=[TASK]).key
    common = {"max_tokens": options.tokens, "temperature": 0.0, "seed": 1}
    ours: dict[str, object] = {
        **common,
        "model": TASK,
        "messages": [{"role": "user", "content": PROMPT}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    through = Target(url=f"{appliance.url}/v1/chat/completions", body=ours, key=key, ca=appliance.ca)
    engine = f"unix:{appliance.home}/run/engine.sock:/v1/chat/completions"
    direct = Target(url=engine, body=engine_body(Sampling(**common)))
    load = {"count": options.streams * 2, "connections": options.streams}
    for target in (through, direct):
        await run(target, count=options.streams, connections=options.streams)
    return await alternate(options.runs, lambda: run(through, **load), lambda: run(direct, **load))


def engine_body(sampling: Sampling) -> dict[str, object]:
    """Return what the gateway asks the engine for, with a salt of its own."""
    task = load_bundle(CHECKOUT / "policies").tasks[TASK]
    wanted = replace(sampling, top_p=task.sampling.top_p)
    message = Message(role="user", content=ClinicalText(PROMPT))
    request = TaskRequest(task=TASK, surface=Surface.CHAT, messages=(message,), sampling=wanted, stream=True)
    with closing(Icd10Table.open(CHECKOUT / "var" / "cache")) as icd10:
        prompt = prepare(task, request, icd10)
    call = EngineCall(messages=prompt.messages, sampling=wanted, cache_salt="bench" * 8)
    return to_body(call, model=SERVED_MODEL, stream=True)


if __name__ == "__main__":
    main()
