"""Reading the policy folder: every byte once, nothing that does not belong there.

What is hashed is what is parsed: each file is opened once, without following links, and its bytes go both into
the digest and to the parsers, so nobody can swap a file between check and use.  An unknown file is refused rather
than ignored: a policy saved under a misspelled name must not look as if it were in force.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import PolicyInvalidError

MAX_FILE_BYTES = 256 * 1024
"""A task file is about 10 KB; sixteen times the largest that was ever needed."""

MAX_FILES = 500
"""Bounds the whole bundle with `MAX_FILE_BYTES`."""

SCHEMA = "schema.cedarschema"
REGISTERS = ("providers.yaml", "roles.yaml", "retention.yaml", "evidence.yaml", "phi.yaml", "restrictions.yaml")

_KNOWN = re.compile(
    r"README\.md|schema\.cedarschema|[a-z][a-z0-9_-]*\.cedar"
    r"|(?:providers|roles|retention|evidence|phi|restrictions)\.yaml|(?:tasks|cases)/[a-z][a-z0-9-]*\.yaml"
    r"|pins/[a-z0-9][a-z0-9.-]{0,98}\.pem"
)
_FOLDERS = ("tasks", "cases", "pins")
_WITHOUT_FORCE = re.compile(r"README\.md|cases/.*")


@dataclass(frozen=True, slots=True)
class Folder:
    """The bytes of one policy folder at one moment."""

    path: Path
    files: Mapping[str, bytes]
    """By path inside the folder, such as ``tasks/medical-coding.yaml``."""

    def digest(self) -> str:
        """Return SHA-256 over one line ``<hash>  <path>`` a file in order of path, as ``sha256sum`` prints it.

        README.md and the cases take no part: they explain and test the policy, and change no decision.
        """
        in_force = sorted(name for name in self.files if not _WITHOUT_FORCE.fullmatch(name))
        lines = (f"{hashlib.sha256(self.files[name]).hexdigest()}  {name}\n" for name in in_force)
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def matching(self, pattern: str) -> list[str]:
        """Return the names that a regular expression matches as a whole, in order."""
        return sorted(name for name in self.files if re.fullmatch(pattern, name))

    def within(self, folder: str) -> dict[str, bytes]:
        """Return the files of one folder in this one, by their name there."""
        return {name.removeprefix(f"{folder}/"): self.files[name] for name in self.matching(f"{folder}/.*")}

    def text(self, name: str) -> str:
        """Return one file's text.  Raises PolicyInvalidError if it is missing or no UTF-8."""
        if name not in self.files:
            raise PolicyInvalidError(f"{name}:1: the file is missing; restore it from the release or from backup.")
        content = self.files[name]
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise PolicyInvalidError(f"{name}:{line}: this is no UTF-8; save the file as UTF-8.") from error


def read_folder(path: Path) -> Folder:
    """Read every file of a policy folder.  Raises PolicyInvalidError for one that does not belong or cannot be read."""
    files: dict[str, bytes] = {}
    try:
        for name in _names(path, prefix=""):
            if len(files) == MAX_FILES:
                raise PolicyInvalidError(f"{name}:1: more than {MAX_FILES} files; remove what is no policy.")
            files[name] = _read(path, name)
    except OSError as error:
        at = Path(os.fsdecode(error.filename)) if error.filename else path
        message = f"{at.name or at}:1: cannot be read ({error.strerror}); check that the policy folder {path} is whole."
        raise PolicyInvalidError(message) from error
    return Folder(path, files)


def _names(folder: Path, *, prefix: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        name = prefix + entry.name
        if entry.is_symlink():
            raise PolicyInvalidError(f"{name}:1: this is a symbolic link; put the file itself here.")
        if entry.is_dir() and name in _FOLDERS:
            yield from _names(folder / entry.name, prefix=f"{name}/")
        elif _KNOWN.fullmatch(name) and not entry.is_dir():
            yield name
        else:
            raise PolicyInvalidError(
                f"{name!a}:1: nothing of this name belongs in a policy folder; remove or rename it."
            )


def _read(folder: Path, name: str) -> bytes:
    # O_NOFOLLOW and fstat, because the name may have been replaced by a link or a pipe since the listing.
    descriptor = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise PolicyInvalidError(f"{name}:1: this is no plain file; put the file itself here.")
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise PolicyInvalidError(f"{name}:1: larger than {MAX_FILE_BYTES // 1024} KiB; shorten or split it.")
    return content
