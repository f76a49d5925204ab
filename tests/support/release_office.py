"""A home with a register of one provider, a running recorder and officers, as `policy propose` and its like need it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance.approval import Approvals, Closed
from appliance.config import Config, load_config
from appliance.exclusions import Excluded
from appliance.policy.load import load_bundle
from audit.approvals import Act, Desk
from audit.approvals import Approvals as AskedApprovals
from audit.cli.duty import now_ms
from audit.officers import Officers
from audit.permission import Permissions
from audit.query import Entry, Reader
from audit.rows import Rows
from audit.store.address import sqlite_address
from tests.support.command_line import Done, run
from tests.support.officers import POLICIES
from tests.support.policy_folder import copy_policies
from tests.support.recorder_process import running_recorder
from tests.support.registers import a_provider, write_register
from tests.support.trails import new_trail

FIRST, SECOND, READER = "r.first", "r.second", "c.reader"
"""Two release officers, and a compliance officer who may change nothing."""


@dataclass(frozen=True, slots=True)
class ReleaseOffice:
    """The commands on one home, as its officers give them."""

    home: Path

    @classmethod
    @contextmanager
    def running(cls, home: Path) -> Iterator["ReleaseOffice"]:
        """Set up a home that has trail keys, and start its recorder, which learns of the officers."""
        office = cls.at(home)
        with running_recorder(home):
            yield office

    @classmethod
    def at(cls, home: Path) -> "ReleaseOffice":
        """Add officers and a register to a home that has trail keys."""
        (home / "appliance.yaml").write_text(f"policies: {home / 'policies'}\n")
        write_register(copy_policies(home / "policies"), a_provider())
        office = cls(home)
        for name, role in ((FIRST, "release-officer"), (SECOND, "release-officer"), (READER, "compliance-officer")):
            office.add_officer(name, role)
        return office

    @classmethod
    def without_recorder(cls, home: Path) -> "ReleaseOffice":
        """Set up a home whose recorder has stopped; it has learned of the officers before."""
        new_trail(home)
        office = cls.at(home)
        Officers(home / "custodian").record_changes(lambda _event: None)
        return office

    def requested(self, action: Act, subject: str, *, by: str = FIRST) -> str:
        """Return the id of an approval that was asked for while a recorder still ran."""
        custodian = self.home / "custodian"
        officer = next(each for each in Officers(custodian).entries() if each.name == by)
        desk = Desk(
            AskedApprovals(custodian / "approvals"), permissions=Permissions.load(POLICIES), record=lambda _event: None
        )
        return desk.request(action, subject, case="CASE-7", officer=officer, now_ms=now_ms()).id

    @property
    def config(self) -> Config:
        """The home's settings."""
        return load_config(self.home)

    @property
    def digest(self) -> str:
        """The digest of the policy folder as it is now."""
        return load_bundle(self.config.policies).digest

    @property
    def why_not(self) -> str:
        """Why the policy folder is not approved."""
        return Approvals.of(self.config).why_not(self.digest)

    @property
    def closed(self) -> Closed:
        """What is closed by hand."""
        return Closed.of(self.config)

    @property
    def excluded(self) -> Excluded:
        """Who is excluded."""
        return Excluded.open(self.config)

    def add_officer(self, name: str, role: str) -> None:
        """Give an officer a key in a file."""
        key = Officers(self.home / "custodian").add(name, roles=(role,), by="root")
        path = self.home / f"{name}.key"
        path.write_text(f"{key}\n")
        path.chmod(0o600)

    def run(self, *arguments: str, by: str = "") -> Done:
        """Give a command, as an officer if one is named."""
        key = ("--officer-key-file", str(self.home / f"{by}.key")) if by else ()
        return run(*arguments, *key, home=self.home)

    def asked(self, *arguments: str, by: str = FIRST) -> str:
        """Give a command that asks for an approval, and return its id."""
        done = self.run(*arguments, "--json", by=by)
        assert done.code == 0, done.err
        approval: str = done.json()["approval"]
        return approval

    def numbers(self, *numbers: str) -> str:
        """Return the path of a file with record numbers."""
        path = self.home / "numbers.txt"
        path.write_text("\n".join(numbers))
        return str(path)

    def operations(self, code: str) -> list[Entry]:
        """Return the operations of this code in the trail."""
        with Rows.open(sqlite_address(self.home / "audit" / "trail.db")) as rows:
            return [entry for entry in Reader(rows).span(0, end=rows.size()) if entry.leaf.code == code]
