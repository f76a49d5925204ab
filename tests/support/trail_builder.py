"""Build a small real trail in a folder, through the recorder's own log code, and damage it as a thief would."""

import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from audit.keyring import Trail, initialise, open_custodian
from audit.log import Clocks, Log, submit
from audit.log.submission import MonthKeys
from audit.record import Event, Kind, month_of

ORIGIN = "hospital.example/test"
PATIENT = "MRN-4711"
USER = "ito.nurse"
BODY = b'{"messages":[{"role":"user","content":"Hr. Canary, cough for two weeks"}]}'
START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


@dataclass(slots=True)
class TurnableClock:
    """Wall and monotonic time that a test moves."""

    now_ms: int = int(START.timestamp() * 1000)
    monotonic_s: float = 0.0

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ms += int(seconds * 1000)
        self.monotonic_s += seconds


@dataclass(slots=True)
class TrailBuilder:
    """A trail that grows by exchanges; `home` is laid out as an appliance's."""

    home: Path
    clock: TurnableClock = field(default_factory=TurnableClock)
    receipts: dict[str, str] = field(default_factory=dict)
    """The compact receipt of each exchange's last event."""

    def __post_init__(self) -> None:
        """Make the keys, as the first start does."""
        self.home.mkdir(parents=True, exist_ok=True)
        initialise(self.home / "audit", self.home / "custodian", origin=ORIGIN, now=self._now())

    @property
    def trail(self) -> Trail:
        """The trail's folder."""
        return Trail(folder=self.home / "audit")

    @property
    def passphrase_file(self) -> Path:
        """The custodian passphrase that `initialise` wrote."""
        return self.home / "custodian" / "passphrase"

    @contextmanager
    def opened(self) -> Iterator[Log]:
        """Open the log as the recorder does; a checkpoint is signed at the end."""
        clocks = Clocks(now_ms=lambda: self.clock.now_ms, monotonic_s=lambda: self.clock.monotonic_s)
        with closing(Log.open(self.trail, clocks=clocks)) as log:
            yield log

    def append(self, log: Log, events: Iterable[Event]) -> list[int]:
        """Make events durable in one batch, and return their places."""
        keys = self._month_keys()
        placed = log.append([submit(event, origin=ORIGIN, keys=keys) for event in events])
        return [place.sequence for place in placed]

    def add_exchanges(self, count: int, *, seconds_between: float = 2.0, **changes: Any) -> list[str]:
        """Append whole exchanges, each with four events, and return their ids."""
        ids = []
        with self.opened() as log:
            for _ in range(count):
                number = log.size
                exchange_id = f"ex_{number:032x}"
                for batch in exchange_events(exchange_id, **changes):
                    self.append(log, batch)
                    self.clock.move(seconds_between / 2)
                ids.append(exchange_id)
        return ids

    def next_month(self) -> str:
        """Turn the clock to the next month, prepare it as a custodian does, and return its name."""
        self.clock.move(31 * 24 * 3600.0)
        initialise(self.home / "audit", self.home / "custodian", origin=ORIGIN, now=self._now())
        month = month_of(self.clock.now_ms)
        self.trail.forget_months_before(month)
        return month

    def sql(self, statement: str, *parameters: object) -> list[Any]:
        """Change the database behind everyone's back."""
        with closing(sqlite3.connect(self.trail.database)) as connection, connection:
            return connection.execute(statement, parameters).fetchall()

    def copy(self, to: Path) -> "TrailBuilder":
        """Return a copy of the whole home."""
        shutil.copytree(self.home, to)
        return replace(self, home=to)

    def private_keys(self, month: str) -> Any:
        """Return what the custodian holds of a month."""
        return open_custodian(self.home / "custodian").secrets(month)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now_ms / 1000, UTC)

    def _month_keys(self) -> MonthKeys:
        month = month_of(self.clock.now_ms)
        trail = self.trail
        return MonthKeys(month=month, public=trail.public_month(month).load(), index=trail.index_key(month))


def exchange_events(exchange_id: str, **changes: Any) -> list[list[Event]]:
    """Return the batches of events that one answered request makes."""
    common: dict[str, Any] = {
        "exchange_id": exchange_id,
        "client": "ehr-main",
        "user": USER,
        "patients": (PATIENT,),
        "tenant": "sandbox",
        "task": "medical-coding",
        "purpose": "TREAT",
        "request_id": "req-1",
    }
    outcome = changes.pop("outcome", "answered")
    common.update(changes)
    decided = {**common, "route": "local", "model": "smol@sha256:" + "0" * 64, "policy_digest": "a" * 64}
    reasons = ["The local edit rate of 8 % is under the threshold of 30 %."]
    return [
        [Event(kind=Kind.INTENT, **common, body=BODY, facts={"surface": "tasks"})],
        [
            Event(kind=Kind.DECISION, **decided, code="route", facts={"reasons": reasons}),
            Event(kind=Kind.RELEASE, **decided, body=b'{"codes":["R05.9"]}'),
        ],
        [Event(kind=Kind.OUTCOME, **decided, outcome=outcome, facts={"elapsed_ms": 12})],
    ]
