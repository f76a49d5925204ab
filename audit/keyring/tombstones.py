"""What stays of a month whose keys were destroyed: when, by whom, under which case and rule.

The tombstone is durable before the key goes.  From then on the month is never read or made again, so a month's file
that comes back from an old backup opens nothing by mistake; the file itself MUST still be removed from such a backup.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from audit.canonical import Value
from audit.errors import FormatError
from audit.keyring.files import make_folder, member_number, member_text, read_document, write_document
from audit.keyring.months import check_month, is_month

FOLDER_NAME = "destroyed"
"""Folder of tombstones in the custodian's folder."""

_TEXTS = ("month", "approval", "requested_by", "approved_by", "case", "rule")
"""Members of a tombstone that are text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destruction:
    """One month's keys are gone."""

    month: str
    time_ms: int
    approval: str
    """Id of the approval under which it was done."""

    requested_by: str
    approved_by: str
    """Another person than `requested_by`."""

    case: str
    rule: str
    """The rule of retention that was over, in words."""

    @property
    def date(self) -> str:
        """Return the day, in UTC."""
        return datetime.fromtimestamp(self.time_ms / 1000, UTC).strftime("%Y-%m-%d")

    def sentence(self) -> str:
        """Return what a person reads who asks for this month's bodies."""
        return (
            f"the keys of {self.month} were destroyed on {self.date} by {self.requested_by} and {self.approved_by} "
            f"under {self.case}; its bodies can never be opened again, and every proof still holds"
        )

    def facts(self) -> dict[str, str | int | bool | list[str]]:
        """Return the facts of the record that says so."""
        return {
            "month": self.month,
            "approval": self.approval,
            "requested_by": self.requested_by,
            "approved_by": self.approved_by,
            "case": self.case,
            "rule": self.rule,
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, object], *, time_ms: int) -> Self:
        """Read what `facts` wrote, for a reader who has the trail and not the custodian's folder."""
        return cls(time_ms=time_ms, **{name: str(facts.get(name, "")) for name in _TEXTS})


def read_tombstone(custodian: Path, month: str) -> Destruction | None:
    """Return how a month's keys were destroyed; None if they were not.  Raises FormatError if it is damaged."""
    path = _path(custodian, month)
    if not path.exists():
        return None
    members = read_document(path)
    texts = {name: member_text(members, name, path) for name in _TEXTS}
    if texts["month"] != month:
        raise FormatError(f"{path} is about another month; restore it from the backup")
    return Destruction(time_ms=member_number(members, "time", path), **texts)


def write_tombstone(custodian: Path, destruction: Destruction) -> None:
    """Make a tombstone durable; the first one of a month stays."""
    make_folder(custodian / FOLDER_NAME)
    texts: dict[str, Value] = {name: getattr(destruction, name) for name in _TEXTS}
    write_document(_path(custodian, destruction.month), {**texts, "time": destruction.time_ms})


def destroyed_months(custodian: Path) -> tuple[str, ...]:
    """Return the months whose keys were destroyed, oldest first."""
    return tuple(sorted(path.stem for path in (custodian / FOLDER_NAME).glob("*.json") if is_month(path.stem)))


def _path(custodian: Path, month: str) -> Path:
    return custodian / FOLDER_NAME / f"{check_month(month)}.json"
