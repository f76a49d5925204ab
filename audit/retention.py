"""How long sealed bodies can be opened, and the destruction of a month's keys when that time is over.

Example: bodies of November 2026 are kept six years after the month's last day.  From 2032-12-01 the month is *due*; a
privacy officer asks for its destruction under a case number, another one approves, and `destroy` records it and then
removes the key.  Records, proofs and readable facts stay for ever; the bodies cannot be opened by anybody again, and
nobody can search that month for a person, because the index secret goes with the key.

A month MUST NOT be destroyed while it is held, young, or unrecorded (45 CFR 164.316(b)(2)(i), 164.528(a)).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from audit.access import MONTH_DESTROYED
from audit.approvals import Act, Approval, Approvals
from audit.errors import PermissionDeniedError, RetentionError, SettingsError
from audit.keyring import Destruction, destroyed_months, month_after, read_tombstone
from audit.keyring.files import alone_in, remove, settle
from audit.keyring.holds import Holds
from audit.keyring.months import check_month, is_month
from audit.keyring.tombstones import FOLDER_NAME as TOMBSTONES
from audit.keyring.tombstones import write_tombstone
from audit.officers import Officer
from audit.places import Places
from audit.query import Reader
from audit.question import MAX_LIMIT, ask
from audit.record import Event, Kind

FILE_NAME = "retention.yaml"
"""The policy's file on retention, in the folder of the policies."""

SIX_YEARS = 6
"""45 CFR 164.316(b)(2)(i) and 164.528(a)."""

_Years = Annotated[int, Field(ge=1, le=100, strict=True)]


class Retention(BaseModel):
    """``policies/retention.yaml``; the gateway checks the same file with the whole policy."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bodies_years: _Years = SIX_YEARS
    """Years after the end of a month in which its sealed bodies can be opened."""

    disclosures_years: Annotated[int, Field(ge=SIX_YEARS, le=100, strict=True)] = SIX_YEARS
    """Years for which a patient's disclosures can be found: that needs the month's index secret."""

    @property
    def years(self) -> int:
        """Return for how long a month's keys are kept: the longer of the two, for they are destroyed together."""
        return max(self.bodies_years, self.disclosures_years)

    def due_on(self, month: str) -> date:
        """Return the first day on which a month's keys may be destroyed."""
        year, number = (int(part) for part in month_after(month).split("-"))
        return date(year + self.years, number, 1)

    def rule(self) -> str:
        """Return the rule in words, as the record of a destruction says it."""
        return f"retention of {self.years} years after the month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One month whose keys are here, and whether they may go."""

    month: str
    due_on: date
    is_over: bool
    """True when retention is over."""

    holds: tuple[str, ...]
    """Names of the holds on it."""

    is_back: bool
    """True when the month was destroyed and its file is here all the same: an old backup was put back."""


def read_retention(policies: Path) -> Retention:
    """Return the policy on retention; six years without the file.  Raises SettingsError naming the wrong key."""
    path = policies / FILE_NAME
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Retention()
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise SettingsError(f"{path} cannot be read as YAML; correct it, and destroy nothing before") from error
    try:
        return Retention.model_validate(document if document is not None else {})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise SettingsError(f"{path}: '{where}': {first['msg']}; correct it and run this again") from error


def due_months(custodian: Path, retention: Retention, *, today: date) -> tuple[Due, ...]:
    """Return every month whose keys are here, oldest first."""
    holds, gone = Holds(custodian).entries(), set(destroyed_months(custodian))
    return tuple(
        Due(
            month=month,
            due_on=retention.due_on(month),
            is_over=today >= retention.due_on(month),
            holds=tuple(hold.hold for hold in holds if month in hold.months),
            is_back=month in gone,
        )
        for month in sorted(path.stem for path in (custodian / "months").glob("*.json") if is_month(path.stem))
    )


def destroyed_sentence(places: Places, month: str, *, reader: Reader | None = None) -> str | None:
    """Return when, by whom and under what a month's keys were destroyed; None if they were not.

    The tombstone says so; where the custodian's folder is not at hand, the trail's own record does.
    """
    found = read_tombstone(places.custodian, month)
    if found is None and reader is not None:
        found = _recorded(reader, month)
    return found.sentence() if found else None


def subject_of(month: str, *, epoch: str) -> str:
    """Return what an approval to destroy a month must name: the month, after its epoch's origin in an archive."""
    return f"{epoch}:{month}" if epoch else month


@dataclass(frozen=True, slots=True, kw_only=True)
class Destroying:
    """One officer's destruction of one month, under an approval that another one gave."""

    custodian: Path
    retention: Retention
    approvals: Approvals
    officer: Officer
    program: str
    """Client of the record."""

    record: Callable[[Event], None]
    """Makes an event durable or raises AppendError."""

    epoch: str = ""
    """Origin of the trail whose month it is, where a restore has put it into the archive; empty for the living one."""

    def destroy(self, month: str, *, approval_id: str, now: datetime) -> Destruction:
        """Destroy a month's keys and return what stays of them; finishes a destruction that was cut short.

        Raises RetentionError, ApprovalError or AppendError, with nothing changed, if it may not be done.
        """
        check_month(month)
        with alone_in(self.custodian):
            settle(self.custodian / TOMBSTONES)
            done = read_tombstone(self.custodian, month)
            if done is None:
                done = self._begin(month, approval_id, now)
            # 5. The keys go.  A crash before it leaves a tombstone behind which nothing opens; run again, this goes on.
            remove(self._key_file(month))
            return done

    def _begin(self, month: str, approval_id: str, now: datetime) -> Destruction:
        # 1. Retention is over, nothing holds the month, and a second officer approved exactly this.
        self._check(month, now.astimezone(UTC).date())
        now_ms = int(now.timestamp() * 1000)
        subject = subject_of(month, epoch=self.epoch)
        approval = self.approvals.check(approval_id, action=Act.DESTROY_MONTH, subject=subject, now_ms=now_ms)
        if approval.requested_by != self.officer.name:
            raise PermissionDeniedError("Only the officer who asked for this approval can use it.")
        done = _destruction(month, approval, rule=self.retention.rule(), time_ms=now_ms)
        # 2. The record, durable.  A crash after it leaves a record of what did not happen yet: run this again.
        facts = {**done.facts(), **({"epoch": self.epoch} if self.epoch else {})}
        self.record(
            Event(kind=Kind.OPERATION, code=MONTH_DESTROYED, client=self.program, user=self.officer.name, facts=facts)
        )
        # 3. The approval is spent: no second destruction begins with it.  A crash after it needs a new approval.
        self.approvals.spend(approval.id)
        # 4. The tombstone: from here on the month opens for nobody, and the destruction needs no approval to end.
        write_tombstone(self.custodian, done)
        return done

    def _check(self, month: str, today: date) -> None:
        """Raise RetentionError unless this month's keys are here and may go."""
        if not self._key_file(month).exists():
            raise RetentionError(f"the keys of {month} are not here; 'audit keys due' lists what is")
        due_on = self.retention.due_on(month)
        if today < due_on:
            raise RetentionError(
                f"the keys of {month} are kept until {due_on} ({self.retention.rule()}); nothing was destroyed"
            )
        if holds := Holds(self.custodian).of(month):
            names = ", ".join(f"{hold.hold} ({hold.case})" for hold in holds)
            raise RetentionError(f"{month} is held by {names}; release that first with 'audit keys release'")

    def _key_file(self, month: str) -> Path:
        return self.custodian / "months" / f"{month}.json"


def _recorded(reader: Reader, month: str) -> Destruction | None:
    """Return what the trail itself says of a month's destruction; the newest record counts."""
    question = ask(
        {"kind": Kind.OPERATION.value, "code": MONTH_DESTROYED}, now=datetime.now(UTC), limit=MAX_LIMIT, by_event=True
    )
    events = (row.entries[0] for row in reader.find(question, {}).rows)
    found = (event for event in events if event.facts.get("month") == month and "epoch" not in event.facts)
    return next((Destruction.from_facts(event.facts, time_ms=event.leaf.time_ms) for event in found), None)


def _destruction(month: str, approval: Approval, *, rule: str, time_ms: int) -> Destruction:
    return Destruction(
        month=month,
        time_ms=time_ms,
        approval=approval.id,
        requested_by=approval.requested_by,
        approved_by=approval.approved_by,
        case=approval.case,
        rule=rule,
    )
