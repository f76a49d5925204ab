"""A real TPM 2.0 in software: swtpm on a Unix socket, with a state of its own."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

READY_S = 10.0
"""Generous: the machine may be busy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftTpm:
    """A running TPM."""

    folder: Path

    @property
    def tcti(self) -> str:
        """How tpm2-tools reach it."""
        return f"swtpm:path={self.folder / 'tpm.sock'}"

    def run(self, tool: str, *arguments: str) -> bytes:
        """Run one of tpm2-tools against it, as somebody else on the machine would."""
        environment = {**os.environ, "TPM2TOOLS_TCTI": self.tcti}
        return subprocess.run([tool, *arguments], env=environment, check=True, capture_output=True).stdout

    def clear(self) -> None:
        """Clear it, as a firmware menu does: what it sealed is gone for ever."""
        self.run("tpm2_clear", "-c", "platform")

    def boot_otherwise(self) -> None:
        """Change PCR 7, as another boot chain would."""
        self.run("tpm2_pcrextend", f"7:sha256={'ab' * 32}")


@contextmanager
def running_tpm() -> Iterator[SoftTpm]:
    """Start a fresh TPM and stop it at the end; its folder is short because a socket's path must be."""
    if shutil.which("swtpm") is None or shutil.which("tpm2_unseal") is None:
        raise RuntimeError("swtpm or tpm2-tools are not installed; run .ci/system-packages --tests")
    with tempfile.TemporaryDirectory(prefix="tpm-") as name:
        tpm = SoftTpm(folder=Path(name))
        socket = tpm.folder / "tpm.sock"
        command = [
            "swtpm", "socket", "--tpm2", "--tpmstate", f"dir={tpm.folder}", "--server", f"type=unixio,path={socket}",
            "--ctrl", f"type=unixio,path={socket}.ctrl", "--flags", "not-need-init,startup-clear",
        ]  # fmt: skip
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                _wait(socket, process)
                yield tpm
            finally:
                process.terminate()


def _wait(socket: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_S
    while not socket.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("swtpm does not start")
        time.sleep(0.01)
