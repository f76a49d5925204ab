"""Wait until a program accepts on its Unix socket.

That the socket's file is there says too little: between bind and listen a connection is refused.
"""

import socket
import subprocess
import time
from pathlib import Path

PAUSE_S = 0.02


def wait_until_listening(address: Path, process: subprocess.Popen[bytes], *, limit_s: float) -> None:
    """Return once the program accepts.  Raises RuntimeError if it ends or the time is over."""
    deadline_s = time.monotonic() + limit_s
    while time.monotonic() < deadline_s and process.poll() is None:
        if accepts(address):
            return
        time.sleep(PAUSE_S)
    raise RuntimeError(f"nothing answers on {address}")


def accepts(address: Path) -> bool:
    """Say whether something accepts on the socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(address))
        except OSError:
            return False
    return True
