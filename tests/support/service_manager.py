"""The service manager's end of sd_notify: a socket that hears what programs say of themselves.

with ServiceManager(folder / "notify") as manager:
    subprocess.Popen(command, env={**os.environ, **manager.environment(watchdog_s=1)})
    manager.wait_for("READY=1", within_s=30)
"""

import contextlib
import socket
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

LOOK_EVERY_S = 0.05


class ServiceManager:
    """Hears one program, all the time: a full queue would hold up whoever speaks, as systemd never does."""

    def __init__(self, address: Path) -> None:
        """Listen; every user may tell, as systemd's own socket is open to all."""
        self._address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(address))
        address.chmod(0o777)
        self.heard: list[str] = []
        """Every assignment, in the order in which they came; written by the listening thread alone."""

        self._ended = threading.Event()
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Listen no more."""
        self._ended.set()
        self._listener.join()
        self._socket.close()

    def environment(self, *, watchdog_s: float = 0.0) -> dict[str, str]:
        """Return the variables that systemd sets."""
        watched = {"WATCHDOG_USEC": str(int(watchdog_s * 1e6))} if watchdog_s else {}
        return {"NOTIFY_SOCKET": str(self._address), **watched}

    def wait_for(
        self, assignment: str, *, within_s: float, times: int = 1, process: subprocess.Popen[bytes] | None = None
    ) -> None:
        """Return once an assignment was heard as often as wanted; fail after the time, or with the process."""
        limit_s = time.monotonic() + within_s
        while self.heard.count(assignment) < times:
            assert process is None or process.poll() is None, f"ended before {assignment}; heard {self.heard}"
            assert time.monotonic() < limit_s, f"heard no {assignment} but {self.heard}"
            time.sleep(LOOK_EVERY_S)

    def heard_within(self, seconds: float) -> list[str]:
        """Return what is heard in the time that begins now."""
        before = len(self.heard)
        time.sleep(seconds)
        return self.heard[before:]

    def _listen(self) -> None:
        self._socket.settimeout(LOOK_EVERY_S)
        while not self._ended.is_set():
            with contextlib.suppress(TimeoutError):
                self.heard.extend(self._socket.recv(4096).decode().splitlines())
