"""Who an officer is and what this officer may do, in the order that the trail needs.

1. the key names an officer, or the answer is the same for every key that does not; 2. the changes of the registry that
the trail lacks are recorded, so that nobody acts whose adding is not in the trail; 3. the policy permits the act, or
the attempt is recorded as denied.  MUST be asked before anything of the trail is read for an officer.
"""

from collections.abc import Callable
from pathlib import Path

from audit.access import DENIED
from audit.errors import AppendError, PermissionDeniedError
from audit.officers import Officer, Officers
from audit.permission import Permissions, Right
from audit.record import Event, Kind

NOT_AN_OFFICER = "This is not a valid officer key; 'audit officer add' issues them."
"""The one answer for a missing, wrong, unknown or revoked key."""


class Authority:
    """Officers under one policy, with the recorder that remembers what they try."""

    def __init__(self, officers: Officers, *, policies: Path, program: str, record: Callable[[Event], None]) -> None:
        """Take the registry, the policy folder, the program that asks, and what makes an event durable."""
        self._officers = officers
        self._policies = policies
        self._program = program
        self._record = record

    def officer(self, key: str) -> Officer | None:
        """Return the officer whose key this is, or None.  Raises AppendError if the trail lacks a change of theirs."""
        found = self._officers.find(key)
        if found is not None:
            self._officers.record_changes(self._record)
        return found

    def known(self, key: str) -> Officer:
        """Return the officer whose key this is.  Raises PermissionDeniedError, the same for every other key."""
        found = self.officer(key)
        if found is None:
            raise PermissionDeniedError(NOT_AN_OFFICER)
        return found

    def check(self, officer: Officer, right: Right) -> None:
        """Raise PermissionDeniedError, once the attempt is recorded, unless the policy permits this."""
        permissions = self.permissions()
        try:
            permissions.check(officer, right)
        except PermissionDeniedError:
            self._remember_denial(officer, right)
            raise

    def permissions(self) -> Permissions:
        """Return the policy as its files are now.  Raises SettingsError if they do not hold."""
        return Permissions.load(self._policies)

    def _remember_denial(self, officer: Officer, right: Right) -> None:
        event = Event(kind=Kind.ACCESS, code=DENIED, client=self._program, user=officer.name, facts={"action": right})
        try:
            self._record(event)
        except AppendError:
            return  # the answer is no in either case, and a person without a right learns nothing of the recorder
