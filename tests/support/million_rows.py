"""Rows of a hospital's trail over six years, by the million, in the form of PostgreSQL's binary COPY.

Leaves and facts are real, canonical and packed, with the members that questions ask for; bodies, wrapped keys and tree
nodes that verify are not made, because no question reads them.  Rows are drawn by a seed, so that each run asks the
same.  Parts of the trail are made by processes of their own, each of which knows nothing of the others.
"""

import hashlib
import json
import os
import random
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from audit.compact import DICTIONARY
from audit.keyring import IndexKey
from audit.record import Event, Kind, facts_document, month_of
from audit.store.schema import BLOCK_RECORDS
from audit.terms import COLUMNS, KIND_IDS

YEARS = 6
MONTHS = 12 * YEARS
END = datetime(2026, 11, 1, tzinfo=UTC)
BEGIN_MS = int((END - timedelta(days=365.25 * YEARS)).timestamp() * 1000)
SPAN_MS = int(END.timestamp() * 1000) - BEGIN_MS
ORIGIN = "bench.example/a1"
PATIENTS = 200_000
HEAVY = 20
"""Patients whom one exchange in two hundred is about, such as long-stay patients: 10,000 exchanges each over 10M."""

USERS = 2000
SERVICE = "interface.engine"
"""A user who acts for everybody: in three exchanges of ten."""

AGREEMENTS = ("baa-2021-north", "baa-2023-north", "baa-2024-south")
POLICIES = tuple(hashlib.sha256(f"policy {number}".encode()).hexdigest() for number in range(24))
MODELS = tuple(f"model-{number}@sha256:{hashlib.sha256(bytes([number])).hexdigest()}" for number in range(6))
"""Policies last three months and models a year, one after the other."""

_TASKS = ("medical-coding", "discharge-summary", "scheduling-message", "note-triage")
_CLIENTS = tuple(f"client_{number:032x}" for number in range(12))
_CODES = ("use_task", "route", "policy_reloaded", "client_added", "gateway_started", "query", "too_busy")
_PURPOSES = ("TREAT", "HPAYMT", "BTG")
_ROUTES = ("local", "refused", "managed:north-cloud", "managed:south-cloud")
_OUTCOMES = ("answered", "refused", "failed", "cancelled")
_PRIMED = zlib.compressobj(6, zlib.DEFLATED, -12, 5, zlib.Z_DEFAULT_STRATEGY, DICTIONARY)
"""`compact.pack`'s own settings; a copy of it packs in two thirds of the time."""

_ENCODE = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode
HEADER = b"PGCOPY\n\xff\r\n\x00" + struct.pack("!ii", 0, 0)
TRAILER = struct.pack("!h", -1)
_RECORD_FIELDS = struct.pack("!h", 4 + len(COLUMNS) + 5)
_INDEX = struct.Struct("!hi16siq")
_BLOCK = struct.Struct("!hiiii")
_NULL = struct.pack("!i", -1)

TERMS: dict[tuple[str, str], int] = {("kind", kind): number for kind, number in KIND_IDS.items()}
for _member, _values in (
    ("outcome", _OUTCOMES),
    ("code", _CODES),
    ("client", (*_CLIENTS, "gateway", "console")),
    ("tenant", ("site",)),
    ("task", _TASKS),
    ("purpose", _PURPOSES),
    ("route", _ROUTES),
    ("model", MODELS),
    ("policy", POLICIES),
    ("agreement", AGREEMENTS),
    ("decision", ("allowed", "denied")),
):
    for _value in _values:
        TERMS[_member, _value] = len(TERMS) + 1


def pack(data: bytes) -> bytes:
    """Return what `compact.pack` does."""
    packer = _PRIMED.copy()
    return packer.compress(data) + packer.flush()


def month_key(month: str) -> IndexKey:
    """Return the index key of a month."""
    return IndexKey(month=month, secret=hashlib.sha256(f"bench {month}".encode()).digest())


def every_key() -> dict[str, IndexKey]:
    """Return the keys of all months."""
    days = (BEGIN_MS + SPAN_MS * step // (MONTHS * 4) for step in range(MONTHS * 4 + 1))
    return {month: month_key(month) for month in sorted({month_of(day) for day in days})}


@dataclass
class _Packed:
    """A facts document as it is stored, and its digest."""

    data: bytes
    digest: str


@dataclass
class Part:
    """The rows from one place to another of a trail of a given size."""

    first: int
    end: int
    size: int
    seed: int = 7
    records: list[bytes] = field(default_factory=list)
    index: list[bytes] = field(default_factory=list)
    blocks: set[tuple[int, int]] = field(default_factory=set)

    def chunks(self, *, rows: int) -> Iterator[tuple[bytes, bytes]]:
        """Yield COPY data for record and blind_index, some thousand records at a time; `blocks` is whole after it."""
        self._chance = random.Random(self.seed + self.first)  # noqa: S311 - a bench's rows, no keys
        self._facts: dict[str, _Packed] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._place, self._month = self.first, ""
        while self._place < self.end:
            self._exchange()
            if len(self.records) >= rows:
                yield self._taken()
        yield self._taken()

    def block_rows(self) -> bytes:
        """Return COPY data for term_block; a part begins and ends with a block."""
        return b"".join(_BLOCK.pack(2, 4, term, 4, block) for term, block in sorted(self.blocks))

    def _taken(self) -> tuple[bytes, bytes]:
        taken = b"".join(self.records), b"".join(self.index)
        self.records.clear()
        self.index.clear()
        return taken

    def _exchange(self) -> None:
        """Make the events of one request, or once in a while a change or a reading."""
        chance = self._chance.random
        if self._place == 0:
            self._event(Kind.EPOCH, {}, {"format": 1})
        if chance() < 0.002:
            self._event(Kind.ACCESS, {"code": "query", "client": "console"}, {"results": 3}, user="officer.kim")
        if chance() < 0.0004:
            code = self._chance.choice(("policy_reloaded", "client_added", "gateway_started"))
            self._event(Kind.OPERATION, {"code": code, "client": "gateway", "policy": self._policy()}, {"pinned": True})
        shared = {
            "client": self._chance.choice(_CLIENTS),
            "tenant": "site",
            "task": self._chance.choice(_TASKS),
            "purpose": "BTG" if chance() < 0.001 else self._chance.choice(("TREAT", "TREAT", "HPAYMT")),
        }
        people = {
            "exchange": f"ex_{self._chance.getrandbits(128):032x}",
            "user": SERVICE if chance() < 0.3 else f"user-{self._chance.randrange(USERS)}",
            "patients": self._patients(),
        }
        self._events(shared, people)

    def _events(self, shared: dict[str, str], people: dict[str, object]) -> None:
        chance = self._chance.random()
        managed = 2 + (self._chance.random() < 0.3) if self._chance.random() < 0.02 else 0
        decided = {**shared, "policy": self._policy(), "model": self._model(), "route": _ROUTES[managed]}
        self._event(Kind.INTENT, shared, {"surface": "tasks"}, **people)
        denied = chance < 0.005
        decision = "denied" if denied else "allowed"
        permitted = {**shared, "policy": self._policy(), "code": "use_task", "decision": decision}
        self._event(Kind.DECISION, permitted, {"allowed": not denied, "reasons": ["An operator decided."]}, **people)
        if denied:
            refused = {**shared, "policy": self._policy(), "outcome": "refused", "code": "too_busy"}
            self._event(Kind.OUTCOME, refused, {"elapsed_ms": 3}, **people)
            return
        self._event(Kind.DECISION, {**decided, "code": "route", "decision": "allowed"}, {"evidence": "meets"}, **people)
        if managed:
            agreement = self._chance.choice(AGREEMENTS)
            sent = {"agreement": agreement, "kinds": ["name", "date"], "counts": ["name=1", "date=2"], "bytes": 2000}
            self._event(Kind.DISCLOSURE, {**decided, "agreement": agreement}, sent, **people)
        self._event(Kind.RELEASE, decided, {"finish_reason": "stop"}, **people)
        if chance > 0.99999:
            return  # an orphan: one exchange in a hundred thousand
        outcome = "failed" if chance > 0.99 else "cancelled" if chance > 0.985 else "answered"
        self._event(Kind.OUTCOME, {**decided, "outcome": outcome}, {"elapsed_ms": 900}, **people)

    def _patients(self) -> tuple[str, ...]:
        chance = self._chance.random()
        if chance < 0.1:
            return (f"MRN-H{self._chance.randrange(HEAVY)}",)
        first = f"MRN-{self._chance.randrange(PATIENTS)}"
        return (first, f"MRN-{self._chance.randrange(PATIENTS)}") if chance > 0.95 else (first,)

    def _policy(self) -> str:
        return POLICIES[self._place * len(POLICIES) // self.size % len(POLICIES)]

    def _model(self) -> str:
        return MODELS[self._place * len(MODELS) // self.size % len(MODELS)]

    def _event(
        self,
        kind: Kind,
        terms: dict[str, str],
        facts: dict[str, object],
        *,
        exchange: str = "",
        user: str = "",
        patients: tuple[str, ...] = (),
    ) -> None:
        """Add one record with its index and block rows."""
        if self._place >= self.end:
            return
        place = self._place
        self._place = place + 1
        time_ms = BEGIN_MS + SPAN_MS * place // self.size
        self._turn(time_ms)
        document = self._document(terms.get("client", ""), facts)
        event_id = f"ev_{self._chance.getrandbits(128):032x}"
        names = sorted({self._name("patient", patient) for patient in patients})
        who, client = self._name("user", user), self._name("client", terms.get("client", ""))
        members = {
            **{name: value for name, value in terms.items() if name in COLUMNS},
            "client": client,
            "exchange": exchange,
            "facts": document.digest,
            "id": event_id,
            "kind": kind.value,
            "month": self._month,
            "origin": ORIGIN,
            "patients": names,
            "time": time_ms,
            "user": who,
            "v": 1,
        }
        leaf = _ENCODE({"seq": place, **{name: value for name, value in members.items() if value}}).encode()
        numbers = {member: TERMS[member, value] for member, value in {**terms, "kind": kind.value}.items()}
        self.blocks.update((number, place // BLOCK_RECORDS) for number in numbers.values())
        self.index += [_INDEX.pack(2, 16, bytes.fromhex(name), 8, place) for name in {*names, who} if name]
        ids = (exchange.encode(), event_id.encode())
        self.records.append(_record((place, time_ms), ids, numbers, (pack(leaf), document.data)))

    def _turn(self, time_ms: int) -> None:
        month = month_of(time_ms)
        if month != self._month:
            self._month, self._key = month, month_key(month)
            self._names.clear()

    def _name(self, label: str, value: str) -> str:
        """Return the commitment of a person or client in the current month."""
        known = self._names.get((label, value))
        if known is None:
            known = self._names[label, value] = getattr(self._key, label)(value) if value else ""
        return known

    def _document(self, client: str, facts: dict[str, object]) -> _Packed:
        name = f"{client}{facts}"
        known = self._facts.get(name)
        if known is None:
            data = facts_document(Event(kind=Kind.INTENT, client=client, facts=facts))  # type: ignore[arg-type]
            known = self._facts[name] = _Packed(pack(data), hashlib.sha256(data).hexdigest())
        return known


def _record(
    numbers: tuple[int, int], ids: tuple[bytes, bytes], terms: dict[str, int], documents: tuple[bytes, bytes]
) -> bytes:
    """Return one row of the record table in COPY's form."""
    exchange, event_id = ids
    return b"".join(
        (
            _RECORD_FIELDS,
            struct.pack("!iqiq", 8, numbers[0], 8, numbers[1]),
            _bytes(exchange) if exchange else _NULL,
            _bytes(event_id),
            *(struct.pack("!ii", 4, terms[name]) if name in terms else _NULL for name in COLUMNS),
            _bytes(os.urandom(32 * (1 + (numbers[0] & 1)))),
            *map(_bytes, documents),
            _NULL,
            _NULL,
        )
    )


def _bytes(value: bytes) -> bytes:
    return struct.pack("!i", len(value)) + value
