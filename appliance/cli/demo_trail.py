"""The last act of the demo: what the trail says about what was just done, and whether it is whole.

Uses the `audit` command as an officer would, in a process of its own; the appliance itself cannot read the trail.
"""

import json
import subprocess
import sys

from appliance.cli.demo_script import TASKS
from appliance.cli.demo_stage import Stage
from appliance.cli.supervisor_plan import environment
from appliance.config import CHECKOUT

AUDIT_WITHIN_S = 120.0
"""Verifying reads every record; a demo's trail has hundreds."""

OUTCOMES = {"answered": 4, "refused": 1}
"""How the demo's exchanges ended: three typed answers, one streamed, one refusal."""


def in_the_trail(stage: Stage) -> None:
    """Ask the trail for the patient, for one exchange, and for the proof that nothing was changed."""
    _query(stage)
    _show(stage)
    _verify(stage)


def _query(stage: Stage) -> None:
    stage.title(f"audit query --patient {stage.patient}: who used this patient's data, and for what")
    stage.out.print(_audit(stage, "query", "--patient", stage.patient).stdout.rstrip(), soft_wrap=True)
    rows = json.loads(_audit(stage, "query", "--patient", stage.patient, "--json").stdout)["rows"]
    found = {str(row["exchange"]) for row in rows}
    asked = set(stage.exchanges.values())
    outcomes = {outcome: sum(row.get("outcome") == outcome for row in rows) for outcome in OUTCOMES}
    stage.expect("exactly what was asked is there", holds=found == asked and len(asked) == len(TASKS) + 1, found=found)
    stage.expect("with how each ended", holds=outcomes == OUTCOMES, found=outcomes)


def _show(stage: Stage) -> None:
    exchange = stage.exchanges.get("medical-coding", "")
    stage.title(f"audit show {exchange}: what was decided, and why")
    done = _audit(stage, "show", exchange)
    stage.out.print(done.stdout.rstrip(), soft_wrap=True)
    events = json.loads(_audit(stage, "show", exchange, "--json").stdout)["events"]
    kinds = list(
        dict.fromkeys(event["kind"] for event in events)
    )  # there are two decisions: may it, and by which route
    stage.expect(
        "intent, decision, release and outcome stand in this order",
        holds=kinds == ["intent", "decision", "release", "outcome"],
        found=kinds,
    )
    stage.expect("the patient stands nowhere in the clear", holds=stage.patient not in done.stdout, found=stage.patient)


def _verify(stage: Stage) -> None:
    stage.title("audit verify: is the trail whole?")
    done = _audit(stage, "verify")
    stage.out.print(done.stdout.rstrip(), soft_wrap=True)
    stage.expect("the verdict is: verified", holds=done.returncode == 0, found=f"exit code {done.returncode}")


def _audit(stage: Stage, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(  # noqa: S603  # our own command, no shell
        (sys.executable, "-m", "audit", *arguments, "--home", str(stage.config.home)),
        cwd=CHECKOUT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=AUDIT_WITHIN_S,
        check=False,
    )
    for line in done.stderr.strip().splitlines():
        stage.say("audit", line)
    return done
