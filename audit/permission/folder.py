"""The files of the policy folder that say who may do what with the trail: every byte once, without following links.

What the gateway checks of the folder beside these files (tasks, providers, evidence) is not looked at here; a file that
belongs to neither is refused there.  MUST NOT use a part of a folder that cannot be read whole.
"""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from audit.errors import SettingsError

SCHEMA = "schema.cedarschema"
"""The words of the policies."""

ROLES = "roles.yaml"
"""Which roles there are, and for whom."""

MAX_FILE_BYTES = 256 * 1024
"""As the gateway's cap: about sixteen times the largest file that was ever needed."""

MAX_CEDAR_FILES = 100
"""Bounds the whole with `MAX_FILE_BYTES`."""

_CEDAR = re.compile(r"[a-z][a-z0-9_-]*\.cedar", re.ASCII)


def read_policy_files(folder: Path) -> tuple[tuple[str, str], ...]:
    """Return name and text of the schema, the roles and each Cedar file.  Raises SettingsError with what to do."""
    try:
        names = sorted(path.name for path in folder.iterdir() if _CEDAR.fullmatch(path.name))
        if len(names) > MAX_CEDAR_FILES:
            raise SettingsError(f"{folder}: more than {MAX_CEDAR_FILES} Cedar files; remove what is no policy.")
        return tuple(_texts(folder, (SCHEMA, ROLES, *names)))
    except OSError as error:
        what = Path(os.fsdecode(error.filename)).name if error.filename else "a file"
        raise SettingsError(
            f"{folder}: {what} cannot be read; name the policy folder by 'policies' in trail.yaml, "
            "or restore it from the release. Nobody may read the trail until then."
        ) from error


def _texts(folder: Path, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name in names:
        try:
            yield name, _read(folder, name).decode()
        except UnicodeDecodeError as error:
            raise SettingsError(f"{folder / name}: this is no UTF-8; save the file as UTF-8.") from error


def _read(folder: Path, name: str) -> bytes:
    # O_NOFOLLOW and fstat, because the name may have been replaced by a link or a pipe since the listing.
    descriptor = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise SettingsError(f"{folder / name}: this is no plain file; put the file itself here.")
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise SettingsError(f"{folder / name}: larger than {MAX_FILE_BYTES // 1024} KiB; shorten or split it.")
    return content
