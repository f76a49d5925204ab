"""Asking for the custodian passphrase: from a file, a terminal, or one line of standard input.

The passphrase is never an argument or an environment variable: both can be read by other processes (CWE-214).
"""

import getpass
import sys
from pathlib import Path

from audit.errors import OpenError

MAX_BYTES = 4096
"""No passphrase is longer; a file above it is some other file."""


def ask_passphrase(file: Path | None) -> bytes:
    """Return the passphrase from the file's first line, else from the terminal, else from standard input."""
    passphrase = _from_file(file) if file else _from_person()
    if not passphrase:
        raise OpenError(
            "No custodian passphrase was given; type it, pipe it in, or name its file by --passphrase-file."
        )
    return passphrase


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


def _from_person() -> bytes:
    if sys.stdin.isatty():
        return getpass.getpass("Custodian passphrase: ").encode("utf-8", "surrogateescape")
    return _first_line(sys.stdin.buffer.readline(MAX_BYTES))


def _first_line(content: bytes) -> bytes:
    return content.split(b"\n", 1)[0].rstrip(b"\r")
