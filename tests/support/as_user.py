"""Runs a command as another user of this machine, with that user's group, some more groups, and no privileges.

    subprocess.Popen(as_user(861, [864], sys.executable, "-m", "appliance.main"))

A developer's checkout or interpreter may stand in a folder that only root enters (``/root``).  Nothing of it is opened:
the command then runs in a mount namespace of its own, in which an empty folder stands over the closed one, with the
interpreter's and the checkout's folders bound into it.  Needs root.
"""

import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]

STAGE = "/mnt"
"""A mount point of every Linux (FHS 3.0), in a namespace that nobody else sees."""

_UNPRIVILEGED = ("--no-new-privs", "--inh-caps=-all", "--bounding-set=-all")
"""As systemd starts the units: nothing can be gained back."""


def as_user(user: int, groups: Sequence[int], *command: str) -> list[str]:
    """Return the command that runs as a user; its process is the one that was started, for signals and waiting."""
    named = ",".join(map(str, groups))
    others = [f"--groups={named}"] if groups else ["--clear-groups"]
    lowered = ["setpriv", f"--reuid={user}", f"--regid={user}", *others, *_UNPRIVILEGED, *command]
    needed = {path.resolve() for path in (CHECKOUT, Path(sys.prefix), Path(sys.base_prefix))}
    closed = sorted({folder for path in needed if (folder := _closed(path)) is not None})
    if not closed:
        return lowered
    script = [*(step for folder in closed for step in _steps(folder, needed)), f"cd {shlex.quote(str(CHECKOUT))}"]
    # The folders are for all, whatever the program's own umask is.
    script = ["set -e", "mask=$(umask)", "umask 022", *script, "umask $mask", f"exec {shlex.join(lowered)}"]
    return ["unshare", "--mount", "--propagation=private", "sh", "-c", "\n".join(script)]


def _closed(path: Path) -> Path | None:
    """Return the topmost folder above a path that other users cannot enter."""
    return next((folder for folder in reversed(path.parents) if not folder.stat().st_mode & 0o001), None)


def _steps(closed: Path, needed: Iterable[Path]) -> Iterator[str]:
    """Yield the steps that put an empty folder over a closed one, and what is needed back into it."""
    inside = sorted(path for path in needed if path.is_relative_to(closed))
    yield f"mount -t tmpfs -o mode=0755 none {STAGE}"
    for number, path in enumerate(inside):
        yield f"mkdir {STAGE}/{number}"
        yield f"mount --bind {shlex.quote(str(path))} {STAGE}/{number}"
    yield f"mount -t tmpfs -o mode=0755 none {shlex.quote(str(closed))}"
    for number, path in enumerate(inside):
        yield f"mkdir -p {shlex.quote(str(path))}"
        yield f"mount --move {STAGE}/{number} {shlex.quote(str(path))}"
    yield f"umount {STAGE}"
