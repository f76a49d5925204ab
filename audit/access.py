"""Every reading of the trail is an event of the trail (45 CFR 164.312(b)): who asked, for what, how much was found.

The event names the asked patient as every event does, by keyed commitment, so "who looked this patient up" is a
question that the trail answers.  What was asked stands in its facts without any name, and as a keyed digest.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from audit.canonical import encode
from audit.keyring import IndexKey
from audit.question import Question
from audit.record import Event, Kind, Receipt
from audit.recorder.client import RecorderClient

QUERY = "query"
"""Code of a question."""

SHOW = "show"
"""Code of looking at one exchange or event."""

RECEIPT = "receipt"
"""Code of issuing a receipt."""

BODY_OPENED = "body_opened"
"""Code of opening sealed bodies; durable before the first one is shown."""

BODIES_CHECKED = "bodies_checked"
"""Code of a verification that opens bodies without showing them."""

EXPORT = "export"
"""Code of writing an evidence bundle; its facts hold the digest of what left."""

FEED = "feed"
"""Code of handing records to another system: CSV, FHIR, OCSF, CEF."""

APPROVAL_REQUESTED = "approval_requested"
"""Code of an officer's asking for a second person's approval; durable before the request exists."""

APPROVAL_GIVEN = "approval_given"
"""Code of a second officer's approval; durable before it counts."""

DENIED = "denied"
"""Code of an officer's attempt at what the policy does not let this officer do."""

ROOT_ROTATED = "root_rotated"
"""Operation: the custodian root was made anew and every month wrapped under it."""

PASSPHRASE_CHANGED = "passphrase_changed"  # noqa: S105  # the name of an operation
"""Operation: another passphrase opens the same root."""

ROOT_MOVED = "root_moved"
"""Operation: the root stands under another protector (passphrase, PKCS#11, TPM)."""

MONTHS_PREPARED = "months_prepared"
"""Operation: key pairs of coming months were made."""

MONTH_DESTROYED = "month_destroyed"
"""Operation: a month's keys are about to be destroyed; its facts say under which approval and case."""

LEGAL_HOLD = "legal_hold"
"""Operation: a month's keys may not be destroyed for now."""

LEGAL_HOLD_RELEASED = "legal_hold_released"
"""Operation: a hold ended."""

OFFICER_ADDED = "officer_added"
"""Operation: somebody got an officer's key."""

OFFICER_ROLES = "officer_roles"
"""Operation: an officer's roles changed."""

OFFICER_REVOKED = "officer_revoked"
"""Operation: an officer's key ended."""

TRAIL_RESTORED = "trail_restored"
"""Operation: a trail from the backup goes on as a new epoch."""

_DOMAIN = b"audit/1/query\n"


class Recorder(Protocol):
    """The part of `RecorderClient` that is needed here."""

    async def append(self, event: Event) -> Receipt:
        """Record one event and return once it is durable.  Raises AppendError."""
        ...


def asked(question: Question, *, operator: str, program: str, results: int, key: IndexKey | None) -> Event:
    """Return the event of a question and the number of rows that answered it."""
    digest = {"query": key.body(_DOMAIN + _normalised(question))} if key else {}
    return Event(
        kind=Kind.ACCESS,
        code=QUERY,
        client=program,
        user=operator,
        patients=question.patients,
        facts={**question.described(), **digest, "results": results},
    )


def looked(code: str, *, operator: str, program: str, name: str, sequences: Iterable[int]) -> Event:
    """Return the event of reading one exchange or event, and which records of it."""
    return Event(
        kind=Kind.ACCESS,
        code=code,
        client=program,
        user=operator,
        facts={"read": name, "records": [str(sequence) for sequence in sequences]},
    )


async def record_access(socket: Path, event: Event) -> Receipt:
    """Make one access durable through the recorder on its socket.  Raises AppendError if it is not."""
    client = RecorderClient(socket)
    try:
        return await client.append(event)
    finally:
        await client.aclose()


def _normalised(question: Question) -> bytes:
    return encode({**question.described(), "patients": list(question.patients), "user": question.user})
