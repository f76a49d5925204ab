"""Each file that opens or closes the way out, changed by production code on a failing disk, and judged afterwards.

    LD_PRELOAD=faults.so python -m tests.support.faults.kept_files --folder DIR [--thorough]

One warm process; one fork for each change, which is killed or fails at one call of those that matter; then perhaps the
power goes.  It prints a line of JSON for each: what was struck, what the change said was done, and its problems (none).
And each change once as a careless program would do it, which forgets a sync: there the power cut must be noticed.
"""

import argparse
import contextlib
import io
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from errno import EIO, ENOSPC
from itertools import product
from pathlib import Path

from appliance.agreement_clock import PERSIST_EVERY, AgreementClock
from appliance.approval import Approvals, Closed, ClosingList
from appliance.approval.closed import UNREADABLE as CLOSINGS_UNREADABLE
from appliance.broker.not_sent import NotSentError
from appliance.broker.spend import MILLION, Spend
from appliance.cli.exclusion_book import Book
from appliance.cli.policy_propose import publish
from appliance.cli.provider_close import close
from appliance.config import load_config
from appliance.durable_file import make_folder
from appliance.errors import ConfigError
from appliance.exclusions import HEAD_NAME, UNREADABLE, Excluded
from audit.keyring import Trail
from tests.support.approvals import approve, receipt
from tests.support.exclusions import add
from tests.support.faults import Action, Cut, Effect, Fault, Faults
from tests.support.registers import a_provider
from tests.support.set_clock import NOON, SetClock
from tests.support.trails import new_trail

Say = Callable[[str], None]
"""Tell the parent that something is done: from then on it must last."""

TODAY = datetime(2026, 11, 23, 12, tzinfo=UTC)
OLD, NEW = "a" * 64, "b" * 64
"""Digests of two policies."""

CRASHED = 70
"""Exit code of a change that ended by a fault of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One change of one file."""

    prepare: Callable[[Path], object]
    """Make what stands there before."""

    change: Callable[[Path, Say], None]
    """Change it as production code does.  May raise OSError; it is run again once the disk works."""

    judge: Callable[[Path, frozenset[str]], Iterator[str]]
    """Say what does not hold afterwards, by what was said to be done."""

    folder: str
    """End of the folder in which names must be durable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blow:
    """What happens at one call, and whether the power goes afterwards."""

    fault: Fault
    cut: Cut | None
    seed: int = 1


def blows(at: int, *, thorough: bool) -> Iterator[Blow]:
    """Return what may happen at the n-th call."""
    few = ((Effect.LOST, None), (Effect.LOST, Cut.ALL_LOST), (Effect.TORN, Cut.SUBSET), (Effect.KEPT, Cut.SUBSET))
    all_ = tuple(product((Effect.LOST, Effect.KEPT, Effect.TORN), (None, *Cut)))
    for effect, cut in all_ if thorough else few:
        yield Blow(fault=Fault(action=Action.KILL, effect=effect, at=at, seed=at), cut=cut, seed=at)
    for effect in (Effect.LOST, Effect.KEPT, *((Effect.TORN, Effect.REVERTED) if thorough else ())):
        fault = Fault(action=Action.ERROR, effect=effect, error=EIO, at=at, seed=at)
        yield Blow(fault=fault, cut=Cut.ALL_LOST)
    yield Blow(fault=Fault(action=Action.ERROR, error=ENOSPC, at=at, length=10_000), cut=None)


POWER_CUT = Blow(fault=Fault(), cut=Cut.ALL_LOST)
"""Nothing fails, and then the power goes: what was said to be done must be on the disk."""


def spent_before(home: Path) -> None:
    """Leave two dollars spent."""
    file = _broker(home) / "spend.json"
    file.write_text(json.dumps({"format": 1, "day": "2026-11-23", "micro_usd": {"example-cloud": 2 * MILLION}}))


def spend_three(home: Path, say: Say) -> None:
    """Count three dollars before a call, and one in the end."""
    provider, spend = a_provider(), Spend(home / "broker" / "spend.json", now=lambda: TODAY)
    try:
        day = spend.reserve(provider, 3 * MILLION)
    except NotSentError as error:
        raise OSError from error
    say("reserved")
    spend.settle(provider, day=day, reserved=3 * MILLION, spent=MILLION)
    if not spend.fault():
        say("settled")


def judge_spend(home: Path, said: frozenset[str], *, before: int) -> Iterator[str]:
    """See that what was counted before a call is counted after the crash; too much may be."""
    spend = Spend(home / "broker" / "spend.json", now=lambda: TODAY)
    if spend.fault():
        yield spend.fault()
        return
    dollars, least = spend.of("example-cloud") // MILLION, before + ("reserved" in said)
    if dollars < least:
        yield f"{dollars} dollars are counted, and at least {least} were spent"
    if "settled" in said and dollars != before + 1:
        yield f"{dollars} dollars are counted, and it said {before + 1}"


def see_an_hour(home: Path, say: Say) -> None:
    """See time pass, and keep it."""
    machine = SetClock(NOON + timedelta(hours=1))
    clock = AgreementClock(machine, seen_file=home / "broker" / "clock.json")
    clock.moment()
    if clock.fault:
        raise OSError(clock.fault)
    say("seen")


def judge_clock(home: Path, said: frozenset[str], *, before: datetime) -> Iterator[str]:
    """See that the time that was seen still counts when the clock was set back in between."""
    clock = AgreementClock(SetClock(NOON - timedelta(days=1)), seen_file=home / "broker" / "clock.json")
    if clock.fault:
        yield clock.fault
        return
    latest = clock.moment().latest
    if latest < (NOON + timedelta(hours=1) - PERSIST_EVERY if "seen" in said else before):
        yield f"it is {latest} again, and an agreement that has ended would be open"


def close_one(home: Path, say: Say, *, name: str) -> None:
    """Close a provider by its command."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        if name not in _closed(home):
            close(name, reason="an incident", home=home, as_json=True)
    say("closed")


def judge_closing(home: Path, said: frozenset[str], *, before: frozenset[str]) -> Iterator[str]:
    """See that a closing outlasts the crash, and the next approval of the policy too."""
    config = load_config(home)
    if before and Closed.of(config).why("nobody") == CLOSINGS_UNREADABLE:
        yield "the closings cannot be read"
    make_folder(config.approvals, mode=0o755)
    publish(config.approvals, NEW, "no receipt")
    wanted = before | ({"b-cloud"} if "closed" in said else set())
    if lost := wanted - _closed(home):
        yield f"{sorted(lost)} were closed and are open"


def approved_before(home: Path) -> None:
    """Leave an approved policy and a closed provider."""
    new_trail(home)
    approve(home, OLD, sequence=3)
    close_one(home, lambda _: None, name="a-cloud")
    (home / "receipt").write_text(receipt(Trail(folder=home / "audit"), NEW, sequence=7))


def nothing_approved(home: Path) -> None:
    """Leave a trail that has keys, and a receipt for the first policy."""
    new_trail(home)
    (home / "receipt").write_text(receipt(Trail(folder=home / "audit"), NEW, sequence=7))


def approve_new(home: Path, say: Say) -> None:
    """Put a new approval where gateway and broker look."""
    config = load_config(home)
    make_folder(config.approvals, mode=0o755)
    publish(config.approvals, NEW, (home / "receipt").read_text())
    say("approved")


def judge_approval(home: Path, said: frozenset[str], *, had_old: bool) -> Iterator[str]:
    """See that one policy is approved and no other: the old one, or the new one as a whole."""
    config = load_config(home)
    approvals, closed = Approvals.of(config), Closed.of(config)
    good = {digest for digest in (OLD, NEW) if not approvals.why_not(digest)}
    if "approved" in said and good != {NEW}:
        yield "the new policy was approved and is not"
    if had_old and len(good) != 1:
        yield f"{len(good)} policies are approved"
    if had_old and "an incident" not in closed.why("a-cloud"):
        yield "a provider was closed and is open, or nobody can say"
    if ("approved" in said or had_old) and closed.why("b-cloud"):
        yield "a provider that nobody closed is closed"


def exclude(home: Path, say: Say, *, number: str) -> None:
    """Exclude a patient."""
    config = load_config(home)
    if number not in _excluded(home, number):
        add(config, number)
    say("excluded")


def remove(home: Path, say: Say) -> None:
    """End the exclusion of a patient, as two officers have confirmed."""
    book = Book(load_config(home))
    if found := book.find(["815"]):
        book.remove(found[0].id, lambda _: "r.second")
    say("removed")


def without_head(home: Path) -> None:
    """Leave what a crash between the first list and its head leaves."""
    add(load_config(home), "4711")
    (load_config(home).secrets / HEAD_NAME).unlink()


def judge_exclusions(home: Path, said: frozenset[str], *, before: frozenset[str]) -> Iterator[str]:
    """See that who was excluded stays so; without a list nobody leaves, and the operator is told what to do."""
    excluded = Excluded.open(load_config(home))
    wanted = before | ({"815"} if "excluded" in said else set())
    if UNREADABLE in excluded.kinds_of(()):
        if wanted or "remove" not in _sentence(excluded):
            yield f"the list cannot be read: {_sentence(excluded)}"
        return
    if lost := wanted - _excluded(home, *wanted):
        yield f"{sorted(lost)} were excluded and are not"
    if "removed" in said and _excluded(home, "815"):
        yield "an exclusion was ended and is there"
    add(load_config(home), "90210")
    if not (before | {"90210"}) <= _excluded(home, *before, "90210"):
        yield "the next exclusion took others away"


def _broker(home: Path) -> Path:
    folder = home / "broker"
    folder.mkdir(mode=0o700)
    return folder


def _closed(home: Path) -> set[str]:
    found = ClosingList.read(home / "approvals" / "closed.json")
    return {each.provider for each in found.closed} if found else set()


def _excluded(home: Path, *numbers: str) -> frozenset[str]:
    excluded = Excluded.open(load_config(home))
    return frozenset(number for number in numbers if "opt-out" in excluded.kinds_of([number]))


def _sentence(excluded: Excluded) -> str:
    try:
        excluded.check()
    except ConfigError as error:
        return error.public
    return ""


CASES: Mapping[str, Case] = {
    "spend": Case(
        prepare=spent_before,
        change=spend_three,
        judge=lambda home, said: judge_spend(home, said, before=2),
        folder="/broker",
    ),
    "first spend": Case(
        prepare=_broker,
        change=spend_three,
        judge=lambda home, said: judge_spend(home, said, before=0),
        folder="/broker",
    ),
    "clock": Case(
        prepare=lambda home: AgreementClock(SetClock(), seen_file=_broker(home) / "clock.json").moment(),
        change=see_an_hour,
        judge=lambda home, said: judge_clock(home, said, before=NOON),
        folder="/broker",
    ),
    "closing": Case(
        prepare=lambda home: close_one(home, lambda _: None, name="a-cloud"),
        change=lambda home, say: close_one(home, say, name="b-cloud"),
        judge=lambda home, said: judge_closing(home, said, before=frozenset({"a-cloud"})),
        folder="/approvals",
    ),
    "first closing": Case(
        prepare=lambda _: None,
        change=lambda home, say: close_one(home, say, name="b-cloud"),
        judge=lambda home, said: judge_closing(home, said, before=frozenset()),
        folder="/home",
    ),
    "approval": Case(
        prepare=approved_before,
        change=approve_new,
        judge=lambda home, said: judge_approval(home, said, had_old=True),
        folder="/approvals",
    ),
    "first approval": Case(
        prepare=nothing_approved,
        change=approve_new,
        judge=lambda home, said: judge_approval(home, said, had_old=False),
        folder="/home",
    ),
    "exclusion": Case(
        prepare=lambda home: add(load_config(home), "4711"),
        change=lambda home, say: exclude(home, say, number="815"),
        judge=lambda home, said: judge_exclusions(home, said, before=frozenset({"4711"})),
        folder="/home",
    ),
    "first exclusion": Case(
        prepare=lambda _: None,
        change=lambda home, say: exclude(home, say, number="815"),
        judge=lambda home, said: judge_exclusions(home, said, before=frozenset()),
        folder="/home",
    ),
    "exclusion after a crash": Case(
        prepare=without_head,
        change=lambda home, say: exclude(home, say, number="815"),
        judge=lambda home, said: judge_exclusions(home, said, before=frozenset({"4711"})),
        folder="/home",
    ),
    "end of an exclusion": Case(
        prepare=lambda home: add(load_config(home), "4711", "815"),
        change=remove,
        judge=lambda home, said: judge_exclusions(home, said, before=frozenset({"4711"})),
        folder="/home",
    ),
}
"""By name: each file of an appliance that opens or closes the way out."""


class Bench:
    """Runs changes in forks, in a process that has the shim."""

    def __init__(self, folder: Path, *, thorough: bool) -> None:
        """Take a folder to work in, and whether everything is tried or the most telling half of it."""
        self._home, self._before = folder / "home", folder / "before"
        self._thorough = thorough
        self._faults = Faults()

    def run(self, name: str) -> Iterator[str]:
        """Run one case with every blow at every call, and return a line for each."""
        case = CASES[name]
        shutil.rmtree(self._before, ignore_errors=True)
        self._before.mkdir(mode=0o700)
        case.prepare(self._before)
        yield self._line(name, POWER_CUT)
        calls = self._faults.calls
        for at in range(1, calls + 1):
            for blow in blows(at, thorough=self._thorough):
                yield self._line(name, blow)
        for forgotten in (case.folder, ".part"):
            yield self._line(name, POWER_CUT, forgotten=forgotten)

    def _line(self, name: str, blow: Blow, *, forgotten: str = "") -> str:
        case = CASES[name]
        said, status = self._play(case, blow, forgotten=forgotten)
        problems = [] if status in {0, 9} else [f"the change ended with status {status}"]
        told = {"case": name, "struck": self._faults.hit, "blow": _words(blow), "forgotten": forgotten}
        problems.extend(case.judge(self._home, said))
        return json.dumps({**told, "said": sorted(said), "problems": problems})

    def _play(self, case: Case, blow: Blow, *, forgotten: str) -> tuple[frozenset[str], int]:
        """Change the files in a fork; return what it said was done, and its wait status."""
        shutil.rmtree(self._home, ignore_errors=True)
        shutil.copytree(self._before, self._home)
        self._faults.begin(self._home, skip_sync=forgotten)
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os._exit(self._change(case, blow.fault, writing))
        os.close(writing)
        with os.fdopen(reading) as lines:
            said = frozenset(line.strip() for line in lines)
        status = os.waitpid(child, 0)[1]
        if blow.cut is not None:
            self._faults.cut_power(blow.cut, seed=blow.seed)
        self._faults.end()
        return said, status

    def _change(self, case: Case, fault: Fault, writing: int) -> int:
        def say(what: str) -> None:
            os.write(writing, what.encode() + b"\n")

        self._faults.arm(fault)
        try:
            try:
                case.change(self._home, say)
            except OSError:
                self._faults.disarm()
                if fault.error == ENOSPC:
                    case.change(self._home, say)
        except BaseException as error:  # noqa: BLE001 -- a fork must never return into its parent's code
            say(f"{type(error).__name__}: {error}")
            return CRASHED
        return 0


def _words(blow: Blow) -> str:
    cut = "no cut" if blow.cut is None else blow.cut.name
    return f"{blow.fault.action.name} {blow.fault.effect.name} {blow.fault.error} {cut}"


def main() -> None:
    """Run the cases of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.faults.kept_files", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--thorough", action="store_true", help="try everything")
    options = parser.parse_args()
    bench = Bench(options.folder, thorough=options.thorough)
    for name in CASES:
        for line in bench.run(name):
            print(line, flush=True)  # noqa: T201 -- this is how it answers


if __name__ == "__main__":
    sys.exit(main())
