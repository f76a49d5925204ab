"""Changing the list of excluded patients: one writer at a time, whole and sealed, the list before its head.

An addition protects from the moment it is written; what ends protection waits for two officers and for the record.
Record numbers come in as text and go out as keyed digests only.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from appliance.auth.private_file import GROUP_MODE, PRIVATE_MODE, create_private, locked
from appliance.config import GROUP_READS, Config, check_own, make_private
from appliance.durable_file import write_durably
from appliance.errors import ConfigError
from appliance.exclusions import (
    HEAD_NAME,
    MAX_ENTRIES,
    PEPPER_BYTES,
    PEPPER_NAME,
    Exclusion,
    ExclusionList,
    Head,
    Pepper,
    read_list,
)

ID_BYTES = 8
"""64 random bits name an entry; not a secret, only unlikely to collide."""

Check = Callable[[Sequence[Exclusion]], str]
"""What must have happened before entries change; returns the second officer's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """What is to be excluded, by whom and why."""

    kind: str
    numbers: Sequence[str]
    case: str
    by: str


class Book:
    """The list of one appliance, for the commands that change it."""

    def __init__(self, config: Config) -> None:
        """Take the settings; nothing is read or made yet."""
        self._path = config.exclusions
        self._secrets = config.exclusion_secrets
        self._is_site = config.site is not None
        self._mode = GROUP_MODE if self._is_site else PRIVATE_MODE

    def entries(self) -> tuple[Exclusion, ...]:
        """Return every entry, oldest first.  Raises ConfigError."""
        return read_list(path=self._path, secrets=self._secrets)[0].entries

    def named(self, name: str) -> tuple[Exclusion, ...]:
        """Return the entry or the batch of this id.  Raises ConfigError if there is none."""
        return _named(self.entries(), name)

    def find(self, numbers: Iterable[str]) -> tuple[Exclusion, ...]:
        """Return the entries of these record numbers."""
        content, pepper = read_list(path=self._path, secrets=self._secrets)
        digests = {pepper.number(number) for number in numbers} if pepper else set()
        return tuple(entry for entry in content.entries if entry.number in digests)

    def add(self, addition: Addition, now: datetime) -> tuple[Exclusion, ...]:
        """Exclude record numbers from now on and return their entries.

        One that waits for its confirmation is taken into this batch.  Raises ConfigError if nothing new is among them.
        """
        _check_number(len(addition.numbers))
        with self._alone() as (content, pepper):
            batch, stamp = f"exb_{secrets.token_hex(ID_BYTES)}", _stamp(now)
            digests = dict.fromkeys(pepper.number(number) for number in addition.numbers)
            confirmed = {each.number for each in content.entries if each.kind == addition.kind and each.confirmed_by}
            made = tuple(
                Exclusion(
                    id=f"exc_{secrets.token_hex(ID_BYTES)}",
                    batch=batch,
                    kind=addition.kind,
                    number=digest,
                    case=addition.case,
                    added_by=addition.by,
                    added=stamp,
                )
                for digest in digests
                if digest not in confirmed
            )
            if not made:
                raise ConfigError("Every one of these record numbers is excluded under this kind already.")
            taken = {entry.number for entry in made}
            kept = (each for each in content.entries if each.kind != addition.kind or each.number not in taken)
            self._write(content, (*kept, *made), pepper)
        return made

    def confirm(self, name: str, now: datetime, check: Check) -> tuple[Exclusion, ...]:
        """Note that a second officer stands behind a batch, once `check` has passed; return its entries."""
        with self._alone() as (content, pepper):
            found = _named(content.entries, name)
            by, stamp = check(found), _stamp(now)
            changed = {each.id: each.model_copy(update={"confirmed_by": by, "confirmed": stamp}) for each in found}
            self._write(content, (changed.get(each.id, each) for each in content.entries), pepper)
        return tuple(changed.values())

    def remove(self, name: str, check: Check) -> tuple[Exclusion, ...]:
        """End an entry or a batch, once `check` has passed; return what was ended."""
        with self._alone() as (content, pepper):
            found = _named(content.entries, name)
            check(found)
            gone = {each.id for each in found}
            self._write(content, (each for each in content.entries if each.id not in gone), pepper)
        return found

    @contextmanager
    def _alone(self) -> Iterator[tuple[ExclusionList, Pepper]]:
        """Give the newest list to one writer; the first one makes the pepper."""
        if self._is_site:
            check_own(self._secrets, others=GROUP_READS)
        else:
            make_private(self._secrets)
        with locked(self._path):
            content, pepper = read_list(path=self._path, secrets=self._secrets)
            if pepper is not None:
                yield content, pepper
                return
            with self._first_pepper() as made:
                yield content, made

    @contextmanager
    def _first_pepper(self) -> Iterator[Pepper]:
        """Make the pepper for a first list, and take it back where none came of it: alone it closes everything."""
        file, data = self._secrets / PEPPER_NAME, secrets.token_bytes(PEPPER_BYTES)
        try:
            create_private(file, data, mode=self._mode)
            yield Pepper(data)
        finally:
            if not self._path.exists():
                file.unlink(missing_ok=True)

    def _write(self, content: ExclusionList, entries: Iterable[Exclusion], pepper: Pepper) -> None:
        after = tuple(entries)
        _check_number(len(after))
        if content.generation and not (self._secrets / HEAD_NAME).exists():
            # A crash took the first head; a second list without any would be no list.
            self._write_head(pepper.sealed(content)[1])
        data, head = pepper.sealed(content.next(after))
        write_durably(self._path, data, mode=self._mode)
        # A crash here leaves a list that is newer than its head, which is the list that counts.
        self._write_head(head)

    def _write_head(self, head: Head) -> None:
        write_durably(self._secrets / HEAD_NAME, head.model_dump_json().encode(), mode=self._mode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What an approval of a change of the list is for."""

    act: str
    """``add`` or ``remove``."""

    name: str
    """The batch or the entry."""

    digest: str
    """Of the entries that it had when the approval was asked for, 64 hex digits."""

    @classmethod
    def of(cls, act: str, name: str, entries: Sequence[Exclusion]) -> Self:
        """Return the subject of a change as the list is now."""
        told = sorted([each.id, each.kind, each.number] for each in entries)
        return cls(act=act, name=name, digest=hashlib.sha256(json.dumps(told).encode()).hexdigest())

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the subject that an approval names; one of nothing if it is for something else."""
        act, _, rest = text.partition("/")
        name, _, digest = rest.partition("/")
        return cls(act=act, name=name, digest=digest)

    def text(self) -> str:
        """Return it as an approval names it."""
        return f"{self.act}/{self.name}/{self.digest}"


def _named(entries: Iterable[Exclusion], name: str) -> tuple[Exclusion, ...]:
    found = tuple(entry for entry in entries if name in {entry.id, entry.batch})
    if not found:
        raise ConfigError("Nothing on the list goes by this id; 'appliance exclusion list' shows what does.")
    return found


def _check_number(entries: int) -> None:
    if entries > MAX_ENTRIES:
        raise ConfigError(f"The list holds at most {MAX_ENTRIES} record numbers; remove what is no longer needed.")


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
