"""Where the parts of a trail lie: the appliance's home, or a folder with a copy of a trail.

A home holds ``audit/`` (the trail), ``custodian/`` and ``run/`` with the recorder's socket.  A copied trail folder is
a home of its own, without recorder.  Nothing is created here.  The embedded default's witness lies beside the trail's
folder, so that an older copy of that folder alone is found out.
"""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from audit.errors import SettingsError
from audit.keyring import Trail, VerifierKey
from audit.settings import FileWitness, Settings, read_settings
from audit.store.address import Address, read_address, sqlite_address

CHECKOUT = Path(__file__).resolve().parent.parent
"""Root of the installed tree; the default home ``var/`` stands here."""

RESTORE_FILE = "restore.json"
"""What an unfinished restore has still to do; while it is there, nothing else may use the home."""

MAX_SOCKET_PATH_BYTES = 107
"""Linux ``sun_path`` holds 108 bytes with its final NUL (unix(7))."""


VerifierKeys = tuple[VerifierKey, ...]
"""The public keys of one trail, as whoever checks its receipts hands them on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The folders of one trail."""

    trail: Trail
    custodian: Path
    """The custodian's folder; seldom there in a copy."""

    socket: Path
    """The recorder listens here when it runs."""

    settings: Settings
    """What the site chose in ``trail.yaml``."""

    is_copy: bool = False
    """True for a folder with a copy of a trail, which is no home."""

    @property
    def witness(self) -> Path:
        """The witness file of a home without settings of its own; in a copied folder the one that came with it."""
        folder = self.trail.folder
        return self.trail.witness if self.is_copy else folder.parent / "witness" / self.trail.witness.name

    @property
    def witness_files(self) -> tuple[Path, ...]:
        """The file witnesses of this trail, there or not: what can be read back without asking anybody."""
        chosen = self.settings.witnesses
        if chosen is None or self.is_copy:
            return (self.witness,)
        return tuple(witness.path for witness in chosen if isinstance(witness, FileWitness))

    @property
    def database(self) -> Address:
        """The database that the recorder writes to.  Raises StoreError if its address is wrong."""
        return read_address(self.settings.database) if self.settings.database else sqlite_address(self.trail.database)

    @property
    def readers(self) -> Address:
        """The same database for console and commands, as a read-only role where the site has one."""
        return read_address(self.settings.readers) if self.settings.readers else self.database


def home_folder(home: Path | None = None) -> Path:
    """Return the home that is meant: the one given, ``APPLIANCE_HOME``, or ``var/`` in the checkout."""
    return (home or Path(os.environ.get("APPLIANCE_HOME") or CHECKOUT / "var")).absolute()


def find_places(home: Path | None = None, *, run: Path | None = None) -> Places:
    """Return the places under a home.  Raises SettingsError if its settings are wrong or a restore is unfinished."""
    root = home_folder(home)
    if (root / RESTORE_FILE).exists():
        raise SettingsError(f"a restore of {root} was begun and not finished; run 'audit restore' to finish it")
    settings = read_settings(root)
    is_copy = not (root / "audit").exists() and Trail(folder=root).database.exists()
    return Places(
        trail=Trail(folder=root if is_copy else root / "audit"),
        is_copy=is_copy,
        custodian=root / "custodian",
        settings=settings,
        socket=(run or settings.run or _run_folder(root)) / "recorder.sock",
    )


def verifier_keys_in(trail: Path) -> VerifierKeys:
    """Return the public keys in a trail's folder: all that a checker of receipts needs of it.

    Raises StoreError if they are missing, FormatError if they are damaged.
    """
    return Trail(folder=trail).verifier_keys()


def _run_folder(home: Path) -> Path:
    """Return the folder of the sockets, as the gateway finds it: a private one if HOME is too deep for a socket."""
    wanted = home / "run"
    if len(os.fsencode(wanted / "recorder.sock")) <= MAX_SOCKET_PATH_BYTES:
        return wanted
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"appliance-{os.getuid()}-{name}"
