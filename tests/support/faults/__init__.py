"""A disk that fails on demand under real programs: `shim.c`, compiled when first needed, and its controls.

The controls speak to the library that was loaded before all others (LD_PRELOAD) into this very process; `preloaded`
gives the environment that starts such a process.  Nothing here knows what is tested.
"""

import ctypes
import hashlib
import os
import subprocess
import tempfile
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from pathlib import Path

SOURCE = Path(__file__).with_name("shim.c")


class Call(IntFlag):
    """Kinds of calls that matter for durability."""

    CREATE = 1
    WRITE = 2
    TRUNCATE = 4
    SYNC = 8
    SYNC_FOLDER = 16
    UNLINK = 32
    RENAME = 64
    LINK = 128
    MKDIR = 256
    ANY = 511


class Action(IntEnum):
    """What happens at the call."""

    NONE = 0
    ERROR = 1
    KILL = 2


class Effect(IntEnum):
    """What the disk makes of the call that fails."""

    LOST = 0
    """Nothing happens; a failed sync leaves bytes that are shown and never written later."""

    KEPT = 1
    """It takes effect although it fails."""

    TORN = 2
    """A part of the bytes takes effect."""

    SHORT = 3
    """A write returns fewer bytes than it was given, and no error."""

    REVERTED = 4
    """A failed sync takes back what was not synced, at once."""


class Cut(IntEnum):
    """What a power cut leaves of what was not synced."""

    ALL_LOST = 0
    ALL_KEPT = 1
    PREFIX = 2
    """The oldest writes, the last of them perhaps torn."""

    SUBSET = 3
    """Any of them, each perhaps torn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: the calls from the `at`-th that fits fail, `length` of them."""

    action: Action = Action.NONE
    effect: Effect = Effect.LOST
    error: int = 0
    """errno of an ERROR."""

    calls: Call = Call.ANY
    suffix: str = ""
    """End of the file's path."""

    at: int = 1
    length: int = 1
    seed: int = 1


class Faults:
    """The controls, in a process with the shim; the model is shared with every fork of it."""

    def __init__(self) -> None:
        """Find the shim that was loaded before all others."""
        library = ctypes.CDLL(None)
        library.faults_begin.argtypes = [ctypes.c_char_p]
        library.faults_arm.argtypes = [
            ctypes.c_uint, ctypes.c_char_p, ctypes.c_long, ctypes.c_long,
            ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_uint64,
        ]  # fmt: skip
        library.faults_cut_power.argtypes = [ctypes.c_int, ctypes.c_uint64]
        library.faults_skip_sync.argtypes = [ctypes.c_char_p]
        library.faults_calls.restype = ctypes.c_long
        library.faults_hits.restype = ctypes.c_long
        library.faults_hit.restype = ctypes.c_char_p
        self._library = library

    def begin(self, root: Path, *, skip_sync: str = "") -> None:
        """Watch a folder; what is in it counts as durable.  `skip_sync`: a program that forgets these syncs."""
        self._library.faults_begin(os.fsencode(root))
        self._library.faults_skip_sync(os.fsencode(skip_sync))

    def end(self) -> None:
        """Watch nothing any more."""
        self._library.faults_end()

    def arm(self, fault: Fault) -> None:
        """Arm a fault in this process, and count calls from here."""
        self._library.faults_arm(
            int(fault.calls), os.fsencode(fault.suffix), fault.at, fault.length,
            int(fault.action), int(fault.effect), fault.error, fault.seed,
        )  # fmt: skip

    def disarm(self) -> None:
        """Let the disk work again, in this process."""
        self._library.faults_disarm()

    def cut_power(self, cut: Cut, *, seed: int) -> None:
        """Take what was not synced, when no process of the test runs."""
        self._library.faults_cut_power(int(cut), seed)

    @property
    def calls(self) -> int:
        """Calls that mattered since the last `arm`, in any fork."""
        return int(self._library.faults_calls())

    @property
    def hits(self) -> int:
        """Calls that the fault spoiled."""
        return int(self._library.faults_hits())

    @property
    def hit(self) -> str:
        """The first of these, such as ``write /audit/trail.db``."""
        return os.fsdecode(self._library.faults_hit())


def build() -> Path:
    """Return the compiled shim, made now unless this very source was compiled before."""
    name = f"faults-{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]}-{os.getuid()}.so"
    library = Path(tempfile.gettempdir()) / name
    if not library.exists():
        made = library.with_suffix(f".{os.getpid()}")
        command = ["cc", "-std=gnu11", "-O2", "-fPIC", "-shared", "-Wall", "-Wextra", "-Werror"]
        subprocess.run([*command, "-o", str(made), str(SOURCE), "-ldl", "-lpthread"], check=True)
        made.rename(library)
    return library


def preloaded() -> dict[str, str]:
    """Return the environment of a process that runs on the failing disk."""
    return {**os.environ, "LD_PRELOAD": str(build())}
