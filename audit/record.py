"""What one event of the trail is, before it is sealed and after (FORMAT.md "Records").

An `Event` is what a program asks the recorder to remember; it may hold PHI and lives in memory only.
A `Leaf` is what the tree remembers of it; it MUST NOT hold PHI, nor a plain hash of PHI.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any, Literal, Self

from audit.canonical import Value, decode, encode
from audit.errors import FormatError


class Kind(StrEnum):
    """The kinds of events; the list only grows."""

    INTENT = "intent"
    """A request was received and is about to be handled; its body is sealed."""

    DECISION = "decision"
    """What policy and routing decided, with the reasons."""

    DISCLOSURE = "disclosure"
    """Bytes are about to leave for a managed API (45 CFR 164.528)."""

    RELEASE = "release"
    """An answer is about to go to the caller."""

    OUTCOME = "outcome"
    """How the exchange ended: answered, refused, failed, cancelled or incomplete."""

    OPERATION = "operation"
    """Policy, model, keys, clients or routes changed, or a process started with them."""

    ACCESS = "access"
    """Somebody read the trail."""

    EPOCH = "epoch"
    """First leaf of a tree: names the origin, and the old head after a restore."""


class Outcome(StrEnum):
    """How an exchange ended; the list only grows."""

    ANSWERED = "answered"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """The caller hung up."""

    INCOMPLETE = "incomplete"
    """A part of an answer reached the caller and the rest never will."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing to be remembered; empty strings mean "does not apply"."""

    kind: Kind
    exchange_id: str = ""
    """Joins the events of one request; empty for operations and accesses."""

    client: str = ""
    """Client id of the calling integration, or the program or operator of an operation."""

    user: str = ""
    """The person acting; leaves and indexes hold keyed commitments of it only."""

    patients: tuple[str, ...] = ()
    """Record numbers; leaves and indexes hold keyed commitments of them only."""

    tenant: str = ""
    task: str = ""
    purpose: str = ""
    route: str = ""
    """``local``, ``managed:<provider>``, ``refused``; empty before routing."""

    outcome: str = ""
    """An `Outcome` value, on outcome events only."""

    code: str = ""
    """Stable error code on refusals and failures; name of the operation on operations."""

    policy_digest: str = ""
    """64 hex digits."""

    model: str = ""
    """``name@sha256:digest``."""

    request_id: str = ""
    trace_id: str = ""

    facts: dict[str, str | int | bool | list[str]] = field(default_factory=dict)
    """Non-PHI details kept readable beside the leaf and bound by it: reasons, kinds and counts of findings,
    tokens, milliseconds, digests."""

    body: bytes | None = None
    """What is sealed to the month's public key: the request, the answer.  None when there is nothing to seal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The recorder's signed statement that an event is durable at this place of the trail."""

    origin: str
    sequence: int
    leaf_hash: bytes
    """32 bytes, RFC 6962 leaf hash."""

    compact: str
    """What callers get in ``Appliance-Receipt``: payload and Ed25519 signature, printable ASCII, under 1 KiB."""


Receipts = Literal["all", "last", "none"]
"""Which events of an append get a signed receipt.  Signing costs more than a leaf: ask for those that are used."""

VERSION = 1
"""Version of the leaf.  Fields are only ever added; a new number means that an old field changed its meaning."""

INDEX_BYTES = 16
"""Length of a keyed commitment of client, user or patient: 128 bits, so two people never share one by chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """What the tree remembers of one event: names, numbers and commitments, never text of a patient.

    Empty fields are absent from the bytes.  FORMAT.md "Leaf" is the table of these fields.
    """

    origin: str
    sequence: int
    """Place in the tree, from 0, without gaps."""

    event_id: str
    """``ev_`` and 32 hex digits, chosen at random before the place is known; seals bind it."""

    kind: Kind
    time_ms: int
    """Milliseconds since 1970 UTC; never less than the record before."""

    month: str
    """Key period, ``YYYY-MM``: which month's keys made the commitments and the seal."""

    exchange_id: str = ""
    client: str = ""
    """Keyed commitment, 32 hex digits."""

    user: str = ""
    """Keyed commitment, 32 hex digits."""

    patients: tuple[str, ...] = ()
    """Keyed commitments, 32 hex digits each, sorted, without repeats."""

    tenant: str = ""
    task: str = ""
    purpose: str = ""
    route: str = ""
    outcome: str = ""
    code: str = ""
    policy_digest: str = ""
    model: str = ""
    previous: str = ""
    """Event id of the record before in the same exchange."""

    facts_digest: str
    """SHA-256 of the readable facts document that lies beside the leaf, 64 hex digits."""

    cipher_digest: str = ""
    """SHA-256 of the ciphertext, 64 hex digits; empty when nothing was sealed."""

    plain_commitment: str = ""
    """Keyed commitment of the sealed plaintext, 64 hex digits."""

    skew_ms: int = 0
    """How far the machine's clock stood behind the record before; 0 unless the clock was set back."""

    def to_bytes(self) -> bytes:
        """Return the canonical bytes that the tree hashes."""
        members = zip(_LEAF_KEYS.values(), _members_of(self), strict=True)
        fields: dict[str, Value] = {key: value for key, value in members if value or key in _ALWAYS_KEYS}
        fields["v"] = VERSION
        return encode(fields)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a leaf; unknown fields are newer and ignored.  Raises FormatError for anything that is no leaf."""
        fields = decode(data)
        if fields.get("v") != VERSION:
            raise FormatError(f"leaf: version {fields.get('v')!r} is not {VERSION}; use the release that wrote it")
        values = {name: fields[key] for name, key in _LEAF_KEYS.items() if key in fields}
        for name, value in values.items():
            _check_field(name, value)
        if missing := sorted(_LEAF_KEYS[name] for name in _ALWAYS - values.keys()):
            raise FormatError(f"leaf: the fields {', '.join(missing)} are missing")
        return cls(**_typed(values))


_LEAF_KEYS = {
    "origin": "origin",
    "sequence": "seq",
    "event_id": "id",
    "kind": "kind",
    "time_ms": "time",
    "month": "month",
    "exchange_id": "exchange",
    "client": "client",
    "user": "user",
    "patients": "patients",
    "tenant": "tenant",
    "task": "task",
    "purpose": "purpose",
    "route": "route",
    "outcome": "outcome",
    "code": "code",
    "policy_digest": "policy",
    "model": "model",
    "previous": "prev",
    "facts_digest": "facts",
    "cipher_digest": "cipher",
    "plain_commitment": "plain",
    "skew_ms": "skew",
}
"""Field of `Leaf` to member of the canonical object.  This table only grows."""

_ALWAYS = frozenset({"origin", "sequence", "event_id", "kind", "time_ms", "month", "facts_digest"})
"""Members that every leaf has, even when 0."""

_ALWAYS_KEYS = frozenset(_LEAF_KEYS[name] for name in _ALWAYS)
"""The same members by their names in the canonical object."""

_members_of = attrgetter(*_LEAF_KEYS)
"""Reads all fields of a leaf at once, in the table's order."""

_KINDS = frozenset(Kind)
"""Kinds by value: what a leaf's kind may be."""

_NUMBERS = frozenset({"sequence", "time_ms", "skew_ms"})
"""Members that are whole numbers, not below 0."""


def facts_document(event: Event) -> bytes:
    """Return the readable document beside the leaf, bound by its digest; it holds no PHI."""
    fields: dict[str, Value] = {
        "client": event.client,
        "request_id": event.request_id,
        "trace_id": event.trace_id,
        "facts": event.facts,
    }
    return encode({name: value for name, value in fields.items() if value})


def read_facts(data: bytes) -> dict[str, Value]:
    """Return the readable document beside the leaf.  Raises FormatError if it is not canonical."""
    return decode(data)


def month_of(time_ms: int) -> str:
    """Return the key period ``YYYY-MM`` in which a moment falls, in UTC."""
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    return f"{moment.year:04d}-{moment.month:02d}"


def _check_field(name: str, value: Value) -> None:
    if name in _NUMBERS:
        valid = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    elif name == "patients":
        valid = isinstance(value, list) and all(isinstance(item, str) for item in value)
    elif name == "kind":
        valid = isinstance(value, str) and value in _KINDS
    else:
        valid = isinstance(value, str)
    if not valid:
        raise FormatError(f"leaf: the field {_LEAF_KEYS[name]} has the wrong form")


def _typed(values: dict[str, Any]) -> dict[str, Any]:
    """Give checked members their Python types."""
    typed = {**values, "kind": Kind(values["kind"])}
    if "patients" in typed:
        typed["patients"] = tuple(typed["patients"])
    return typed


def metadata(leaf: Leaf, facts: bytes) -> dict[str, Value]:
    """Return what may be shown of a record without any key: readable members, never a commitment or a body."""
    document = read_facts(facts)
    return {
        "sequence": leaf.sequence,
        "event_id": leaf.event_id,
        "kind": leaf.kind.value,
        "time_ms": leaf.time_ms,
        "exchange_id": leaf.exchange_id,
        "client": document.get("client", ""),
        "tenant": leaf.tenant,
        "task": leaf.task,
        "purpose": leaf.purpose,
        "route": leaf.route,
        "outcome": leaf.outcome,
        "code": leaf.code,
        "policy_digest": leaf.policy_digest,
        "model": leaf.model,
        "request_id": document.get("request_id", ""),
        "trace_id": document.get("trace_id", ""),
        "facts": document.get("facts", {}),
        "sealed": bool(leaf.cipher_digest),
        "skew_ms": leaf.skew_ms,
    }
