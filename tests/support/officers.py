"""Officers with roles and their keys, and approvals as two of them give them, for tests of what needs them."""

from dataclasses import dataclass, field
from pathlib import Path

from audit.approvals import Act, Approval, Approvals, Desk
from audit.officers import Officer, Officers
from audit.permission import Permissions
from audit.record import Event

POLICIES = Path(__file__).parents[2] / "policies"
"""The shipped policy."""

READER, FIRST, SECOND = "c.reader", "p.first", "p.second"
"""A compliance officer and two privacy officers."""

NOW_MS = 1_795_000_000_000
"""A moment in November 2026."""


@dataclass(slots=True)
class Office:
    """The three officers of a home, registered and known to be recorded, with their keys."""

    custodian: Path
    keys: dict[str, str] = field(default_factory=dict)
    recorded: list[Event] = field(default_factory=list)
    """What the office's own acts put into a trail."""

    def __post_init__(self) -> None:
        """Add the officers."""
        officers = Officers(self.custodian)
        for name, role in ((READER, "compliance-officer"), (FIRST, "privacy-officer"), (SECOND, "privacy-officer")):
            self.keys[name] = officers.add(name, roles=(role,), by="root")

    @property
    def approvals(self) -> Approvals:
        """The approvals of this office."""
        return Approvals(self.custodian / "approvals")

    @property
    def desk(self) -> Desk:
        """A desk under the shipped policy that records into `recorded`."""
        return Desk(self.approvals, permissions=Permissions.load(POLICIES), record=self.recorded.append)

    def officer(self, name: str) -> Officer:
        """Return the officer of this name."""
        return next(entry for entry in Officers(self.custodian).entries() if entry.name == name and not entry.revoked)

    def key_file(self, name: str) -> Path:
        """Return a file with the officer's key, as the commands take it."""
        path = self.custodian / f"{name}.key"
        path.write_text(self.keys[name] + "\n")
        path.chmod(0o600)
        return path

    def requested(self, action: Act, subject: str, *, case: str = "CASE-7", now_ms: int = NOW_MS) -> Approval:
        """Return a request of the first privacy officer."""
        return self.desk.request(action, subject, case=case, officer=self.officer(FIRST), now_ms=now_ms)

    def approved(self, action: Act, subject: str, *, case: str = "CASE-7", now_ms: int = NOW_MS) -> Approval:
        """Return a request of the first privacy officer that the second has approved."""
        request = self.requested(action, subject, case=case, now_ms=now_ms)
        return self.desk.approve(request.id, officer=self.officer(SECOND), now_ms=now_ms)
