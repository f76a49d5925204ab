"""Requests a second through the whole appliance against a bare pass-through, on one instant upstream in one run.

    .venv/bin/python -m tests.bench.requests [--count 2000] [--connections 16] [--runs 3]

The appliance speaks HTTPS with authentication, policy and durable sealed records; the pass-through does none of it.
"""

import argparse
import asyncio
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from appliance.config import CHECKOUT
from tests.bench.load import Result, Target, alternate, run
from tests.support.running_appliance import RunningAppliance, running_appliance

TASK = "scheduling-message"
MESSAGES = [{"role": "user", "content": "Tell the patient that the visit on Tuesday is moved to 10 a.m. on Thursday."}]


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        engine = Path(folder) / "engine.sock"
        replay = start("tests.support.replay_engine", "--uds", str(engine))
        port = free_port()
        bare = start("tests.bench.passthrough", str(engine), str(port))
        try:
            with running_appliance(Path(folder), upstream=f"unix:{engine}") as appliance:
                rows = asyncio.run(measure(appliance, port, options))
                print_table(rows)
                print(f"gateway memory: {memory_mb(appliance):.0f} MB resident")
        finally:
            bare.terminate()
            replay.terminate()


async def measure(appliance: RunningAppliance, port: int, options: argparse.Namespace) -> dict[str, list[Result]]:
    """Send the same requests to both, in turn."""
    key = appliance.add_client("bench", tasks=[TASK]).key
    body: dict[str, object] = {"model": TASK, "messages": MESSAGES, "max_tokens": 64}
    through = Target(url=f"{appliance.url}/v1/chat/completions", body=body, key=key, ca=appliance.ca)
    direct = Target(url=f"http://127.0.0.1:{port}/v1/chat/completions", body=body)
    load = {"count": options.count, "connections": options.connections}
    for target in (through, direct):
        await run(target, count=200, connections=options.connections)
    ours, bare = await alternate(options.runs, lambda: run(through, **load), lambda: run(direct, **load))
    return {"appliance": ours, "bare pass-through": bare}


def print_table(rows: dict[str, list[Result]]) -> None:
    """Print the best run of each and the ratio of the medians."""
    medians = {}
    for name, results in rows.items():
        ordered = sorted(results, key=Result.per_second)
        middle = ordered[len(ordered) // 2]
        medians[name] = middle.per_second()
        print(
            f"{name:20} {middle.per_second():8.1f} requests/s   p50 {middle.quantile_ms(0.5):6.1f} ms"
            f"   p99 {middle.quantile_ms(0.99):6.1f} ms   failures {sum(r.failures for r in results)}"
        )
    first, second = medians.values()
    print(f"ratio {first / second:.3f}")


def memory_mb(appliance: RunningAppliance) -> float:
    """Return the gateway's resident memory in MB."""
    pid = appliance.processes()["gateway"]["pid"]
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def start(module: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a module of this tree and give it a moment to listen."""
    process = subprocess.Popen([sys.executable, "-m", module, *arguments], cwd=CHECKOUT)
    time.sleep(1.5)
    return process


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
