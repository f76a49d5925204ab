"""One life of the recorder's log on a disk that may fail: what it does, and what it tells its parent as it goes.

This runs in a fork that may be killed at any call.  Whatever it says was acknowledged first; what it does not live to
say, nobody may rely on.  It drives the log as the recorder's writer thread does: after a failure it opens anew and
goes on.
"""

import json
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from audit.errors import AppendError, AuditError
from audit.keyring import initialise
from audit.keyring.custodian import open_root
from audit.keyring.passphrase_root import PassphraseProtector
from audit.keyring.rotation import change_passphrase, rotate_root
from audit.log import Clocks, Log, stored_prover, submit
from audit.places import find_places
from audit.record import Event, Kind
from audit.recorder.months import Months
from audit.witness import Publisher, open_witnesses
from tests.support.faults import Faults
from tests.support.faults.plan import Life, Step

ORIGIN = "hospital.example/a1"
START = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
START_MS = int(START.timestamp() * 1000)
MONTH_S = 31 * 24 * 3600.0
ATTEMPTS = 4
"""Times that a step is tried; before the last the disk heals."""

FLUSH_S = 20.0
"""A witness's one attempt takes microseconds here; a machine may be busy."""

LARGE_BYTES = 9000
"""Two pages and a bit."""


_PASSING_S = {
    Step.WAIT: 2.0,
    Step.CLOCK_BACK: -600.0,
    Step.MONTH: MONTH_S,
    Step.HEARTBEAT: 70.0,
    Step.KEEP: 1.5,
}
"""Time that passes before these."""


@dataclass
class StandingClock:
    """A clock that moves by steps only."""

    time_ms: int
    seconds: float = 0.0

    def turn(self, seconds: float) -> None:
        """Let time pass, or turn the wall clock back."""
        self.time_ms += int(seconds * 1000)
        self.seconds += max(0.0, seconds)

    def clocks(self) -> Clocks:
        """Return it in the form that a log reads."""
        return Clocks(now_ms=lambda: self.time_ms, monotonic_s=lambda: self.seconds)


class Teller:
    """Lines of JSON to the parent, over a pipe that survives the teller."""

    def __init__(self, descriptor: int) -> None:
        """Take the pipe's end."""
        self._descriptor = descriptor

    def say(self, **members: object) -> None:
        """Send one line."""
        os.write(self._descriptor, json.dumps(members).encode() + b"\n")


class Machine:
    """A recorder's log, its keys and its clock, on the folder of one schedule."""

    def __init__(self, home: Path, *, name: str, clock: StandingClock, teller: Teller, rash: bool = False) -> None:
        """Take the home; `rash` acknowledges before anything is durable, to see that this is found."""
        self.places = find_places(home)
        self.clock = clock
        self._name = name
        self.teller = teller
        self._rash = rash
        self._months = Months(self.places.trail)
        self._log: Log | None = None
        self._batches = 0

    def start(self) -> None:
        """Open the log as the recorder does.  Raises AuditError if it cannot start."""
        places = self.places
        publisher = Publisher(
            open_witnesses(
                places.settings,
                default=places.witness,
                keys=places.trail.signing_key().verifier_keys(),
                prove=stored_prover(places.database),
            )
        )
        self._log = Log.open(places.trail, clocks=self.clock.clocks(), publisher=publisher, database=places.database)
        self.teller.say(opened=self._log.size)
        self.await_witness()

    def await_witness(self) -> None:
        """Let the witness's thread do what it has to, so that calls come in one order, and tell what the witness has.

        A witness that has failed is tried again in its own time, as in the recorder: nobody waits for that.
        """
        (before,) = self.log.publisher.states()
        if before.state == "ok":
            assert self.log.publisher.flush(FLUSH_S)
        (state,) = self.log.publisher.states()
        if state.state == "ok":
            self.teller.say(witnessed=state.size)

    def do(self, step: Step) -> None:
        """Do one thing, as the writer thread would.  Raises AppendError if the disk fails."""
        match step:
            case Step.APPEND:
                self.append(3)
            case Step.LARGE:
                self.append(2, body=os.urandom(LARGE_BYTES))
            case Step.WAIT | Step.CLOCK_BACK | Step.MONTH:
                self.clock.turn(_PASSING_S[step])
                self.append(2)
            case Step.HEARTBEAT | Step.KEEP:
                self.clock.turn(_PASSING_S[step])
                self.log.keep_signed()
            case Step.RECEIPT:
                self.log.receipt("ex_" + "0" * 32)
            case Step.REOPEN:
                self.close()
                self.start()
            case Step.ROTATE | Step.PASSPHRASE:
                change_root(self.places.custodian, step)
        self.await_witness()
        self.teller.say(time=self.clock.time_ms)

    @property
    def log(self) -> Log:
        """The open log."""
        assert self._log is not None
        return self._log

    def append(self, count: int, *, body: bytes = b"the note of the example patient") -> None:
        """Append one batch and tell the parent once it is acknowledged."""
        self._batches += 1
        batch = f"{self._name}-{self._batches}"
        now_ms = max(self.clock.time_ms, self.log.last_time_ms)
        keys = self._months.keys_at(now_ms, durable_ms=self.log.last_time_ms)
        events = [
            Event(
                kind=Kind.INTENT if number == 0 else Kind.DECISION,
                exchange_id="ex_" + "0" * 32,
                client="ehr",
                user="ito",
                patients=("4711",),
                task="medical-coding",
                facts={"batch": batch, "of": count},
                body=body if number == 0 else None,
            )
            for number in range(count)
        ]
        submissions = [submit(event, origin=ORIGIN, keys=keys) for event in events]
        if self._rash:
            places = range(self.log.size, self.log.size + count)
            self.teller.say(acknowledged=[[place, ""] for place in places], batch=batch)
        placed = self.log.append(submissions)
        if not self._rash:
            self.teller.say(acknowledged=[[place.sequence, place.leaf_hash.hex()] for place in placed], batch=batch)

    def recover(self) -> None:
        """Open anew after a failure, as the writer thread does at its next turn."""
        if self._log is None:
            self.start()
        self.log.ensure_open()

    def close(self) -> None:
        """Close as a recorder that is told to stop."""
        log, self._log = self._log, None
        if log is not None:
            log.close()


def make_keys(home: Path) -> None:
    """Make everything from nothing, as the first start of an appliance does; a second run goes on."""
    initialise(home / "audit", home / "custodian", origin=ORIGIN, now=START)


def change_root(custodian: Path, step: Step) -> None:
    """Change what keeps the months, as the custodian's commands do; a second run finishes what was begun."""
    opened = open_root(custodian)
    if step is Step.ROTATE or opened.next_root is not None:
        rotate_root(opened)
    else:
        protector = PassphraseProtector(passphrase=secrets.token_hex(16).encode())
        change_passphrase(opened, protector, keep=True)


_REPEATED = frozenset({Step.ROTATE, Step.PASSPHRASE})
"""Steps that an operator runs again after a failure; time does not pass in them."""


def live(machine: Machine, life: Life, *, faults: Faults) -> None:
    """Start, do the steps, and after each failure go on as a recorder does.

    A failure that outlasts three attempts is waited out: then the disk heals, and the same process must recover.
    The clock is told to the parent after each step: for the next life, a kill may look like a clock that was set back.
    """
    for step in (None, *life.steps):
        for attempt in range(ATTEMPTS):
            if attempt == ATTEMPTS - 1:
                faults.disarm()
            if _try(machine, step, is_first=not attempt):
                break
        else:
            machine.teller.say(stuck=str(step))
            return
        if step is None and life.is_late:
            faults.arm(life.fault)
    machine.teller.say(done=True)


def _try(machine: Machine, step: Step | None, *, is_first: bool) -> bool:
    """Start or do a step, and say whether it went well; time passes at the first attempt only."""
    try:
        if not is_first:
            machine.recover()
        elif step is None:
            machine.start()
        if step is not None:
            machine.do(step if is_first or step in _REPEATED else Step.APPEND)
    except AppendError as error:
        machine.teller.say(refused=str(step), code=error.code, reason=str(error))
    except AuditError as error:
        machine.teller.say(failed=str(step), code=error.code, reason=str(error))
    else:
        return True
    return False
