"""Providers that a person has closed by hand: ``HOME/approvals/closed.json``, one person to close, two to open.

A list that is missing, damaged, or older than one that was seen closes everything: a closing must not end because a
file was lost or came back from a backup.  The first approval of a policy makes the list.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.config import Config

FILE_NAME = "closed.json"
"""In the folder of the approvals."""

FORMAT = 1
"""Version of the file; a reader refuses any other."""

MAX_BYTES = 256 * 1024
"""A closing has some 300 bytes."""

UNREADABLE = "what is closed by hand cannot be read, so everything is; run 'appliance provider closings'"
"""Why everything is closed."""

PROVIDER_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
"""Form of a provider's name."""

_Identity = tuple[int, int, int, int]


class Closing(BaseModel):
    """One provider that somebody closed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    provider: Annotated[str, Field(pattern=PROVIDER_PATTERN)]
    reason: Annotated[str, Field(min_length=1, max_length=200)]
    by: Annotated[str, Field(max_length=64)]
    time_ms: Annotated[int, Field(ge=0)]

    def sentence(self) -> str:
        """Return who closed it, when and why, without a full stop."""
        moment = datetime.fromtimestamp(self.time_ms / 1000, UTC).isoformat(timespec="seconds")
        return f"closed by hand by {self.by} at {moment}: {self.reason}"


class ClosingList(BaseModel):
    """The file as a whole."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: Annotated[int, Field(ge=FORMAT, le=FORMAT)] = FORMAT
    generation: Annotated[int, Field(ge=1)] = 1
    """Counts the changes: a list with a lower number is an older copy."""

    closed: Annotated[tuple[Closing, ...], Field(max_length=500)] = ()

    def without(self, closing: Closing) -> "ClosingList":
        """Return the next list, in which this closing has ended."""
        return ClosingList(
            generation=self.generation + 1, closed=tuple(each for each in self.closed if each.id != closing.id)
        )

    def beside(self, closing: Closing) -> "ClosingList":
        """Return the next list, with one closing more."""
        return ClosingList(generation=self.generation + 1, closed=(*self.closed, closing))

    def to_bytes(self) -> bytes:
        """Return the file's bytes."""
        return self.model_dump_json(indent=1).encode() + b"\n"

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Return the list of a file; None if it is missing or damaged."""
        try:
            with path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
            return cls.model_validate_json(content) if len(content) <= MAX_BYTES else None
        except (OSError, ValidationError):
            return None


class Closed:
    """What is closed by hand, always as the file says now."""

    def __init__(self, folder: Path) -> None:
        """Take the folder of the approvals."""
        self._path = folder / FILE_NAME
        self._identity: _Identity | None = None
        self._list: ClosingList | None = None
        """Belongs to `_identity`; None if it cannot be read."""

        self._newest = 0
        """The highest generation that was ever seen."""

        self._lock = Lock()
        """Held while the file is looked at: it may be asked about from several threads."""

    @classmethod
    def of(cls, config: Config) -> Self:
        """Return what is closed at an appliance."""
        return cls(config.approvals)

    def why(self, provider: str) -> str:
        """Return why a provider is closed, in a clause without its full stop; empty if nobody closed it."""
        current = self._current()
        if current is None:
            return UNREADABLE
        return next((each.sentence() for each in current.closed if each.provider == provider), "")

    def names(self, providers: Iterable[str]) -> frozenset[str]:
        """Return which of these providers are closed; all of them if the list cannot be read."""
        return frozenset(name for name in providers if self.why(name))

    def _current(self) -> ClosingList | None:
        with self._lock:
            identity = self._read_identity()
            if identity is None:
                return None
            if identity != self._identity:
                self._list, self._identity = _not_older(ClosingList.read(self._path), self._newest), identity
                self._newest = self._list.generation if self._list else self._newest
            return self._list

    def _read_identity(self) -> _Identity | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _not_older(found: ClosingList | None, newest: int) -> ClosingList | None:
    return found if found is not None and found.generation >= newest else None
