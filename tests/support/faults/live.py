"""A real recorder on a disk, and with a clock, that a test turns while it runs.

with LiveDisk(home) as disk, disk.recorder() as recorder:
disk.fail(Fault(action=Action.ERROR, error=errno.ENOSPC, calls=Call.WRITE))
...
disk.heal()
"""

import asyncio
import ctypes
import mmap
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from audit.errors import AppendError
from audit.places import find_places
from audit.recorder.client import RecorderClient
from tests.support.faults import Fault, preloaded
from tests.support.listening import wait_until_listening

CHECKOUT = Path(__file__).parents[3]

READY_S = 60.0
"""A machine may be busy."""

FOREVER = 1 << 40


class _Orders(ctypes.Structure):
    """`struct fault` of the shim."""

    _fields_ = (
        ("at", ctypes.c_int64),
        ("length", ctypes.c_int64),
        ("clock_ns", ctypes.c_int64),
        ("action", ctypes.c_int32),
        ("wanted", ctypes.c_int32),
        ("effect", ctypes.c_int32),
        ("error", ctypes.c_int32),
        ("calls", ctypes.c_uint32),
        ("suffix", ctypes.c_char * 128),
    )


class LiveDisk:
    """The folder of one appliance, and the file by which its disk is told what to do."""

    def __init__(self, home: Path) -> None:
        """Take the home; keys and trail must be there."""
        self.home = home
        self._control = home.parent / f"{home.name}.faults"
        self._control.write_bytes(bytes(ctypes.sizeof(_Orders)))
        with self._control.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 0)
        self._orders = _Orders.from_buffer(self._memory)

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give the memory back."""
        del self._orders
        self._memory.close()

    def fail(self, fault: Fault) -> None:
        """Let every call that fits fail from now on."""
        orders = self._orders
        orders.at, orders.length = 1, FOREVER
        orders.wanted, orders.error, orders.calls = int(fault.effect), fault.error, int(fault.calls)
        orders.suffix = os.fsencode(fault.suffix)
        orders.action = int(fault.action)  # last: from here on it strikes

    def heal(self) -> None:
        """Let the disk work again."""
        self._orders.action = 0

    def turn_clock(self, seconds: float) -> None:
        """Set the recorder's wall clock this far from the real one."""
        self._orders.clock_ns = int(seconds * 1e9)

    def environment(self) -> Mapping[str, str]:
        """Return the environment of a program on this disk."""
        return {**preloaded(), "FAULTS_CONTROL": str(self._control), "FAULTS_ROOT": str(self.home)}

    @contextmanager
    def recorder(self) -> Iterator["LiveRecorder"]:
        """Start the recorder and wait until it listens; it is stopped in the end."""
        running = LiveRecorder(self)
        running.start()
        try:
            yield running
        finally:
            running.stop()


class LiveRecorder:
    """A recorder in a process of its own."""

    def __init__(self, disk: LiveDisk) -> None:
        """Take the disk that it runs on."""
        self.socket = find_places(disk.home).socket
        self.log = disk.home / "recorder.log"
        self._disk = disk
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        try:
            wait_until_listening(self.socket, self.launch(), limit_s=READY_S)
        except RuntimeError as error:
            error.add_note(self.log.read_text())
            raise

    def launch(self) -> subprocess.Popen[bytes]:
        """Start it and do not wait."""
        self.socket.parent.mkdir(mode=0o700, exist_ok=True)
        self.socket.unlink(missing_ok=True)
        command = [sys.executable, "-m", "audit.recorder", "--home", str(self._disk.home)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=CHECKOUT, env=dict(self._disk.environment()), stdout=log, stderr=log
            )
        return self._process

    def kill(self) -> None:
        """Kill it outright, and wait."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> int:
        """Ask it to stop and return its exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.terminate()
        try:
            return self._process.wait(READY_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise


async def wait_for_state(client: RecorderClient, state: str, *, within_s: float = 30.0) -> dict[str, object]:
    """Return the recorder's health once it is in a state; nobody appends meanwhile."""
    health: dict[str, object] = {}
    async with asyncio.timeout(within_s):
        while health.get("state") != state:
            with suppress(AppendError):
                health = await client.health()
            await asyncio.sleep(0.05)
    return health
