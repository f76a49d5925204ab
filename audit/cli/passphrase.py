"""Asking for the custodian passphrase, or the PIN of its token: from a file, a terminal, or a line of standard input.

It is never an argument or an environment variable: both can be read by other processes (CWE-214).  Where the root asks
for nothing, as in a TPM without a PIN, nobody is asked.
"""

import getpass
import sys
from pathlib import Path

from audit.errors import OpenError
from audit.keyring import Custodian, OpenRoot, open_root
from audit.keyring.protectors import secret_wanted

PASSPHRASE = "Custodian passphrase"  # noqa: S105 - what a person is asked for
"""Prompt for the default protector."""

MAX_BYTES = 4096
"""No passphrase is longer; a file above it is some other file."""


def opened_custodian(folder: Path, file: Path | None) -> Custodian:
    """Open a custodian's folder with what its protector asks for: passphrase, PIN, or nothing."""
    return opened_root(folder, file).custodian


def opened_root(folder: Path, file: Path | None) -> OpenRoot:
    """Open a custodian's folder, as `opened_custodian` does, for a command that changes its root."""
    wanted = secret_wanted(folder)
    return open_root(folder, passphrase=ask_passphrase(file, wanted) if wanted else b"")


def ask_passphrase(file: Path | None, prompt: str = PASSPHRASE) -> bytes:
    """Return the passphrase from the file's first line, else from the terminal, else from standard input."""
    passphrase = _from_file(file) if file else _from_person(prompt)
    if not passphrase:
        raise OpenError(f"No {_lowered(prompt)} was given; type it, pipe it in, or name its file by --passphrase-file.")
    return passphrase


def ask_new(file: Path | None, prompt: str) -> bytes:
    """Return a new passphrase or PIN; a person at a terminal types a new one twice."""
    first = ask_passphrase(file, prompt)
    if file is None and sys.stdin.isatty() and ask_passphrase(None, f"{prompt}, once more") != first:
        raise OpenError("The two differ; run the command again.")
    return first


def can_ask(file: Path | None) -> bool:
    """Say whether `ask_passphrase` has somebody to ask: a file was named, or a person sits at a terminal."""
    return file is not None or sys.stdin.isatty()


def _from_file(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise OpenError(
            f"{file} cannot be read; name a file with the custodian passphrase in its first line."
        ) from error
    if len(content) > MAX_BYTES:
        raise OpenError(f"{file} is too long for a passphrase file; name another one.")
    return _first_line(content)


def _lowered(prompt: str) -> str:
    """Return a prompt as it stands within a sentence; PIN stays PIN."""
    return prompt[:1].lower() + prompt[1:] if prompt[1:2].islower() else prompt


def _from_person(prompt: str) -> bytes:
    if sys.stdin.isatty():
        return getpass.getpass(f"{prompt}: ").encode("utf-8", "surrogateescape")
    return _first_line(sys.stdin.buffer.readline(MAX_BYTES))


def _first_line(content: bytes) -> bytes:
    return content.split(b"\n", 1)[0].rstrip(b"\r")
