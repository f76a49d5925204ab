"""Trails in a temporary folder, with clocks that tests turn and databases that fail on demand."""

import asyncio
import atexit
import functools
import hashlib
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import Connection, Cursor, OperationalError
from typing import Any, ClassVar

from audit.checkpoint import read_checkpoint
from audit.envelope import open_sealed
from audit.keyring import Trail, initialise, open_custodian
from audit.log import Clocks, Log, MonthKeys, Submission, submit
from audit.merkle import Frontier, leaf_hash, root_of
from audit.record import Event, Kind, Leaf, month_of, read_facts
from audit.terms import column_terms
from audit.witness import Publisher, read_witness
from tests.support.trail_reader import TrailReader

ORIGIN = "hospital.example/a1"
START = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
START_MS = int(START.timestamp() * 1000)


@dataclass
class TurnedClock:
    """A clock that stands until a test turns it."""

    time_ms: int = START_MS
    seconds: float = 0.0

    def clocks(self) -> Clocks:
        """Return it in the form that a log reads."""
        return Clocks(now_ms=lambda: self.time_ms, monotonic_s=lambda: self.seconds)

    def turn(self, seconds: float) -> None:
        """Let time pass."""
        self.time_ms += int(seconds * 1000)
        self.seconds += seconds


def new_trail(folder: Path, *, now: datetime = START) -> Trail:
    """Return a trail with all its keys; the custodian's folder is beside it."""
    made = _made(now)
    for part in ("audit", "custodian"):
        shutil.copytree(made / part, folder / part)
    return Trail(folder=folder / "audit")


@functools.cache
def _made(now: datetime) -> Path:
    """Make the keys once for all tests: the passphrase's derivation is slow on purpose."""
    folder = Path(tempfile.mkdtemp(prefix="trail-keys-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    initialise(folder / "audit", folder / "custodian", origin=ORIGIN, now=now)
    return folder


def month_keys(trail: Trail, month: str | None = None) -> MonthKeys:
    """Return what the recorder holds of a month."""
    wanted = month or month_of(START_MS)
    return MonthKeys(month=wanted, public=trail.public_month(wanted).load(), index=trail.index_key(wanted))


def example_event(**changes: Any) -> Event:
    """Return an intent with everything in it, changed as asked."""
    fields: dict[str, Any] = {
        "kind": Kind.INTENT,
        "exchange_id": "ex_" + "0" * 32,
        "client": "client_1",
        "user": "ito",
        "patients": ("4711", "4712"),
        "tenant": "sandbox",
        "task": "medical-coding",
        "purpose": "TREAT",
        "policy_digest": "c" * 64,
        "model": "smollm2@sha256:" + "d" * 64,
        "request_id": "req-1",
        "facts": {"reasons": ["local evidence meets the threshold"], "tokens": 12},
        "body": b"the note of the example patient",
    }
    return Event(**{**fields, **changes})


@dataclass
class Writer:
    """Submit events to a log as the recorder does."""

    log: Log
    keys: MonthKeys

    def add(self, *events: Event) -> list[int]:
        """Append events as one batch and return their places."""
        submissions = [self.submission(event) for event in events]
        return [place.sequence for place in self.log.append(submissions)]

    def submission(self, event: Event) -> Submission:
        """Return an event ready for a place."""
        return submit(event, origin=ORIGIN, keys=self.keys)


def open_writer(
    trail: Trail, clock: TurnedClock, *, factory: type[Connection] = Connection, publisher: Publisher | None = None
) -> Writer:
    """Return a log with what submits to it."""
    log = Log.open(trail, clocks=clock.clocks(), factory=factory, publisher=publisher)
    return Writer(log=log, keys=month_keys(trail))


@dataclass
class Fault:
    """What goes wrong at one write point, once it is armed."""

    point: str = ""
    """First words of the statement, such as ``COMMIT``."""

    kept: bool = False
    """True when the statement takes effect although it fails."""

    act: Callable[[], None] = field(default=lambda: None)
    """Runs instead of raising; a child process dies here."""

    raises: bool = True
    hits: int = 0


class FaultyConnection(Connection):
    """A real SQLite connection that fails where the armed fault says."""

    fault: ClassVar[Fault] = Fault()

    def cursor(self, _factory: Any = None, /) -> Any:
        """Return a cursor that looks at each statement first."""
        cursor = super().cursor(FaultyCursor)
        cursor.fault = self.fault
        return cursor


class FaultyCursor(Cursor):
    """Runs the statements of a faulty connection."""

    fault: Fault

    def execute(self, statement: str, parameters: Any = (), /) -> Any:
        """Run a statement, unless it is the write point."""
        return self._at_fault(statement, lambda: super(FaultyCursor, self).execute(statement, parameters))

    def executemany(self, statement: str, parameters: Any, /) -> Any:
        """Run a statement for each row, unless it is the write point."""
        return self._at_fault(statement, lambda: super(FaultyCursor, self).executemany(statement, parameters))

    def _at_fault(self, statement: str, run: Callable[[], Any]) -> Any:
        fault = self.fault
        if not fault.point or not statement.startswith(fault.point):
            return run()
        fault.hits += 1
        result = run() if fault.kept else None
        fault.act()
        if fault.raises:
            message = "disk I/O error"
            raise OperationalError(message)
        return result


def faulty(fault: Fault) -> type[FaultyConnection]:
    """Return a connection class of its own for one test's fault."""
    return type("ArmedConnection", (FaultyConnection,), {"fault": fault})


def _listens(path: Path) -> bool:
    """Say whether a process listens on a Unix socket: its name is there a moment before."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


class RecorderProcess:
    """A real recorder in a child process."""

    def __init__(self, home: Path, *, arguments: Sequence[str] = ()) -> None:
        """Take the folder with all state; the trail must be initialised."""
        self.home = home
        self.socket = home / "run" / "recorder.sock"
        self.arguments = arguments
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it listens."""
        self.socket.parent.mkdir(exist_ok=True)
        self.socket.unlink(missing_ok=True)
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "audit.recorder", "--home", str(self.home), *self.arguments,
            stderr=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        async with asyncio.timeout(30):
            while not _listens(self.socket) and self.process.returncode is None:
                await asyncio.sleep(0.01)

    async def kill(self) -> None:
        """Kill it as a power cut would, and wait."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        await self.process.communicate()

    async def stop(self) -> tuple[int, str]:
        """Ask it to stop; return its exit code and its log."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.terminate()
        _, log = await self.process.communicate()
        return self.process.returncode or 0, log.decode()


@dataclass(frozen=True)
class Whole:
    """A trail that was read from end to end and found whole."""

    leaves: list[Leaf]
    bodies: dict[int, bytes | None]

    def leaf_hashes(self) -> list[bytes]:
        """Return the hashes of the leaves in order."""
        return [leaf_hash(leaf.to_bytes()) for leaf in self.leaves]


def read_whole(folder: Path, *, factory: type[Connection] = Connection) -> Whole:
    """Recover a trail as the recorder does, and check every record against every other, bodies included.

    Written from FORMAT.md section 12, apart from `audit.verify`.
    """
    trail = Trail(folder=folder / "audit")
    clock = TurnedClock()
    Log.open(trail, clocks=clock.clocks(), factory=factory).close()
    custodian = open_custodian(folder / "custodian")
    months = {month: custodian.secrets(month) for month in custodian.months()}
    leaves: list[Leaf] = []
    bodies: dict[int, bytes | None] = {}
    frontier, newest = Frontier(), dict[str, str]()
    with TrailReader.open(trail.database) as reader:
        for place, row in enumerate(reader.records()):
            leaf = Leaf.from_bytes(row.leaf)
            frontier, nodes = frontier.append(leaf_hash(row.leaf))
            assert (leaf.sequence, row.sequence, leaf.origin) == (place, place, ORIGIN)
            assert leaf.time_ms >= (leaves[-1].time_ms if leaves else 0)
            assert (row.event_id, row.exchange_id, row.time_ms) == (leaf.event_id, leaf.exchange_id, leaf.time_ms)
            assert reader.terms_of(row) == column_terms(leaf, str(read_facts(row.facts).get("client", "")))
            assert row.nodes == b"".join(nodes)
            assert hashlib.sha256(row.facts).hexdigest() == leaf.facts_digest
            assert leaf.previous == (newest.get(leaf.exchange_id, "") if leaf.exchange_id else "")
            assert reader.index_values(place) == sorted(
                bytes.fromhex(value) for value in {*leaf.patients, leaf.user} if value
            )
            assert (row.ciphertext is None) == (not leaf.cipher_digest)
            if row.ciphertext is not None and row.wrapped_key is not None:
                bodies[place] = open_sealed(
                    leaf, wrapped_key=row.wrapped_key, ciphertext=row.ciphertext, keys=months[leaf.month]
                ).body
            newest[leaf.exchange_id] = leaf.event_id
            leaves.append(leaf)
        hashes = [leaf_hash(leaf.to_bytes()) for leaf in leaves]
        for size, note in reader.checkpoints():
            statement = read_checkpoint(note, trail.verifier_keys())
            assert (statement.size, statement.root) == (size, root_of(hashes[:size]))
    for note in read_witness(trail.witness):
        if note is not None:
            statement = read_checkpoint(note, trail.verifier_keys())
            assert statement.root == root_of(hashes[: statement.size])
    return Whole(leaves=leaves, bodies=bodies)
