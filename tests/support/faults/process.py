"""Start servers of schedules on the failing disk, and read what they answer."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from tests.support.faults import preloaded
from tests.support.faults.plan import Plan

CHECKOUT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of one schedule."""

    seed: int
    work: str
    struck: list[str]
    """The first call that failed in each life, such as ``sync /audit/trail.db``."""

    acknowledged: list[str]
    """Batches, by life and number."""

    found: list[str]
    """Batches that are in the trail in the end."""

    refused: int
    problems: list[str]


@contextmanager
def _started(folder: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.support.faults.server", "--folder", str(folder), *options]
    with subprocess.Popen(
        command, cwd=CHECKOUT, env=preloaded(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _read(stream: IO[str] | None) -> Iterator[Answer]:
    assert stream is not None
    for line in stream:
        members: dict[str, Any] = json.loads(line)
        yield Answer(**members)


def run_seeds(folder: Path, seeds: range, *, servers: int = 2, options: Sequence[str] = ()) -> list[Answer]:
    """Run the schedules of seeds, shared out to servers that run side by side."""

    def run(number: int) -> list[Answer]:
        share = f"{seeds.start + number}:{seeds.stop}:{servers}"
        with _started(folder / str(number), "--seeds", share, *options) as process:
            return list(_read(process.stdout))

    with ThreadPoolExecutor(servers) as pool:
        return [answer for answers in pool.map(run, range(servers)) for answer in answers]


class Bench:
    """One server that runs plans as they are given."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        """Take a started server; use `bench`."""
        self._process = process
        self._answers = _read(process.stdout)

    def run(self, plan: Plan) -> Answer:
        """Run one schedule."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(plan)) + "\n")
        self._process.stdin.flush()
        return next(self._answers)


@contextmanager
def bench(folder: Path) -> Iterator[Bench]:
    """Start a server for plans, and stop it in the end."""
    with _started(folder) as process:
        yield Bench(process)
