"""Hand checkpoints to the witnesses, apart from commits: a thread for each, so that a slow one delays nobody.

A commit only leaves its newest checkpoint here (`offer`) and goes on.  Each thread hands over the newest one that its
witness has not got; a witness that fails is named in `states` and tried again, with the newest checkpoint, until it is
back.  A witness that remembers another tree is not tried again: `conflict` says so, and the log becomes read-only.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from audit.errors import AuditError, StoreError, VerificationError, WitnessError
from audit.witness.protocol import Witness

FIRST_RETRY_S = 0.5
"""Wait after the first failure; doubled with each further one."""

LAST_RETRY_S = 10.0
"""Longest wait: an operator should see a repaired witness come back at once."""

SLOW_S = 10.0
"""An attempt that lasts longer is named in health, whatever it is still waiting for."""

CLOSE_S = 5.0
"""A clean stop waits this long for the last checkpoint to arrive; the next start hands it over otherwise."""

CONFLICT = "witness_conflict"
"""State of a witness that remembers another tree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One signed checkpoint on its way out."""

    note: str
    size: int
    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessState:
    """What is known of one witness."""

    name: str
    kind: str
    state: str
    """``ok``, ``witness_unreachable``, ``witness_refused`` or ``witness_conflict``."""

    reason: str
    """What is wrong and what to do; empty while all is well."""

    size: int
    """Records under the newest checkpoint that it has taken from this process; 0 before the first."""

    time_ms: int
    """When that checkpoint was signed."""


class Publisher:
    """The witnesses of one log.  Every method may be called from any thread."""

    def __init__(self, witnesses: Sequence[Witness], *, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        """Take at least one witness; threads start with the first checkpoint."""
        if not witnesses:
            raise RuntimeError("a trail has at least one witness")
        self._posts = tuple(_Post(witness, monotonic_s=monotonic_s) for witness in witnesses)

    @property
    def conflict(self) -> str:
        """Why the log must become read-only: a witness remembers another tree; empty while none does."""
        return next((state.reason for state in self.states() if state.state == CONFLICT), "")

    @property
    def failure(self) -> str:
        """The first witness that has not got what it should have, and why; empty while all is well."""
        return next((state.reason for state in self.states() if state.reason), "")

    def confirm(self, note: str) -> None:
        """Compare a signed checkpoint of the database with every witness that answers.

        Raises VerificationError if one remembers another tree, and StoreError if none answers.
        """
        reached = [post.confirm(note) for post in self._posts]
        if not any(reached):
            reasons = "; ".join(state.reason for state in self.states())
            raise StoreError(f"no witness can be reached, and a trail starts with one at least: {reasons}")

    def offer(self, note: str, *, size: int, time_ms: int) -> None:
        """Leave the newest checkpoint for every witness; returns at once."""
        for post in self._posts:
            post.offer(Offer(note=note, size=size, time_ms=time_ms))

    def states(self) -> tuple[WitnessState, ...]:
        """Return what is known of each witness."""
        return tuple(post.state() for post in self._posts)

    def cosigned(self) -> tuple[str, ...]:
        """Return the newest checkpoint that each cosigning witness has signed."""
        return tuple(note for post in self._posts if (note := post.witness.cosigned))

    def flush(self, timeout_s: float) -> bool:
        """Wait until each witness has taken the newest checkpoint or failed once; False if time ran out."""
        until = time.monotonic() + timeout_s
        return all(post.settle(until) for post in self._posts)

    def close(self, timeout_s: float = CLOSE_S) -> None:
        """Hand over what waits, once, and stop; a witness that hangs is left behind."""
        for post in self._posts:
            post.stop()
        until = time.monotonic() + timeout_s
        for post in self._posts:
            post.join(until)


class _Post:
    """One witness, its thread, and what waits for it.  `_lock` guards every member below it."""

    def __init__(self, witness: Witness, *, monotonic_s: Callable[[], float]) -> None:
        self.witness = witness
        self._monotonic_s = monotonic_s
        self._thread = threading.Thread(target=self._run, name=f"witness-{witness.name}", daemon=True)
        self._lock = threading.Condition()
        self._waiting: Offer | None = None
        self._taken: Offer | None = None
        """The newest one that the witness has."""
        self._trying_since_s: float | None = None
        self._tried = 0
        """Attempts since the last offer."""
        self._wait_s = 0.0
        """How long to wait before the next attempt; 0 while all is well."""
        self._error: AuditError | None = None
        self._stopping = False

    def confirm(self, note: str) -> bool:
        """Compare at start, in the caller's thread; False if the witness does not answer."""
        try:
            self.witness.confirm(note)
        except (WitnessError, VerificationError) as error:
            with self._lock:
                self._error, self._wait_s = error, FIRST_RETRY_S
            if isinstance(error, VerificationError):
                raise
            return False
        with self._lock:
            self._error, self._wait_s = None, 0.0
        return True

    def offer(self, offer: Offer) -> None:
        with self._lock:
            if self._stopping:
                return
            self._waiting, self._tried = offer, 0
            if self._thread.ident is None:
                self._thread.start()
            self._lock.notify_all()

    def state(self) -> WitnessState:
        with self._lock:
            taken, error = self._taken, self._error
            tried_s = 0.0 if self._trying_since_s is None else self._monotonic_s() - self._trying_since_s
        state, reason = "ok", ""
        if error is not None:
            state = CONFLICT if isinstance(error, VerificationError) else _code_of(error)
            reason = str(error)
        elif tried_s > SLOW_S:
            state = WitnessError.code
            reason = f"the witness {self.witness.name} has not answered for {tried_s:.0f} seconds; check its load"
        return WitnessState(
            name=self.witness.name,
            kind=self.witness.kind,
            state=state,
            reason=reason,
            size=taken.size if taken else 0,
            time_ms=taken.time_ms if taken else 0,
        )

    def settle(self, until_s: float) -> bool:
        with self._lock:
            return self._lock.wait_for(
                lambda: self._waiting is None or self._tried > 0, max(0.0, until_s - time.monotonic())
            )

    def stop(self) -> None:
        with self._lock:
            self._stopping = True
            self._lock.notify_all()

    def join(self, until_s: float) -> None:
        if self._thread.is_alive():
            self._thread.join(max(0.0, until_s - time.monotonic()))
        if not self._thread.is_alive():
            self.witness.close()

    def _run(self) -> None:
        while (offer := self._next()) is not None:
            error: AuditError | None = None
            try:
                self.witness.publish(offer.note, time_ms=offer.time_ms)
            except AuditError as failed:
                error = failed
            if not self._note(offer, error):
                return

    def _next(self) -> Offer | None:
        """Wait for something to hand over, and after a failure until it is time; None when stopping."""
        with self._lock:
            self._lock.wait_for(lambda: self._waiting is not None or self._stopping)
            if self._wait_s:
                self._lock.wait_for(lambda: self._stopping, self._wait_s)
            if self._stopping and (self._waiting is None or self._tried):
                return None
            self._trying_since_s = self._monotonic_s()
            return self._waiting

    def _note(self, offer: Offer, error: AuditError | None) -> bool:
        """Remember how an attempt went; False if there must be no other."""
        with self._lock:
            self._trying_since_s, self._error = None, error
            if self._waiting is offer:
                self._tried += 1
            if error is None:
                self._taken, self._wait_s = offer, 0.0
                if self._waiting is offer:
                    self._waiting = None
            else:
                self._wait_s = min(LAST_RETRY_S, max(FIRST_RETRY_S, 2 * self._wait_s))
            self._lock.notify_all()
        return not isinstance(error, VerificationError)


def _code_of(error: AuditError) -> str:
    """Return the state for an error: a database that cannot prove counts as a witness that cannot be served."""
    return error.code if isinstance(error, WitnessError) else WitnessError.code
