"""Check an evidence bundle from within the `audit` program, with the code that an auditor runs alone.

One implementation, so the two cannot differ; it shares nothing with the code that wrote the trail but the libraries.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from audit.errors import QueryError
from audit.export.verify_bundle import Report, verify
from audit.keyring import VerifierKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A file that is said to be an evidence bundle; nothing of it is believed."""

    path: Path

    def verify(
        self,
        keys: Sequence[VerifierKey] | None,
        *,
        checkpoints: Sequence[str] = (),
        moved: Callable[[int, int], None] = lambda _done, _all: None,
    ) -> Report:
        """Return what can be said of it, by these keys from outside and these signed notes.  Raises QueryError.

        Without keys the verdict is *unverifiable* at best.  `moved` gets the bytes read and the bytes to read.
        """
        vkeys = None if keys is None else "".join(f"{key.to_vkey()}\n" for key in keys)
        try:
            return verify(self.path, vkeys, checkpoints, moved)
        except OSError as error:
            raise QueryError(f"{self.path} cannot be read; name a bundle that 'audit export' wrote.") from error


def open_bundle(path: Path) -> Bundle:
    """Return a bundle to verify.  Raises QueryError if there is no such file."""
    if not path.is_file():
        raise QueryError(f"{path} is no file; name a bundle that 'audit export' wrote.")
    return Bundle(path=path)
