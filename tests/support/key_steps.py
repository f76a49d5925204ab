"""Run a change of keys in a child that dies, or whose disk fails, just before its n-th durable step.

The steps are those that CPython itself reports (PEP 578): a link, a rename, a removal, and the opening of a folder to
sync it.  Nothing of the production code is replaced.
"""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from audit.errors import AuditError

KILLED, FAILED, DONE = 77, 1, 0
"""How the child ended: at its step, with an error that was told, or without having come that far."""

How = Literal["kill", "error"]

_STEPS = frozenset({"os.rename", "os.link", "os.remove"})


def until_done(act: Callable[[], object], *, folder: Path, how: How) -> Iterator[int]:
    """Run `act` in a child that ends before step 1, then 2, and so on; yield after each, until one came through.

    The folder is put back as it was before each.
    """
    start = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    step = 1
    while True:
        _put_back(folder, start)
        code = _run(act, step=step, how=how)
        if code == DONE:
            return
        assert code == (KILLED if how == "kill" else FAILED), code
        yield step
        step += 1


def _put_back(folder: Path, start: dict[Path, bytes]) -> None:
    for path in [path for path in folder.rglob("*") if path.is_file() and path not in start]:
        path.unlink()
    for path, data in start.items():
        path.write_bytes(data)


def _run(act: Callable[[], object], *, step: int, how: How) -> int:
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        _arm(step, how)
        act()
        os._exit(DONE)
    except AuditError:
        os._exit(FAILED)
    finally:
        os._exit(99)


def _arm(step: int, how: How) -> None:
    seen = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        if event not in _STEPS and not _syncs_folder(event, arguments):
            return
        seen += 1
        if seen != step:
            return
        if how == "kill":
            os._exit(KILLED)
        raise OSError(errno.EIO, "disk I/O error")

    sys.addaudithook(hook)


def _syncs_folder(event: str, arguments: tuple[object, ...]) -> bool:
    flags = arguments[2] if event == "open" else 0
    return isinstance(flags, int) and bool(flags & os.O_DIRECTORY)
