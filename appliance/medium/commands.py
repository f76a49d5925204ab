"""Runs the tools that a medium is built with, and says what to do when one is absent or fails.

A tool's last lines are shown, because they name the package or file that is wrong; nothing here ever sees a patient's
text.  MUST NOT go through a shell: names of files and packages come from lists.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from appliance.errors import ConfigError

SHOWN_LINES = 8
"""Of a failed tool's words; the cause stands at their end."""

PACKAGES = {
    "apt-get": "apt",
    "apt-cache": "apt",
    "apt-ftparchive": "apt-utils",
    "git": "git",
    "gpg": "gpg",
    "gpgv": "gpgv",
}
"""Which package brings a tool."""


def need_tools(*tools: str) -> None:
    """Check that the tools are there.  Raises ConfigError naming the packages to install."""
    absent = sorted({PACKAGES[tool] for tool in tools if shutil.which(tool) is None})
    if absent:
        raise ConfigError(f"Building a medium needs {', '.join(absent)}: run 'apt-get install {' '.join(absent)}'.")


def run(
    command: Sequence[str | Path],
    *,
    doing: str,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    given: bytes | None = None,
) -> bytes:
    """Return what a tool prints.  Raises ConfigError that says what was being done and how the tool put it."""
    done = subprocess.run(  # noqa: S603 - fixed tools, arguments from our own lists, no shell
        [str(part) for part in command],
        cwd=folder,
        env={**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})},
        input=given,
        stdin=subprocess.DEVNULL if given is None else None,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        words = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        raise ConfigError(f"{doing} failed ({command[0]}):\n" + "\n".join(words[-SHOWN_LINES:]))
    return done.stdout
