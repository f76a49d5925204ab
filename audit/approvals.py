"""A second officer's approval, without which nobody opens a body, destroys a month or lets anything leave.

``HOME/custodian/approvals/`` holds up to three files an approval, each written whole, once, and never changed:
``ID.requested.json``, ``ID.given.json`` and ``ID.spent.json``.  Who approves is never who asked.  An approval is for
one act on one subject, ends by itself, and is spent once; two programs cannot spend the same one, because only one of
them can make the file.  The proof is the trail and not this folder: `Desk` records each step before it counts, and the
act itself names the approval in its own record.  Nothing here may hold a patient's name: a case number and ids only.
"""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from audit.access import APPROVAL_GIVEN, APPROVAL_REQUESTED
from audit.canonical import Value
from audit.errors import AppendError, ApprovalError, FormatError
from audit.keyring.files import make_folder, member_number, member_text, read_document, write_document
from audit.officers import Officer
from audit.permission import Permissions, Right
from audit.record import Event, Kind
from audit.view import to_time

WAIT_MS = 7 * 24 * 3600 * 1000
"""A request that nobody approved within a week lapses."""

GOOD_MS = 24 * 3600 * 1000
"""An approval is used within a day: long enough for two shifts, too short to be forgotten in a drawer."""

MAX_ENTRIES = 10_000
"""Approvals in one folder; an office makes a few a week, and more is not ours."""

ID_PATTERN = r"^ap_[0-9a-f]{32}$"
"""Form of an approval's id."""

CASE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._/#:-]{0,63}$"
"""Form of a case number."""

SUBJECT_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._/:+-]{0,127}$"
"""Form of what an approval is for."""

_ID, _CASE, _SUBJECT = (re.compile(pattern, re.ASCII) for pattern in (ID_PATTERN, CASE_PATTERN, SUBJECT_PATTERN))
_REQUESTED, _GIVEN, _SPENT = "requested", "given", "spent"


class Act(StrEnum):
    """What needs a second person; the list only grows."""

    OPEN_BODY = "open_body"
    """Open the sealed bodies of one exchange; its id is the subject."""

    DESTROY_MONTH = "destroy_month"
    """Destroy the keys of one month; ``YYYY-MM`` is the subject."""

    RESTORE = "restore"
    """Go on from a backup as a new epoch; the old origin is the subject."""

    EXPORT_BODIES = "export_bodies"
    """Put sealed bodies into an evidence bundle; ``FROM/TO`` or an exchange id is the subject."""

    CHANGE_REGISTER = "change_register"
    """Let requests leave under a policy bundle, whose digest is the subject, or open a provider that was closed by
    hand: ``open/PROVIDER/CLOSING``."""

    CHANGE_EXCLUSIONS = "change_exclusions"
    """Confirm that patients are excluded from leaving, or end that: ``add/BATCH/DIGEST``, ``remove/NAME/DIGEST``."""


RIGHTS: dict[Act, Right] = {
    Act.OPEN_BODY: "OpenBody",
    Act.DESTROY_MONTH: "OpenBody",
    Act.RESTORE: "ReadTrail",
    Act.EXPORT_BODIES: "OpenBody",
    Act.CHANGE_REGISTER: "ChangeRegister",
    Act.CHANGE_EXCLUSIONS: "ChangeRegister",
}
"""What both officers must be permitted.  Who may open bodies may end them; any officer of the trail may vouch for a
restore, which shows nothing and is needed in a bad hour."""

ASKED_BY: dict[str, str] = {
    Act.CHANGE_REGISTER: "appliance policy propose",
    Act.CHANGE_EXCLUSIONS: "appliance exclusion",
}
"""The command that asks for an approval, where it is not 'audit approval request'."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One request for approval, and what became of it."""

    id: str
    """``ap_`` and 32 hex digits."""

    action: Act
    subject: str
    case: str
    """The hospital's own number for the reason: a complaint, a ticket, a court's order."""

    requested_by: str
    """Name of the officer who asked, and who alone may use it."""

    approved_by: str
    """Name of the second officer; empty while nobody has approved."""

    requested_ms: int
    approved_ms: int
    """0 while nobody has approved."""

    expires_ms: int
    """First moment at which it is no good any more."""

    is_spent: bool

    def state(self, now_ms: int) -> str:
        """Return ``waiting``, ``given``, ``spent`` or ``expired``."""
        if self.is_spent:
            return "spent"
        if now_ms >= self.expires_ms:
            return "expired"
        return "given" if self.approved_by else "waiting"

    def facts(self) -> dict[str, str | int | bool | list[str]]:
        """Return what a record of the approved act says about its approval."""
        members = {
            "approval": self.id,
            "case": self.case,
            "requested_by": self.requested_by,
            "approved_by": self.approved_by,
        }
        return {name: value for name, value in members.items() if value}


def approval_view(approval: Approval, *, now_ms: int) -> dict[str, str]:
    """Return how an approval looks to a program, the same from the command line and from the console."""
    return {
        "approval": approval.id,
        "state": approval.state(now_ms),
        "action": approval.action.value,
        "subject": approval.subject,
        "case": approval.case,
        "requested_by": approval.requested_by,
        "requested": to_time(approval.requested_ms),
        "approved_by": approval.approved_by,
        "approved": to_time(approval.approved_ms) if approval.approved_ms else "",
        "expires": to_time(approval.expires_ms),
    }


def is_same_person(one: str, other: str) -> bool:
    """Say whether two names of officers are one person's: a new key, or another case of letters, makes no second."""
    return one.casefold() == other.casefold()


class Approvals:
    """The approvals in one custodian folder; every call reads the files."""

    def __init__(self, folder: Path) -> None:
        """Take the folder ``custodian/approvals``; nothing is read or made yet."""
        self._folder = folder

    def check(self, approval_id: str, *, action: Act | str, subject: str, now_ms: int) -> Approval:
        """Return the approval if it is given, in time, unspent and for exactly this; else raise ApprovalError."""
        approval = self.entry(approval_id)
        if (approval.action, approval.subject) != (action, subject):
            raise ApprovalError(
                f"Approval {approval.id} is for {approval.action} of {approval.subject}, not for this; "
                f"ask for one of its own with '{_asked_by(action)}'."
            )
        match approval.state(now_ms):
            case "given":
                return approval
            case "waiting":
                raise ApprovalError(
                    f"Approval {approval.id} waits for a second officer: 'audit approval give {approval.id}'."
                )
            case state:
                raise ApprovalError(
                    f"Approval {approval.id} is {state}; ask for a new one with '{_asked_by(approval.action)}'."
                )

    def spend(self, approval_id: str) -> None:
        """Use an approval up, durably, before the act.  Raises ApprovalError if it was spent before."""
        approval = self.entry(approval_id)
        if not write_document(self._path(approval.id, _SPENT), {"id": approval.id}):
            raise ApprovalError(
                f"Approval {approval.id} is spent; ask for a new one with '{_asked_by(approval.action)}'."
            )

    def entry(self, approval_id: str) -> Approval:
        """Return one approval whatever its state.  Raises ApprovalError if there is none."""
        if not _ID.fullmatch(approval_id) or not self._path(approval_id, _REQUESTED).exists():
            raise ApprovalError("No approval goes by this id; 'audit approval list' shows them.")
        approval = self._requested(approval_id)
        if self._path(approval_id, _GIVEN).exists():
            approval = self._given(approval)
        return replace(approval, is_spent=self._path(approval_id, _SPENT).exists())

    def entries(self) -> tuple[Approval, ...]:
        """Return every approval, the newest request first."""
        names = sorted(path.name.split(".")[0] for path in self._folder.glob(f"ap_*.{_REQUESTED}.json"))
        found = (self.entry(name) for name in names[:MAX_ENTRIES])
        return tuple(sorted(found, key=lambda each: (-each.requested_ms, each.id)))

    def write_request(self, approval: Approval) -> None:
        """Keep a request; use `Desk.request`, which records it first."""
        members: dict[str, Value] = {
            "id": approval.id,
            "action": approval.action.value,
            "subject": approval.subject,
            "case": approval.case,
            "by": approval.requested_by,
            "time": approval.requested_ms,
            "expires": approval.expires_ms,
        }
        make_folder(self._folder)
        write_document(self._path(approval.id, _REQUESTED), members)

    def write_given(self, approval: Approval) -> None:
        """Keep an approval; use `Desk.approve`.  Raises ApprovalError if somebody was faster."""
        members: dict[str, Value] = {
            "id": approval.id,
            "by": approval.approved_by,
            "time": approval.approved_ms,
            "expires": approval.expires_ms,
        }
        if not write_document(self._path(approval.id, _GIVEN), members):
            raise ApprovalError(f"Approval {approval.id} was given already.")

    def _requested(self, approval_id: str) -> Approval:
        path = self._path(approval_id, _REQUESTED)
        members = _read(path, approval_id)
        try:
            action = Act(member_text(members, "action", path))
        except ValueError as error:
            raise FormatError(f"{path}: the action is not known; use the release that wrote it") from error
        return Approval(
            id=approval_id,
            action=action,
            subject=member_text(members, "subject", path),
            case=member_text(members, "case", path),
            requested_by=member_text(members, "by", path),
            approved_by="",
            requested_ms=member_number(members, "time", path),
            approved_ms=0,
            expires_ms=member_number(members, "expires", path),
            is_spent=False,
        )

    def _given(self, approval: Approval) -> Approval:
        path = self._path(approval.id, _GIVEN)
        members = _read(path, approval.id)
        name = member_text(members, "by", path)
        if is_same_person(name, approval.requested_by):
            raise ApprovalError(f"{path}: who asked cannot approve; it counts for nothing. Find out who wrote it.")
        return replace(
            approval,
            approved_by=name,
            approved_ms=member_number(members, "time", path),
            expires_ms=member_number(members, "expires", path),
        )

    def _path(self, approval_id: str, step: str) -> Path:
        return self._folder / f"{approval_id}.{step}.json"


class Desk:
    """Where officers ask for approvals and give them: permitted, recorded, and only then kept."""

    def __init__(self, approvals: Approvals, *, permissions: Permissions, record: Callable[[Event], None]) -> None:
        """Take the approvals, the policy, and what makes an event durable or raises AppendError."""
        self._approvals = approvals
        self._permissions = permissions
        self._record = record

    def request(self, action: Act, subject: str, *, case: str, officer: Officer, now_ms: int) -> Approval:
        """Ask for an approval.  Raises PermissionDeniedError, AppendError, or ApprovalError for a wrong form."""
        _check_form(subject, case)
        self._permissions.check(officer, RIGHTS[action])
        approval = Approval(
            id=f"ap_{secrets.token_hex(16)}",
            action=action,
            subject=subject,
            case=case,
            requested_by=officer.name,
            approved_by="",
            requested_ms=now_ms,
            approved_ms=0,
            expires_ms=now_ms + WAIT_MS,
            is_spent=False,
        )
        self._remember(APPROVAL_REQUESTED, approval, officer)
        self._approvals.write_request(approval)
        return approval

    def approve(self, approval_id: str, *, officer: Officer, now_ms: int) -> Approval:
        """Approve what another officer asked for.  Raises PermissionDeniedError, AppendError or ApprovalError."""
        approval = self._approvals.entry(approval_id)
        self._permissions.check(officer, RIGHTS[approval.action])
        if is_same_person(officer.name, approval.requested_by):
            raise ApprovalError("Who asks cannot approve; another officer with the same right does.")
        if approval.state(now_ms) != "waiting":
            raise ApprovalError(f"Approval {approval.id} is {approval.state(now_ms)}; nothing is left to approve.")
        given = replace(approval, approved_by=officer.name, approved_ms=now_ms, expires_ms=now_ms + GOOD_MS)
        self._remember(APPROVAL_GIVEN, given, officer)
        self._approvals.write_given(given)
        return given

    def agreed(self, approval_id: str, *, action: Act, officer: Officer, now_ms: int) -> Approval:
        """Return an approval of two officers for an act that either of them carries out: give it now if it waits.

        Raises PermissionDeniedError, AppendError or ApprovalError.
        """
        approval = self._approvals.entry(approval_id)
        if approval.action is not action:
            raise ApprovalError(f"Approval {approval.id} is for {approval.action}, not for this.")
        if approval.state(now_ms) == "waiting":
            return self.approve(approval_id, officer=officer, now_ms=now_ms)
        self._permissions.check(officer, RIGHTS[action])
        given = self._approvals.check(approval_id, action=action, subject=approval.subject, now_ms=now_ms)
        if officer.name not in {given.requested_by, given.approved_by}:
            raise ApprovalError(f"Approval {given.id} is of two other officers; one of them goes on with it.")
        return given

    def _remember(self, code: str, approval: Approval, officer: Officer) -> None:
        """Record a step.  A restore is asked for when the trail may take nothing; its new tree names the approval."""
        event = Event(
            kind=Kind.ACCESS,
            code=code,
            client="approvals",
            user=officer.name,
            facts={"action": approval.action.value, "subject": approval.subject, **approval.facts()},
        )
        try:
            self._record(event)
        except AppendError:
            if approval.action is not Act.RESTORE:
                raise


def _check_form(subject: str, case: str) -> None:
    if not _SUBJECT.fullmatch(subject):
        raise ApprovalError(
            "The subject is an exchange id, a month, an origin, a span, a policy digest or a change of a list; "
            "nothing else can be approved."
        )
    check_case(case)


def check_case(case: str) -> None:
    """Raise ApprovalError unless this is a case number, which names nobody."""
    if not _CASE.fullmatch(case):
        raise ApprovalError("A case number has 1 to 64 letters, digits, '.', '_', '/', '#', ':' or '-', and no name.")


def _asked_by(action: str) -> str:
    return ASKED_BY.get(action, "audit approval request")


def _read(path: Path, approval_id: str) -> dict[str, Value]:
    members = read_document(path)
    if member_text(members, "id", path) != approval_id:
        raise FormatError(f"{path} belongs to another approval; restore it from the backup")
    return members
