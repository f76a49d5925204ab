"""An event on its way into the tree: sealed, its people turned into commitments, its place not yet known.

Everything that costs time and may fail for one event alone happens here, before the event joins a batch; what is
left for the writer is arithmetic.  Identity is the random event id, so a body is sealed before its place is known.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.hpke import MLKEM768X25519PublicKey

from audit.envelope import Sealed, identity_of, needs_seal, seal
from audit.keyring.months import IndexKey
from audit.record import Event, Kind, Leaf, facts_document

_Names = tuple[str, str, tuple[str, ...]]
"""Client, user and patients of an event."""

_Commitments = tuple[str, str, tuple[str, ...]]
"""The same, keyed."""

EVENT_ID_BYTES = 16
"""Random bytes of an event id: 128 bits never repeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthKeys:
    """What the recorder holds of one month."""

    month: str
    public: MLKEM768X25519PublicKey
    index: IndexKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One event, ready for a place."""

    event: Event
    event_id: str
    month: str

    client: str = ""
    user: str = ""
    patients: tuple[str, ...] = ()
    facts: bytes
    facts_digest: str
    sealed: Sealed | None = None

    @property
    def index_values(self) -> tuple[bytes, ...]:
        """The blind index values of the people in it, without repeats."""
        people = (*self.patients, self.user) if self.user else self.patients
        return tuple(bytes.fromhex(value) for value in people)

    @property
    def size_bytes(self) -> int:
        """About how much memory it takes while it waits."""
        return len(self.facts) + (len(self.sealed.ciphertext) if self.sealed else 0)

    def leaf(self, *, origin: str, sequence: int, time_ms: int, skew_ms: int, previous: str) -> Leaf:
        """Return the leaf of this event at a place."""
        event, sealed = self.event, self.sealed
        return Leaf(
            origin=origin,
            sequence=sequence,
            event_id=self.event_id,
            kind=event.kind,
            time_ms=time_ms,
            month=self.month,
            exchange_id=event.exchange_id,
            client=self.client,
            user=self.user,
            patients=self.patients,
            tenant=event.tenant,
            task=event.task,
            purpose=event.purpose,
            route=event.route,
            outcome=event.outcome,
            code=event.code,
            policy_digest=event.policy_digest,
            model=event.model,
            previous=previous,
            facts_digest=self.facts_digest,
            cipher_digest=sealed.cipher_digest if sealed else "",
            plain_commitment=sealed.plain_commitment if sealed else "",
            skew_ms=skew_ms,
        )


def submit_all(events: Sequence[Event], *, origin: str, keys: MonthKeys) -> list[Submission]:
    """Prepare the events of one call.  Raises SealError or FormatError, and then nothing was recorded."""
    known: dict[_Names, _Commitments] = {}
    return [_submit(event, origin=origin, keys=keys, known=known) for event in events]


def submit(event: Event, *, origin: str, keys: MonthKeys) -> Submission:
    """Seal an event and commit to its people.  Raises SealError or FormatError, and then nothing was recorded."""
    return _submit(event, origin=origin, keys=keys, known={})


def _submit(event: Event, *, origin: str, keys: MonthKeys, known: dict[_Names, _Commitments]) -> Submission:
    """Prepare one event.  The events of a call mostly name the same people: `known` holds theirs for that long."""
    event_id = _new_event_id()
    facts = facts_document(event)
    sealed = None
    if needs_seal(event):
        identity = identity_of(
            origin=origin, month=keys.month, event_id=event_id, kind=event.kind.value, exchange_id=event.exchange_id
        )
        sealed = seal(event, identity=identity, event_id=event_id, public=keys.public, index=keys.index)
    names = (event.client, event.user, event.patients)
    if names not in known:
        known[names] = _commit(names, keys.index)
    client, user, patients = known[names]
    return Submission(
        event=event,
        event_id=event_id,
        month=keys.month,
        client=client,
        user=user,
        patients=patients,
        facts=facts,
        facts_digest=hashlib.sha256(facts).hexdigest(),
        sealed=sealed,
    )


def _commit(names: _Names, index: IndexKey) -> _Commitments:
    client, user, patients = names
    return (
        index.client(client) if client else "",
        index.user(user) if user else "",
        tuple(sorted({index.patient(patient) for patient in patients})),
    )


def epoch(*, month: str, going_on: Mapping[str, str | int] | None = None) -> Submission:
    """Return the first event of a tree, which names what it goes on from after a restore; it needs no month keys."""
    event = Event(kind=Kind.EPOCH, facts={"format": 1, **(going_on or {})})
    facts = facts_document(event)
    return Submission(
        event=event,
        event_id=_new_event_id(),
        month=month,
        facts=facts,
        facts_digest=hashlib.sha256(facts).hexdigest(),
    )


def _new_event_id() -> str:
    return f"ev_{secrets.token_hex(EVENT_ID_BYTES)}"
