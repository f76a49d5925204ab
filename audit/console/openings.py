"""Approvals and openings at the console: the same steps as at the command line, by officers over HTTPS.

The process holds the custodian's keys only while it opens; where the root needs a person's passphrase, bodies are
opened at the command line, and the answer here says so.  Each step is recorded before it counts.
"""

import time
from collections.abc import Callable
from functools import cache, partial

from audit.approvals import Act, Approvals, Desk, approval_view
from audit.console.reading import PROGRAM, checked_name
from audit.keyring import Custodian, open_custodian
from audit.officers import Officer
from audit.opening import Keys, Opening, opened_view, subject_of
from audit.permission import Permissions
from audit.places import Places
from audit.query import Reader
from audit.record import Event
from audit.retention import destroyed_sentence
from audit.rows import Rows
from audit.view import reasons_of


class Openings:
    """What officers may open together, on one trail."""

    def __init__(self, places: Places, *, record: Callable[[Event], None]) -> None:
        """Take the trail's places and what makes an event durable."""
        self._places = places
        self._record = record
        self._approvals = Approvals(places.custodian / "approvals")

    def approvals(self) -> dict[str, object]:
        """Return every approval; who asked and for what is known to every officer of the trail."""
        now_ms = _now_ms()
        return {"approvals": [approval_view(each, now_ms=now_ms) for each in self._approvals.entries()]}

    def request(self, officer: Officer, action: Act, subject: str, *, case: str) -> dict[str, str]:
        """Ask for an approval.  Raises PermissionDeniedError, ApprovalError or AppendError."""
        now_ms = _now_ms()
        made = self._desk().request(action, subject, case=case, officer=officer, now_ms=now_ms)
        return approval_view(made, now_ms=now_ms)

    def approve(self, officer: Officer, approval_id: str) -> dict[str, str]:
        """Approve what another officer asked for.  Raises PermissionDeniedError, ApprovalError or AppendError."""
        now_ms = _now_ms()
        return approval_view(self._desk().approve(approval_id, officer=officer, now_ms=now_ms), now_ms=now_ms)

    def open(self, officer: Officer, name: str, *, approval_id: str) -> dict[str, object]:
        """Open the bodies of an exchange.  Raises ApprovalError, OpenError, VerificationError or AppendError."""
        opening = Opening(
            officer=officer,
            approval_id=approval_id,
            approvals=self._approvals,
            program=PROGRAM,
            record=self._record,
            now_ms=_now_ms(),
        )
        with Rows.open(self._places.readers) as rows:
            reader = Reader(rows)
            entries = reader.look_up(checked_name(name))
            bodies = opening.open(reader, entries, keys=self._keys(reader))
        return {
            "exchange": subject_of(entries),
            "approval": approval_id,
            "reasons": reasons_of(entries),
            "events": [opened_view(entry, bodies) for entry in entries],
        }

    def _desk(self) -> Desk:
        permissions = Permissions.load(self._places.settings.policies)
        return Desk(self._approvals, permissions=permissions, record=self._record)

    def _keys(self, reader: Reader) -> Keys:
        @cache
        def custodian() -> Custodian:
            return open_custodian(self._places.custodian)

        return Keys(
            secrets=lambda month: custodian().secrets(month),
            destroyed=partial(destroyed_sentence, self._places, reader=reader),
        )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
