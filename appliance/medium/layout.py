"""A medium while it is laid out: beside its place until it is whole, then put there by one rename.

What has not changed since the last medium is linked, not copied, so building again costs what changed.  A crash at any
line leaves the last medium as it was and an unfinished folder that the next build removes.  MUST NOT link a file
of the checkout: whoever edits a file on a medium would edit it there.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from appliance.errors import ConfigError
from appliance.medium.verify import CONTENTS, SIGNATURE, SUMS, digest_of, list_files, parse_sums

FILE_MODE, PROGRAM_MODE = 0o644, 0o755
"""Everybody may read a medium; it holds no secret."""


class Layout:
    """The folder of a medium that is being built."""

    def __init__(self, place: Path) -> None:
        """Take the medium's final place.  Raises ConfigError when something else than a medium is there."""
        self.place = place.absolute()
        if self.place.exists() and not (self.place / CONTENTS).is_file() and any(self.place.iterdir()):
            raise ConfigError(f"{self.place} holds something that is no medium: name another folder, or empty it.")
        self.folder = self.place.with_name(f".{self.place.name}.unfinished")
        self._expected: dict[str, str] = {}
        self._previous = _sums_of(self.place)

    def clear(self) -> None:
        """Begin anew; what an interrupted build left is removed."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def link(self, source: Path, name: str, *, sha256: str) -> None:
        """Put a file of the builder's own store on the medium."""
        target = self._new(name)
        try:
            target.hardlink_to(source)
        except OSError:  # another file system, or one without links
            shutil.copyfile(source, target)
        target.chmod(FILE_MODE)
        self._expected[name] = sha256

    def copy(self, source: Path, name: str, *, sha256: str | None = None) -> None:
        """Put a file from elsewhere on the medium; the last medium's own is linked if it has the same digest."""
        source = source.resolve()  # a role's file may be a link to the one place where it is kept
        sha256 = sha256 or digest_of(source)
        target = self._new(name)
        held = self.place / name
        if self._previous.get(name) == sha256 and digest_of(held) == sha256:
            target.hardlink_to(held)
        else:
            shutil.copyfile(source, target)
        target.chmod(PROGRAM_MODE if os.access(source, os.X_OK) else FILE_MODE)
        self._expected[name] = sha256

    def write(self, name: str, content: bytes, *, program: bool = False) -> None:
        """Put a file on the medium that is made here."""
        target = self._new(name)
        target.write_bytes(content)
        target.chmod(PROGRAM_MODE if program else FILE_MODE)

    def sums(self) -> bytes:
        """Read every file back and return `SHA256SUMS`.  Raises ConfigError when a file is not what it was put as."""
        digests = {name: digest_of(self.folder / name) for name in sorted(list_files(self.folder))}
        for name, sha256 in self._expected.items():
            if digests.get(name) != sha256:
                raise ConfigError(f"{name} changed while the medium was built: build again.")
        return "".join(f"{digest}  {name}\n" for name, digest in digests.items()).encode()

    def finish(self) -> None:
        """Put the medium in its place, in exchange for the last one."""
        old = self.place.with_name(f".{self.place.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        if self.place.exists():
            self.place.rename(old)
        self.folder.rename(self.place)
        shutil.rmtree(old, ignore_errors=True)

    def _new(self, name: str) -> Path:
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            raise ConfigError(f"Two files want to be {name} on the medium.")
        return target


def _sums_of(place: Path) -> Mapping[str, str]:
    """Return what the last medium says that it holds; nothing when it is not finished."""
    if not (place / SIGNATURE).is_file():
        return {}
    return parse_sums((place / SUMS).read_bytes())
