"""Run the real recorder, as the supervisor does, on the home of a built trail."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

READY_S = 30.0
"""Generous: the machine may be busy."""


@contextmanager
def running_recorder(home: Path) -> Iterator[Path]:
    """Start a recorder, wait until it answers, and yield its socket; it is stopped at the end."""
    address = home / "run" / "recorder.sock"
    address.parent.mkdir(mode=0o700, exist_ok=True)
    command = [sys.executable, "-m", "audit.recorder", "--home", str(home)]
    with (home / "recorder.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            _wait(address, process)
            yield address
        finally:
            process.terminate()
            process.wait(READY_S)


def _wait(address: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(address))
            except OSError:
                time.sleep(0.05)
            else:
                return
    raise RuntimeError(f"no recorder answers on {address}")
