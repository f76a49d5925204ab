"""Legal holds: months whose keys may not be destroyed, whatever retention says, until the hold is released.

A hold is a durable file under the custodian's folder.  Its reason says why in words of the law department, such as
"matter 2031-17, all records of the claim"; it MUST NOT name a patient or quote a record, because it stands in clear
and goes into the trail's readable facts.  A hold that cannot be read holds everything: nothing is destroyed then.
"""

import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from audit.canonical import Value
from audit.errors import FormatError, RetentionError
from audit.keyring.files import make_folder, member_number, member_text, read_document, remove, write_document
from audit.keyring.months import is_month

FOLDER_NAME = "holds"
"""Folder of the holds in the custodian's folder."""

ID_BYTES = 8
"""Random part of a hold's name."""

MAX_REASON = 200
"""A reason is a sentence, not a document."""

_ID = re.compile(r"hold_[0-9a-f]{16}", re.ASCII)
_CASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/#:-]{0,63}", re.ASCII)
"""As an approval's case number."""

_TEXTS = ("hold", "case", "reason", "exchange", "by")
"""Members of a hold that are text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Months that are held, and why."""

    hold: str
    """``hold_`` and 16 hex digits."""

    months: tuple[str, ...]
    """Sorted; every one is held."""

    case: str
    """The hospital's own number of the matter."""

    reason: str
    """Why, in words, without a patient's name or number; may be empty."""

    exchange: str
    """The exchange for whose sake its month is held; empty if months were named."""

    by: str
    """User of the operating system who set it."""

    time_ms: int

    def facts(self) -> dict[str, str | int | bool | list[str]]:
        """Return what the records of setting and releasing say."""
        members: dict[str, str | int | bool | list[str]] = {
            "hold": self.hold,
            "months": list(self.months),
            "case": self.case,
            "reason": self.reason,
            "exchange": self.exchange,
        }
        return {name: value for name, value in members.items() if value}


class Holds:
    """The holds in one custodian's folder; every call reads the files."""

    def __init__(self, custodian: Path) -> None:
        """Take the custodian's folder; nothing is read or made yet."""
        self._folder = custodian / FOLDER_NAME

    def entries(self) -> tuple[Hold, ...]:
        """Return every hold, the oldest first.  Raises FormatError or StoreError if one cannot be read."""
        found = (_read(path) for path in self._folder.glob("hold_*.json"))
        return tuple(sorted(found, key=lambda hold: (hold.time_ms, hold.hold)))

    def of(self, month: str) -> tuple[Hold, ...]:
        """Return the holds on a month."""
        return tuple(hold for hold in self.entries() if month in hold.months)

    def find(self, name: str) -> Hold:
        """Return the hold of this name.  Raises RetentionError if there is none."""
        path = self._path(name) if _ID.fullmatch(name) else None
        if path is None or not path.exists():
            raise RetentionError("no hold goes by this name; 'audit keys due' lists the holds")
        return _read(path)

    def keep(self, hold: Hold) -> None:
        """Make a hold durable; record it first."""
        make_folder(self._folder)
        members: dict[str, Value] = {name: getattr(hold, name) for name in _TEXTS}
        write_document(self._path(hold.hold), {**members, "months": list(hold.months), "time": hold.time_ms})

    def release(self, name: str) -> None:
        """End a hold; record it first."""
        remove(self._path(self.find(name).hold))

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def new_hold(months: tuple[str, ...], *, case: str, reason: str, exchange: str, by: str, time_ms: int) -> Hold:
    """Return a hold with a fresh name.  Raises RetentionError for a wrong month, case number or reason."""
    if not months or not all(is_month(month) for month in months):
        raise RetentionError("name the months to hold as YYYY-MM, such as 2027-01, or an exchange with --exchange")
    if not _CASE.fullmatch(case):
        raise RetentionError("a case number has 1 to 64 letters, digits, '.', '_', '/', '#', ':' or '-', and no name")
    if len(reason) > MAX_REASON or not reason.isprintable():
        raise RetentionError(f"a reason is one line of at most {MAX_REASON} characters, and names no patient")
    name = f"hold_{secrets.token_hex(ID_BYTES)}"
    months = tuple(sorted(set(months)))
    return Hold(hold=name, months=months, case=case, reason=reason, exchange=exchange, by=by, time_ms=time_ms)


def _read(path: Path) -> Hold:
    members = read_document(path)
    texts = {name: member_text(members, name, path) for name in _TEXTS}
    listed = members.get("months")
    months = tuple(month for month in listed if isinstance(month, str)) if isinstance(listed, list) else ()
    if not months or len(months) != len(listed if isinstance(listed, list) else ()) or texts["hold"] != path.stem:
        raise FormatError(f"{path} is no hold; restore it from the backup, and destroy nothing before")
    return Hold(months=months, time_ms=member_number(members, "time", path), **texts)
