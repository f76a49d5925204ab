"""What the commands share that two officers give together: who they are, their approval, and errors said in words.

The approvals are those of `audit approval`, so that one list and one trail show them all.  Who approves is never who
asked, under whatever key or spelling; and somebody whose key was revoked in between counts for nobody.
"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

from appliance.config import Config
from appliance.errors import ApplianceError, ConfigError, RefusedError, audit_unavailable
from audit.approvals import Act, Approval, is_same_person
from audit.cli.duty import approvals_of, authority_of, desk_of, now_ms, officer_by
from audit.cli.trail import record_now
from audit.errors import AppendError, ApprovalError, AuditError, PermissionDeniedError
from audit.officers import Officer, Officers
from audit.places import Places, find_places
from audit.record import Event, Kind

PROGRAM = "appliance-command"
"""Client of the records that these commands make."""

_P = ParamSpec("_P")


def told(command: Callable[_P, None]) -> Callable[_P, None]:
    """Turn what the trail's own parts raise into the appliance's errors, with the same sentence."""

    @functools.wraps(command)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except AuditError as error:
            raise _told(error) from error

    return run


def places_of(config: Config) -> Places:
    """Return the trail's places as an appliance has them.  Raises SettingsError."""
    return find_places(config.home, run=config.run_of("recorder"))


def register_officer(key_file: Path | None, places: Places) -> Officer:
    """Return the officer whose key a file holds.

    Raises PermissionDeniedError, once it is recorded, unless this officer may change what leaves.
    """
    officer = officer_by(key_file, places)
    authority_of(places).check(officer, "ChangeRegister")
    return officer


def request(places: Places, action: Act, subject: str, *, case: str, officer: Officer) -> Approval:
    """Ask for a second officer's approval.  Raises PermissionDeniedError, AppendError or ApprovalError."""
    return desk_of(places).request(action, subject, case=case, officer=officer, now_ms=now_ms())


def waiting(places: Places, approval_id: str, action: Act) -> Approval:
    """Return an approval that may still be given or used for an act.  Raises ApprovalError."""
    approval = approvals_of(places).entry(approval_id)
    if approval.action is not action:
        raise ApprovalError(f"Approval {approval.id} is for {approval.action}, not for this.")
    if (state := approval.state(now_ms())) not in {"waiting", "given"}:
        raise ApprovalError(f"Approval {approval.id} is {state}; ask for a new one.")
    return approval


def agree(places: Places, approval: Approval, officer: Officer) -> Approval:
    """Return the approval as two officers have given it, who both still are.  Raises ApprovalError and as `request`."""
    _check_still(places, approval.requested_by)
    given = desk_of(places).agreed(approval.id, action=approval.action, officer=officer, now_ms=now_ms())
    _check_still(places, given.approved_by)
    return given


def spend(places: Places, approval: Approval) -> None:
    """Use an approval up.  Raises ApprovalError if it was spent before."""
    approvals_of(places).spend(approval.id)


def record(places: Places, code: str, *, officer: Officer, facts: dict[str, str | int | bool | list[str]]) -> None:
    """Make an officer's operation durable.  Raises AppendError, and then what raises exposure MUST NOT be done."""
    record_now(places.socket, operation(code, officer=officer, facts=facts))


def operation(code: str, *, officer: Officer, facts: dict[str, str | int | bool | list[str]]) -> Event:
    """Return the record of what an officer did by command."""
    return Event(kind=Kind.OPERATION, code=code, client=PROGRAM, user=officer.name, facts=facts)


def _check_still(places: Places, name: str) -> None:
    """Raise ApprovalError unless an officer of this name has a key that is good, and the right."""
    permissions = authority_of(places).permissions()
    held = (entry for entry in Officers(places.custodian).entries() if is_same_person(entry.name, name))
    if not any(not entry.revoked and permissions.allows(entry, "ChangeRegister") for entry in held):
        raise ApprovalError(f"{name} is no officer any more who may change what leaves; ask for a new approval.")


def _told(error: AuditError) -> ApplianceError:
    if isinstance(error, AppendError):
        return audit_unavailable(error.code)
    if isinstance(error, PermissionDeniedError | ApprovalError):
        return RefusedError(str(error))
    return ConfigError(str(error))
