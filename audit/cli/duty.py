"""Who gives a command as an officer: the key comes from a private file, never from an argument (CWE-214).

Commands that read what the files of a trail show anyway run as the operating system's user; those that open what is
sealed or that give an approval run as an officer, by this.
"""

import os
import stat
import time
from functools import partial
from pathlib import Path

from audit.approvals import Approvals, Desk
from audit.authority import Authority
from audit.cli.trail import PROGRAM, record_now
from audit.errors import OfficerError, PermissionDeniedError
from audit.officers import Officer, Officers
from audit.places import Places

MAX_BYTES = 4096
"""No key is longer; a file above it is some other file."""


def authority_of(places: Places) -> Authority:
    """Return who may do what with this trail, as its recorder and its policy say."""
    return Authority(
        Officers(places.custodian),
        policies=places.settings.policies,
        program=PROGRAM,
        record=partial(record_now, places.socket),
    )


def approvals_of(places: Places) -> Approvals:
    """Return the approvals of this trail."""
    return Approvals(places.custodian / "approvals")


def desk_of(places: Places) -> Desk:
    """Return where approvals of this trail are asked for and given."""
    return Desk(
        approvals_of(places),
        permissions=authority_of(places).permissions(),
        record=partial(record_now, places.socket),
    )


def officer_by(file: Path | None, places: Places) -> Officer:
    """Return the officer whose key the file holds.  Raises PermissionDeniedError or OfficerError."""
    if file is None:
        raise PermissionDeniedError("This is done by an officer: name the file with your key by --officer-key-file.")
    return authority_of(places).known(_read_key(file))


def now_ms() -> int:
    """Return the time of this machine in milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


def _read_key(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise OfficerError(f"{file} cannot be read; name a file with your officer key in its first line.") from error
    if mode & 0o077:
        raise OfficerError(f"{file} can be read by others; run 'chmod 600 {file}', and ask for a new key.")
    if len(content) > MAX_BYTES:
        raise OfficerError(f"{file} is too long for a key file; name another one.")
    return content.split(b"\n", 1)[0].strip().decode("ascii", "replace")
