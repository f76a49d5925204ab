"""Looks at a running unit from outside: is its main process confined, and did its own check hold at this very start.

A result of an earlier start says nothing of this one, so the check writes down which start it was (systemd's
INVOCATION_ID), and a unit that was restarted without it is found here.  The file is the unit's own: a program that was
taken over can forge it, so it is believed only for the filter of system calls, which cannot be tried from outside.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from appliance.isolation.attempt import Attempt, Outcome, labelled
from appliance.isolation.check import RESULT
from appliance.isolation.expectations import CORE, RUN, Unit
from appliance.isolation.identity import check_identity
from appliance.isolation.running import Running

PROC = Path("/proc")


def check_process(unit: Unit, now: Running, *, proc: Path = PROC, run: Path = RUN) -> tuple[Attempt, ...]:
    """Look at the main process and at what the unit's own check found at this start."""
    if not now.pid:
        needed = unit.name in CORE
        outcome = Outcome.UNPROVEN if needed else Outcome.EXPECTED
        return (_attempt("running", outcome, f"{now.state}: nothing runs that could get out"),)
    try:
        identity = check_identity(unit, proc=proc / str(now.pid))
    except (OSError, KeyError):
        return (_attempt("running", Outcome.UNPROVEN, "its main process ended while it was looked at"),)
    return (*identity, *(_own_check(run / unit.run.name / RESULT, now) if unit.name in CORE else ()))


def _own_check(file: Path, now: Running) -> Iterator[Attempt]:
    """Read what the unit's ExecStartPre found; it must be of this start."""
    try:
        held = json.loads(file.read_text())
        attempts = [Attempt.from_json(each) for each in held["attempts"]]
        invocation = str(held["invocation"])
    except (OSError, ValueError, KeyError, TypeError):
        yield _attempt("own check", Outcome.UNPROVEN, f"{file} is missing; restart the unit")
        return
    if invocation != now.invocation:
        yield _attempt("own check", Outcome.UNPROVEN, "it is of another start; restart the unit")
        return
    yield _attempt("own check", Outcome.EXPECTED, f"{len(attempts)} tries at this start")
    yield from labelled("own check", attempts)


def _attempt(target: str, outcome: Outcome, evidence: str) -> Attempt:
    return Attempt(group="unit", target=target, outcome=outcome, evidence=evidence)
