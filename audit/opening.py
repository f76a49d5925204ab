"""Opening sealed bodies: one officer asks, another approves, the first opens, and the trail knows each step first.

1. the approval is given, in time, unspent, for exactly these records, and asked for by the officer who opens; 2. every
body is opened in memory, so that one that does not open is known before anything is recorded as shown; 3. the opening
is recorded, durably, with the patients whose text it is; 4. the approval is spent.  Only then is anything returned.  A
caller MUST show nothing when this raises.  A month whose keys were destroyed is no error: its sentence takes the place
of the body, and where nothing could be opened the approval is not spent.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from audit.access import BODY_OPENED, SHOW, looked
from audit.approvals import Act, Approval, Approvals
from audit.envelope import Opened, open_sealed
from audit.errors import ApprovalError, OpenError
from audit.keyring import MonthSecrets
from audit.officers import Officer
from audit.query import Entry, Reader
from audit.record import Event
from audit.view import entry_view

MAX_PATIENTS = 256
"""As many as one event can name (`recorder.messages.MAX_PATIENTS`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What opens months, and what is known of those that nothing opens any more."""

    secrets: Callable[[str], MonthSecrets]
    """Gives a month's secrets or raises OpenError."""

    destroyed: Callable[[str], str | None]
    """Gives the sentence about a destroyed month: when, by whom, under which case; None for every other."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Bodies:
    """What was opened and what never can be; it has no repr: that could put PHI into a log."""

    opened: Mapping[int, Opened]
    """By sequence number."""

    destroyed: Mapping[int, str]
    """By sequence number: the sentence that says when and under which case the key went."""


def opened_view(entry: Entry, bodies: Bodies) -> dict[str, object]:
    """Return an event as `entry_view` does, with its people and its text where it was opened."""
    shown = entry_view(entry)
    sentence = bodies.destroyed.get(entry.leaf.sequence)
    if sentence is not None:
        return {**shown, "body_destroyed": sentence}
    opened = bodies.opened.get(entry.leaf.sequence)
    if opened is None:
        return shown
    body = opened.body.decode("utf-8", "replace") if opened.body is not None else ""
    return {**shown, "user": opened.user, "patients": list(opened.patients), "body": body}


def subject_of(entries: Sequence[Entry]) -> str:
    """Return what an approval must name to open these records: their exchange, or the one event without any."""
    leaf = entries[0].leaf
    return leaf.exchange_id or leaf.event_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One officer's use of one approval."""

    officer: Officer
    approval_id: str
    approvals: Approvals
    program: str
    """Client of the record: the console or the command."""

    record: Callable[[Event], None]
    """Makes an event durable or raises AppendError."""

    now_ms: int

    def open(self, reader: Reader, entries: Sequence[Entry], *, keys: Keys) -> Bodies:
        """Return the bodies of these records.  Raises ApprovalError, OpenError, VerificationError or AppendError."""
        approval = self._approval(subject_of(entries))  # (1)
        sealed = [entry for entry in entries if entry.has_body]
        sentences = {month: keys.destroyed(month) for month in sorted({entry.leaf.month for entry in sealed})}
        secrets = {month: keys.secrets(month) for month, sentence in sentences.items() if sentence is None}
        bodies = Bodies(  # (2)
            opened={
                entry.leaf.sequence: _open_one(reader, entry, secrets[entry.leaf.month])
                for entry in sealed
                if entry.leaf.month in secrets
            },
            destroyed={
                entry.leaf.sequence: sentence
                for entry in sealed
                if (sentence := sentences[entry.leaf.month]) is not None
            },
        )
        self.record(self._event(approval, entries, bodies))  # (3)
        if bodies.opened:
            self.approvals.spend(approval.id)  # (4)
        return bodies

    def _approval(self, subject: str) -> Approval:
        approval = self.approvals.check(self.approval_id, action=Act.OPEN_BODY, subject=subject, now_ms=self.now_ms)
        if approval.requested_by != self.officer.name:
            raise ApprovalError(f"Approval {approval.id} is another officer's; only who asked may use it.")
        return approval

    def _event(self, approval: Approval, entries: Sequence[Entry], bodies: Bodies) -> Event:
        """Name the patients as every event does, so that "who opened this patient's text" is a question."""
        event = looked(
            BODY_OPENED if bodies.opened else SHOW,
            operator=self.officer.name,
            program=self.program,
            name=approval.subject,
            sequences=bodies.opened or [entry.leaf.sequence for entry in entries],
        )
        patients = sorted({patient for opened in bodies.opened.values() for patient in opened.patients})
        return replace(event, patients=tuple(patients[:MAX_PATIENTS]), facts={**event.facts, **approval.facts()})


def _open_one(reader: Reader, entry: Entry, secrets: MonthSecrets) -> Opened:
    body = reader.sealed(entry.leaf.sequence)
    if body is None:
        raise OpenError(f"the sealed body of record {entry.leaf.sequence} is damaged; run 'audit verify'.")
    return open_sealed(entry.leaf, wrapped_key=body.wrapped_key, ciphertext=body.ciphertext, keys=secrets)
