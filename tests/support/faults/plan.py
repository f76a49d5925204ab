"""What one schedule does: which work, where the disk fails, and when the power goes.  One seed, one plan, always.

A plan is a list of lives of the recorder on one disk.  In each life a fault may strike; after each the power may go.
Then a last life must start, take records and end, the power goes once more, and everything is judged.
"""

import errno
import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tests.support.faults import Action, Call, Cut, Effect, Fault

CALLS_OF_STEP = 17
"""About how many calls that matter one step of work makes; measured, and only used to aim."""

CALLS_OF_START = 10
"""As `CALLS_OF_STEP`, for opening a trail."""

CALLS_OF_ROTATION = 30
"""As `CALLS_OF_STEP`, for changing what keeps three months."""

CALLS_OF_KEYS = 70
"""As `CALLS_OF_STEP`, for making all keys."""


class Work(StrEnum):
    """What the lives of a schedule do."""

    APPEND = "append"
    """A trail with records takes more, signs, turns months, closes."""

    FIRST_START = "first start"
    """Keys are there; the database and the epoch leaf are made."""

    KEYS = "keys"
    """Everything is made from nothing, then work goes on."""

    ROTATION = "rotation"
    """The custodian changes what keeps the months, beside a trail that has records."""


class Step(StrEnum):
    """One thing that the recorder does."""

    APPEND = "append"
    LARGE = "large"
    """A batch with bodies that take several pages."""

    WAIT = "wait"
    """Two seconds pass, so the next batch carries a checkpoint."""

    HEARTBEAT = "heartbeat"
    """More than a minute passes with nothing to do."""

    CLOCK_BACK = "clock back"
    KEEP = "keep"
    """The head is signed if it is due."""

    RECEIPT = "receipt"
    MONTH = "month"
    """A month turns: index keys of the past are deleted."""

    REOPEN = "reopen"
    ROTATE = "rotate"
    """A fresh root under every month."""

    PASSPHRASE = "passphrase"
    """Another passphrase over the root."""


_WEIGHTS = {
    Step.APPEND: 10,
    Step.LARGE: 3,
    Step.WAIT: 5,
    Step.HEARTBEAT: 2,
    Step.CLOCK_BACK: 1,
    Step.KEEP: 3,
    Step.RECEIPT: 1,
    Step.MONTH: 1,
    Step.REOPEN: 2,
}

_KINDS = (
    (Call.ANY, 8),
    (Call.SYNC, 3),
    (Call.TRUNCATE, 2),
    (Call.WRITE, 2),
    (Call.SYNC_FOLDER | Call.LINK | Call.UNLINK | Call.CREATE | Call.MKDIR, 1),
)

MONTHS = 2
"""Months prepared ahead of the template's first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One process on the disk."""

    steps: tuple[Step, ...]
    fault: Fault
    cut: Cut | None
    """What the power takes afterwards; None when it stays on."""

    is_late: bool = False
    """Whether the fault is armed after the start, so that calls are counted from the first step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One schedule."""

    seed: int
    work: Work
    lives: tuple[Life, ...]
    last_closes: bool
    """Whether the last life ends by closing the log, or just ends."""


def read_plan(members: Mapping[str, Any]) -> Plan:
    """Return a schedule that was written as ``dataclasses.asdict`` gives it."""
    lives = tuple(
        Life(
            steps=tuple(Step(step) for step in life["steps"]),
            fault=_read_fault(life["fault"]),
            cut=None if life["cut"] is None else Cut(life["cut"]),
            is_late=life["is_late"],
        )
        for life in members["lives"]
    )
    return Plan(seed=members["seed"], work=Work(members["work"]), lives=lives, last_closes=members["last_closes"])


def _read_fault(members: Mapping[str, Any]) -> Fault:
    kinds = {"action": Action(members["action"]), "effect": Effect(members["effect"]), "calls": Call(members["calls"])}
    return Fault(**{**members, **kinds})


def plan_of(seed: int) -> Plan:
    """Return the schedule of a seed."""
    chance = random.Random(seed)  # noqa: S311 -- schedules, not secrets
    work = chance.choices(tuple(Work), weights=(81, 11, 4, 4))[0]
    months = [MONTHS]
    lives = [
        _life(chance, work=work, first=number == 0, months=months) for number in range(chance.choice((1, 1, 2, 3)))
    ]
    return Plan(seed=seed, work=work, lives=tuple(lives), last_closes=chance.random() < 0.5)


def _life(chance: random.Random, *, work: Work, first: bool, months: list[int]) -> Life:
    steps = tuple(_steps(chance, months))
    start = CALLS_OF_START
    if work is Work.ROTATION:
        steps = (chance.choice((Step.ROTATE, Step.PASSPHRASE)), *steps[:2])
        start += CALLS_OF_ROTATION
    elif first and work is not Work.APPEND:
        start += CALLS_OF_KEYS if work is Work.KEYS else 2 * CALLS_OF_STEP
    # A life with a beginning of its own aims half of its faults there, which is what it is there for.
    aims_there = work is Work.ROTATION or (first and work is not Work.APPEND)
    reach = start if aims_there and chance.random() < 0.5 else start + CALLS_OF_STEP * len(steps)
    cut = chance.choice((None, Cut.ALL_LOST, Cut.PREFIX, Cut.SUBSET, Cut.SUBSET))
    return Life(steps=steps, fault=_fault(chance, reach), cut=cut)


def _steps(chance: random.Random, months: list[int]) -> list[Step]:
    steps = chance.choices(tuple(_WEIGHTS), weights=tuple(_WEIGHTS.values()), k=chance.randint(1, 7))
    allowed = []
    for step in steps:
        if step is Step.MONTH:
            if not months[0]:
                continue
            months[0] -= 1
        allowed.append(step)
    return allowed or [Step.APPEND]


def _fault(chance: random.Random, reach: int) -> Fault:
    calls = chance.choices([kind for kind, _ in _KINDS], weights=[weight for _, weight in _KINDS])[0]
    share = {Call.ANY: 1.0, Call.SYNC: 0.25, Call.TRUNCATE: 0.08, Call.WRITE: 0.55}.get(calls, 0.15)
    action = chance.choices((Action.NONE, Action.ERROR, Action.KILL), weights=(4, 48, 48))[0]
    lengths = (1, chance.randint(2, 6), 10_000)
    return Fault(
        action=action,
        effect=chance.choice((Effect.LOST, Effect.LOST, Effect.KEPT, Effect.TORN, Effect.SHORT, Effect.REVERTED)),
        error=chance.choice((errno.EIO, errno.EIO, errno.ENOSPC, errno.EROFS)) if action is Action.ERROR else 0,
        calls=calls,
        at=chance.randint(1, max(1, int(reach * share))),
        length=chance.choices(lengths, weights=(6, 2, 2))[0],
        seed=chance.getrandbits(32) | 1,
    )
