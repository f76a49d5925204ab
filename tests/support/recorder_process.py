"""Run the real recorder, as the supervisor does, on the home of a built trail."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.listening import wait_until_listening

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
            wait_until_listening(address, process, limit_s=READY_S)
            yield address
        finally:
            process.terminate()
            process.wait(READY_S)
