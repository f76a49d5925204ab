"""Patients whose requests never leave the building: the list, as keyed digests of their record numbers.

42 CFR Part 2, an opt-out under 45 CFR 164.522(a), a VIP: an exclusion always wins, over every agreement and evidence.
``exclusions.json`` holds HMAC-SHA256 values under ``exclusions.pepper``, so a stolen list names
nobody, and a MAC over the whole.  ``exclusions.head`` beside the pepper remembers the newest list: an older copy, a cut
one or a missing one is no list.  Who cannot be looked up is treated as excluded, and local work goes on.  Nothing here
writes: `appliance exclusion` alone does.
"""

import hashlib
import hmac
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.config import Config
from appliance.errors import ConfigError

UNREADABLE = "exclusions-unreadable"
"""The restriction of every request while the list cannot be read."""

PEPPER_NAME = "exclusions.pepper"
HEAD_NAME = "exclusions.head"
"""Files in HOME/secrets; at a site in HOME/exclusions, beside the list."""

PEPPER_BYTES = 32
OTHERS = 0o077
"""What nobody but the owner may do with the pepper."""

READERS = 0o040
"""What the group of root's pepper may do: at a site root writes it, and the gateway's group reads it."""

FORMAT = 1
"""Version of the file; a reader refuses any other."""

MAX_ENTRIES = 50_000
"""Record numbers on the list: every patient of a large Part 2 programme, ten times over."""

MAX_BYTES = 32 * 1024 * 1024
"""Bounds a file with `MAX_ENTRIES`; an entry has some 400 bytes."""

MAX_NUMBER = 128
"""Characters of one record number after normalising; a longer one is looked up by these."""

KIND_PATTERN = r"^[a-z][a-z0-9-]{1,62}$"
"""Form of a kind: a restriction of ``policies/restrictions.yaml``."""

_NUMBER_DOMAIN = b"clinical-inference-appliance/exclusion/v1\x00"
_FILE_DOMAIN = b"clinical-inference-appliance/exclusions-file/v1\x00"
"""Keep these MACs apart from each other and from every other use of a pepper."""

_ZEROS = re.compile(r"(?<![0-9])0+(?=[0-9])")
"""Zeros at the beginning of a number: ``004711`` and ``4711`` are one."""

_Hex64 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Identity = tuple[tuple[int, int, int, int], ...]


class Exclusion(BaseModel):
    """One record number that is excluded under one kind."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: Annotated[str, Field(pattern=r"^exc_[0-9a-f]{16}$")]
    batch: Annotated[str, Field(pattern=r"^exb_[0-9a-f]{16}$")]
    """The addition that it came with; one is confirmed as a whole."""

    kind: Annotated[str, Field(pattern=KIND_PATTERN)]
    number: Annotated[_Hex64, Field(repr=False)]
    """Keyed digest of the normalised record number."""

    case: Annotated[str, Field(max_length=64)]
    added_by: Annotated[str, Field(max_length=64)]
    added: str
    """ISO 8601, UTC."""

    confirmed_by: Annotated[str, Field(max_length=64)] = ""
    """The second officer; empty while nobody has confirmed.  It protects from the first moment all the same."""

    confirmed: str = ""


class ExclusionList(BaseModel):
    """The list as a whole."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: Annotated[int, Field(ge=FORMAT, le=FORMAT)] = FORMAT
    generation: Annotated[int, Field(ge=0)] = 0
    """Counts the changes."""

    entries: Annotated[tuple[Exclusion, ...], Field(max_length=MAX_ENTRIES)] = ()

    def next(self, entries: Iterable[Exclusion]) -> "ExclusionList":
        """Return the list that comes after this one."""
        return ExclusionList(generation=self.generation + 1, entries=tuple(entries))


class Head(BaseModel):
    """Which list is the newest."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    generation: Annotated[int, Field(ge=1)]
    mac: _Hex64


@dataclass(frozen=True, slots=True)
class Pepper:
    """The secret under which record numbers and the file are keyed."""

    _bytes: bytes = field(repr=False)

    def number(self, text: str) -> str:
        """Return the keyed digest of a record number as it is written anywhere; empty if nothing is left of it."""
        plain = normalised(text)
        return hmac.digest(self._bytes, _NUMBER_DOMAIN + plain.encode(), hashlib.sha256).hex() if plain else ""

    def sealed(self, content: ExclusionList) -> tuple[bytes, Head]:
        """Return the file of a list, and its head."""
        document = content.model_dump(mode="json")
        mac = self._mac(document)
        data = json.dumps({**document, "mac": mac}, separators=(",", ":")).encode() + b"\n"
        return data, Head(generation=content.generation, mac=mac)

    def opened(self, data: bytes) -> tuple[ExclusionList, Head]:
        """Return the list of a file, and its head.  Raises ConfigError unless every byte is as it was written."""
        try:
            document = json.loads(data)
            head = Head(generation=document["generation"], mac=document.pop("mac"))
            is_ours = hmac.compare_digest(self._mac(document), head.mac)
            content = ExclusionList.model_validate_json(json.dumps(document))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, ValidationError) as error:
            raise ConfigError("The list of exclusions is damaged; restore it and its head from the backup.") from error
        if not is_ours:
            raise ConfigError("The list of exclusions was changed by something else than 'appliance exclusion'.")
        return content, head

    def _mac(self, document: Mapping[str, object]) -> str:
        message = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
        return hmac.digest(self._bytes, _FILE_DOMAIN + message, hashlib.sha256).hex()


def normalised(number: str) -> str:
    """Return a record number as all its spellings share it: letters and digits, without leading zeros or ``MRN``.

    What stands before the last ``|`` names the system that gave it (FHIR's token form) and is left out.  Two people may
    fall together by this, and then both are protected.
    """
    plain = unicodedata.normalize("NFKC", number).rpartition("|")[2].casefold()
    kept = "".join(_plain(letter) for letter in plain if letter.isalnum())
    return _ZEROS.sub("", kept.removeprefix("mrn") or kept)[:MAX_NUMBER]


def _plain(letter: str) -> str:
    """Return a digit of any script as an ASCII one."""
    return str(unicodedata.decimal(letter)) if letter.isdecimal() else letter


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What was read at once, and is replaced at once: the gateway asks from several threads."""

    identity: _Identity = ()
    """Of the files that it was read from."""

    pepper: Pepper | None = None
    kinds: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By keyed digest."""

    failure: str = ""
    """Why there is no list; empty if there is one."""

    newest: int = 0
    """The highest generation that was ever seen: a running program is not fooled by an older list and head."""


class Excluded:
    """The excluded patients, always as the file says now."""

    def __init__(self, *, path: Path, secrets: Path) -> None:
        """Take the list and the folder of the secrets."""
        self._path = path
        self._secrets = secrets
        self._known = _Known()
        self._lock = Lock()
        """Held while the files are read, so that no older reading takes the place of a newer one."""

    @classmethod
    def open(cls, config: Config) -> Self:
        """Return the excluded patients of an appliance; nothing is read yet."""
        return cls(path=config.exclusions, secrets=config.exclusion_secrets)

    def kinds_of(self, numbers: Iterable[str]) -> frozenset[str]:
        """Return the kinds under which any of these record numbers is excluded; `UNREADABLE` without a list."""
        known = self._current()
        if known.failure:
            return frozenset({UNREADABLE})
        if known.pepper is None:
            return frozenset()
        found = (known.kinds.get(known.pepper.number(number), frozenset()) for number in numbers)
        return frozenset().union(*found)

    def check(self) -> None:
        """Raise ConfigError, with what to do, if the list cannot be read in full."""
        if failure := self._current().failure:
            raise ConfigError(failure)

    def _current(self) -> _Known:
        with self._lock:
            identity = tuple(_identity(path) for path in (self._path, *_secret_files(self._secrets)))
            if identity != self._known.identity:
                self._known = self._read(identity)
            return self._known

    def _read(self, identity: _Identity) -> _Known:
        newest = self._known.newest
        try:
            content, pepper = read_list(path=self._path, secrets=self._secrets)
        except ConfigError as error:
            return _Known(identity=identity, failure=error.public, newest=newest)
        if content.generation < newest:
            failure = "An older copy of the exclusions was put back; restore the newest from the backup."
            return _Known(identity=identity, failure=failure, newest=newest)
        kinds = MappingProxyType(_by_number(content.entries))
        return _Known(identity=identity, pepper=pepper, kinds=kinds, newest=content.generation)


def read_list(*, path: Path, secrets: Path) -> tuple[ExclusionList, Pepper | None]:
    """Return the newest list and its pepper; an empty one without pepper where none was ever made.

    The list is written before its head: a crash between the two leaves a list that is newer than its head, which only
    the holder of the pepper can have made.  Raises ConfigError for everything else that is not whole.
    """
    pepper_file, head_file = _secret_files(secrets)
    if not any(_is_there(file) for file in (path, pepper_file, head_file)):
        return ExclusionList(), None
    if not _is_there(path):
        raise ConfigError(
            f"{path} is missing, so nobody can be looked up; restore it from the backup. If nobody was ever excluded, "
            f"remove {pepper_file}."
        )
    pepper = _read_pepper(pepper_file)
    content, head = pepper.opened(_read(path, MAX_BYTES))
    is_first = head.generation == 1 and not _is_there(head_file)
    newest = head if is_first else _read_head(head_file)
    if head.generation < newest.generation or (head.generation == newest.generation and head != newest):
        raise ConfigError(f"{path} is an older copy of the exclusions; restore the newest from the backup.")
    return content, pepper


def _is_there(path: Path) -> bool:
    """Say whether a file is there; one that may not be looked at is."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def _secret_files(secrets: Path) -> tuple[Path, Path]:
    return secrets / PEPPER_NAME, secrets / HEAD_NAME


def _read_pepper(path: Path) -> Pepper:
    data = _read(path, PEPPER_BYTES)
    if len(data) != PEPPER_BYTES:
        raise ConfigError(f"{path} is damaged (it must hold {PEPPER_BYTES} bytes); restore it from the backup.")
    status = path.stat()
    is_sites = status.st_uid == 0 and status.st_gid != 0
    if status.st_mode & OTHERS & ~(READERS if is_sites else 0):
        raise ConfigError(f"{path} may be read by other users; run 'chmod 600' on it.")
    return Pepper(data)


def _read_head(path: Path) -> Head:
    try:
        return Head.model_validate_json(_read(path, MAX_BYTES))
    except ValidationError as error:
        raise ConfigError(f"{path} is damaged; restore it and the list of exclusions from the backup.") from error


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        message = f"{path} cannot be read, so nobody can be looked up; restore it from the backup."
        raise ConfigError(message, detail=type(error).__name__) from error
    if len(data) > limit:
        raise ConfigError(f"{path} is larger than it can be; restore it from the backup.")
    return data


def _identity(path: Path) -> tuple[int, int, int, int]:
    """Return what changes whenever a file does; zeros for one that is not there or may not be looked at."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0, 0, 0
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _by_number(entries: Iterable[Exclusion]) -> dict[str, frozenset[str]]:
    kinds: dict[str, frozenset[str]] = {}
    for entry in entries:
        kinds[entry.number] = kinds.get(entry.number, frozenset()) | {entry.kind}
    return kinds
