"""The approvals in ``HOME/approvals``: one receipt a policy bundle, written by `appliance policy approve`.

A file is looked at whenever it is asked about and read again when it has changed, so an approval holds at once and a
damaged one ends at once.  The latest approval supersedes every earlier one: an older policy folder that comes back
from a backup opens nothing.  What cannot be read approves nothing.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Self

from appliance.approval.approved import Approved, read_approved
from appliance.config import Config
from appliance.policy.bundle import Bundle
from audit.errors import AuditError
from audit.places import VerifierKeys, verifier_keys_in

MAX_FILES = 200
"""Receipts in the folder; the command leaves one there, and more than these are not ours."""

MAX_BYTES = 1024 * 1024
"""A receipt has some 20 KB: a register, a list of files, and the checkpoint's signatures."""

_NAME = re.compile(r"([0-9a-f]{64})\.json", re.ASCII)
_Identity = tuple[str, int, int, int, int]


class Approvals:
    """What two people have approved, always as the files say now."""

    def __init__(self, folder: Path, *, trail: Path) -> None:
        """Take the folder of receipts and the trail's folder, of which only the public keys are read."""
        self._folder = folder
        self._trail = trail
        self._seen: tuple[_Identity, ...] | None = None
        self._found: Mapping[str, Approved | str] = {}
        """By bundle digest; belongs to `_seen`."""

        self._lock = Lock()
        """Held while the files are looked at: they may be asked about from several threads."""

    @classmethod
    def of(cls, config: Config) -> Self:
        """Return the approvals of an appliance."""
        return cls(config.approvals, trail=config.trail)

    def why_not(self, digest: str) -> str:
        """Return why a bundle is not approved, in a clause without its full stop; empty if it is."""
        try:
            found = self._current()
        except OSError as error:
            return f"the approvals cannot be read ({type(error).__name__})"
        approved = found.get(digest, "two officers have not approved this policy; see 'appliance policy propose'")
        if isinstance(approved, str):
            return approved
        newest = max((each for each in found.values() if isinstance(each, Approved)), key=lambda each: each.sequence)
        if newest is not approved:
            return f"a later approval, of policy {newest.digest[:12]}, took its place"
        return ""

    def why_not_bundle(self, bundle: Bundle) -> str:
        """Return why a bundle is not approved; one without a provider lets nothing leave and needs no approval."""
        return self.why_not(bundle.digest) if bundle.providers else ""

    def newest(self) -> Approved | None:
        """Return the approval that counts, if there is one.  Raises OSError if the folder cannot be read."""
        held = (each for each in self._current().values() if isinstance(each, Approved))
        return max(held, key=lambda each: each.sequence, default=None)

    def _current(self) -> Mapping[str, Approved | str]:
        with self._lock:
            files = receipt_files(self._folder)
            seen = tuple(_identity(path) for path in (*files, self._trail / "verifier.keys"))
            if seen != self._seen:
                self._found, self._seen = MappingProxyType(self._read(files)), seen
            return self._found

    def _read(self, files: Sequence[Path]) -> dict[str, Approved | str]:
        try:
            keys = verifier_keys_in(self._trail)
        except AuditError:
            return {
                path.stem: "the trail's public keys cannot be read, so no approval can be checked" for path in files
            }
        return {path.stem: _read_file(path, keys) for path in files}


def receipt_files(folder: Path) -> list[Path]:
    """Return the receipts in a folder; none without it.  Raises OSError if it cannot be read."""
    try:
        found = sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))
    except FileNotFoundError:
        return []
    return found[:MAX_FILES]


def _identity(path: Path) -> _Identity:
    """Return what changes whenever a file does; zeros for one that is not there."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return path.name, 0, 0, 0, 0
    return path.name, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _read_file(path: Path, keys: VerifierKeys) -> Approved | str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        text = content.decode()
    except (OSError, UnicodeDecodeError):
        return "its file cannot be read"
    if len(content) > MAX_BYTES:
        return "its file is larger than any receipt"
    approved = read_approved(text, keys)
    if isinstance(approved, Approved) and approved.digest != path.stem:
        return "its receipt approves another policy"
    return approved
