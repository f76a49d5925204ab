"""What one event of the trail is, before it is sealed and after (FORMAT.md "Records").

An `Event` is what a program asks the recorder to remember; it may hold PHI and lives in memory only.
"""

from dataclasses import dataclass, field
from enum import StrEnum


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
