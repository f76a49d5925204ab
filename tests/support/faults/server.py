"""Run schedules on the failing disk: one warm process, one fork for each life of a recorder.

    LD_PRELOAD=faults.so python -m tests.support.faults.server --folder DIR --seeds 0:2000:2

Each schedule prints one line of JSON: its seed, what was struck, what was acknowledged, and its problems (none).
The parent keeps what was acknowledged, as a caller keeps its receipts.
"""

import argparse
import gc
import json
import os
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audit.errors import AuditError
from audit.keyring import MonthSecrets, open_custodian
from tests.support.faults import Action, Cut, Fault, Faults
from tests.support.faults.judge import problems_of
from tests.support.faults.life import START_MS, Machine, StandingClock, Teller, live, make_keys
from tests.support.faults.plan import Life, Plan, Step, Work, plan_of, read_plan

CRASHED = 70
"""Exit code of a life that ended by a fault of its own."""


@dataclass
class Outcome:
    """What the parent knows of one schedule."""

    plan: Plan
    acknowledged: dict[int, str] = field(default_factory=dict)
    batches: list[str] = field(default_factory=list)
    """Those that were acknowledged."""

    found: list[str] = field(default_factory=list)
    """Batches that are there in the end."""

    problems: list[str] = field(default_factory=list)
    struck: list[str] = field(default_factory=list)
    refused: int = 0
    witnessed: int = 0
    """Records that the witness was said to have."""

    time_ms: int = START_MS

    def line(self) -> str:
        """Return it as one line."""
        return json.dumps(
            {
                "seed": self.plan.seed,
                "work": self.plan.work,
                "struck": self.struck,
                "acknowledged": self.batches,
                "found": self.found,
                "refused": self.refused,
                "problems": self.problems,
            }
        )


class Server:
    """Templates of a trail, and schedules on copies of them."""

    def __init__(self, folder: Path, *, skip_sync: str = "", rash: bool = False) -> None:
        """Make the templates: keys alone, and keys with a trail that has records."""
        self._folder = folder
        self._skip_sync = skip_sync
        self._rash = rash
        self._faults = Faults()
        keys = folder / "keys"
        make_keys(keys)
        custodian = open_custodian(keys / "custodian")
        self._secrets = {month: custodian.secrets(month) for month in custodian.months()}
        grown = self._grown(keys)
        self._templates = {Work.FIRST_START: keys, Work.APPEND: grown, Work.ROTATION: grown}
        gc.collect()
        gc.freeze()

    def run(self, plan: Plan) -> Outcome:
        """Run one schedule in a folder of its own."""
        home = self._folder / "home"
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(mode=0o700)
        template = self._templates.get(plan.work)
        if template is not None:
            shutil.copytree(template, home, dirs_exist_ok=True)
        outcome = Outcome(plan=plan)
        self._faults.begin(home, skip_sync=self._skip_sync)
        for number, life in enumerate(plan.lives):
            self._live(home, outcome, life=life, name=f"life{number}")
            self._cut(life.cut, seed=plan.seed * 16 + number)
        self._last(home, outcome)
        self._cut(Cut.ALL_LOST, seed=plan.seed)
        self._faults.end()
        self._judge(home, outcome)
        return outcome

    def _cut(self, cut: Cut | None, *, seed: int) -> None:
        if cut is not None:
            self._faults.cut_power(cut, seed=seed)

    def _live(self, home: Path, outcome: Outcome, *, life: Life, name: str) -> None:
        """Let one life be lived, and see that only an armed kill ends it early and that it was never stuck."""

        def play(teller: Teller) -> None:
            self._faults.arm(Fault() if life.is_late else life.fault)
            if outcome.plan.work is Work.KEYS:
                self._make_keys(home, teller)
            live(self._machine(home, outcome, name=name, teller=teller), life, faults=self._faults)

        status = self._fork(outcome, play)
        if self._faults.hit:
            outcome.struck.append(self._faults.hit)
        was_killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        if status and not (was_killed and life.fault.action is Action.KILL):
            outcome.problems.append(f"{name} ended with status {status}")

    def _make_keys(self, home: Path, teller: Teller) -> None:
        for attempt in range(3):
            try:
                make_keys(home)
            except AuditError as error:
                teller.say(failed="keys", code=error.code, reason=str(error))
            else:
                return
            if attempt == 1:
                self._faults.disarm()
        teller.say(stuck="keys")

    def _last(self, home: Path, outcome: Outcome) -> None:
        """Start once more on a whole disk: it must start, take records, and end."""

        def play(teller: Teller) -> None:
            self._faults.arm(Fault())
            if outcome.plan.work is Work.KEYS:
                make_keys(home)
            machine = self._machine(home, outcome, name="last", teller=teller)
            machine.start()
            machine.do(Step.APPEND)
            machine.do(Step.HEARTBEAT)
            machine.do(Step.WAIT)
            if outcome.plan.last_closes:
                machine.close()

        if self._fork(outcome, play):
            outcome.problems.append("the last life did not reach its end")

    def _judge(self, home: Path, outcome: Outcome) -> None:
        def play(teller: Teller) -> None:
            machine = self._machine(home, outcome, name="judge", teller=teller)
            machine.start()
            machine.close()
            secrets = self._secrets_of(home, outcome.plan.work)
            problems, found = problems_of(
                machine.places, acknowledged=outcome.acknowledged, witnessed=outcome.witnessed, secrets=secrets
            )
            teller.say(found=[batch for batch in found if not batch.startswith("before")])
            for problem in problems:
                teller.say(problem=problem)

        if self._fork(outcome, play):
            outcome.problems.append("the trail could not be judged")

    def _secrets_of(self, home: Path, work: Work) -> Callable[[str], MonthSecrets]:
        """Return what opens bodies: the custodian's folder where the schedule has changed it, else what it held."""
        if work not in {Work.KEYS, Work.ROTATION}:
            return self._secrets.__getitem__
        custodian = open_custodian(home / "custodian")
        if work is Work.ROTATION:
            for month, known in self._secrets.items():
                assert custodian.secrets(month) == known, "the months are what they were"
        return custodian.secrets

    def _machine(self, home: Path, outcome: Outcome, *, name: str, teller: Teller) -> Machine:
        return Machine(home, name=name, clock=StandingClock(outcome.time_ms), teller=teller, rash=self._rash)

    def _fork(self, outcome: Outcome, play: Callable[[Teller], None]) -> int:
        """Run something in a fork, hear it out, and return its wait status."""
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(reading)
            os._exit(_survive(play, Teller(writing)))
        os.close(writing)
        with os.fdopen(reading, "rb") as lines:
            for line in lines:
                _hear(outcome, json.loads(line))
        return os.waitpid(child, 0)[1]

    def _grown(self, keys: Path) -> Path:
        """Return a trail that has records.  Made and read in this process, so that its forks find everything warm."""
        grown = self._folder / "grown"
        shutil.copytree(keys, grown)
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 -- a descriptor is wanted
            machine = Machine(grown, name="before", clock=StandingClock(START_MS), teller=Teller(nowhere.fileno()))
            machine.start()
            for step in (Step.APPEND, Step.LARGE, Step.WAIT):
                machine.do(step)
            machine.close()
        problems, _ = problems_of(machine.places, acknowledged={}, witnessed=0, secrets=self._secrets.__getitem__)
        if problems or threading.active_count() > 1:
            raise RuntimeError(f"the template cannot be used: {problems}, {threading.enumerate()}")
        return grown


def _survive(play: Callable[[Teller], None], teller: Teller) -> int:
    try:
        play(teller)
    except BaseException:  # noqa: BLE001 -- a fork must never return into its parent's code
        teller.say(problem=traceback.format_exc())
        return CRASHED
    return 0


def _hear(outcome: Outcome, said: dict[str, Any]) -> None:
    for place, leaf in said.get("acknowledged", ()):
        if place in outcome.acknowledged:
            outcome.problems.append(f"record {place} was acknowledged twice")
        outcome.acknowledged[place] = leaf
    if "acknowledged" in said:
        outcome.batches.append(said["batch"])
    outcome.witnessed = max(outcome.witnessed, said.get("witnessed", 0))
    outcome.found = said.get("found", outcome.found)
    outcome.refused += "refused" in said or "failed" in said
    outcome.time_ms = said.get("time", outcome.time_ms)
    if "problem" in said:
        outcome.problems.append(said["problem"])
    if "stuck" in said:
        outcome.problems.append(f"it did not recover by itself at {said['stuck']}")
    if said.get("code") in FATAL:
        outcome.problems.append(f"a failing disk was taken for tampering: {said['reason']}")


FATAL = {
    "tampered",
    "consistency_invalid",
    "checkpoint_invalid",
    "inclusion_invalid",
    "format_invalid",
    "trail_quarantined",
}
"""What accuses somebody: a disk that fails must never look like that."""


def _plans(seeds: str) -> Iterator[Plan]:
    if seeds:
        yield from (plan_of(seed) for seed in range(*(int(part) for part in seeds.split(":"))))
    else:
        yield from (read_plan(json.loads(line)) for line in sys.stdin)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the schedules of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.faults.server", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seeds", default="", help="FIRST:END:STRIDE; without it, plans are read from standard input")
    parser.add_argument("--skip-sync", default="", help="a program that forgets to sync files that end like this")
    parser.add_argument("--rash", action="store_true", help="acknowledge before anything is durable")
    options = parser.parse_args(arguments)
    server = Server(options.folder, skip_sync=options.skip_sync, rash=options.rash)
    for plan in _plans(options.seeds):
        print(server.run(plan).line(), flush=True)  # noqa: T201 -- this is how it answers


if __name__ == "__main__":
    sys.exit(main())
