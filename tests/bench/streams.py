"""Tokens a second through the gateway over HTTPS against the same vLLM's own socket, eight streams at once, in one run.

    .venv/bin/python -m tests.bench.streams [--streams 8] [--tokens 128] [--runs 3]

Needs the engine's environment and the prepared model.  Both sides get the same prompt length and forced answer length.
"""

import argparse
import asyncio
import tempfile
from pathlib import Path

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
            print(f"{name:20} {rates[len(rates) // 2]:8.1f} tokens/s   all {[round(rate, 1) for rate in rates]}")
        ratio = sum(r.tokens_per_second() for r in through) / sum(r.tokens_per_second() for r in direct)
        print(f"ratio {ratio:.3f}   gateway memory {memory_mb(appliance):.0f} MB")


async def measure(appliance: RunningAppliance, options: argparse.Namespace) -> list[list[Result]]:
    """Stream the same conversation through both, in turn."""
    key = appliance.add_client("bench", tasks=[TASK]).key
    common: dict[str, object] = {
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": options.tokens,
        "temperature": 0.8,
    }
    ours = {**common, "model": TASK, "messages": [{"role": "user", "content": PROMPT}]}
    system = "You write short, plain messages to patients about their appointments." * 8
    messages = [{"role": "system", "content": system}, {"role": "user", "content": PROMPT}]
    plain = {**common, "model": "local", "messages": messages}
    through = Target(url=f"{appliance.url}/v1/chat/completions", body=ours, key=key, ca=appliance.ca)
    direct = Target(url=f"unix:{appliance.home}/run/engine.sock:/v1/chat/completions", body=plain)
    load = {"count": options.streams * 2, "connections": options.streams}
    for target in (through, direct):
        await run(target, count=options.streams, connections=options.streams)
    return await alternate(options.runs, lambda: run(through, **load), lambda: run(direct, **load))


if __name__ == "__main__":
    main()
