"""The two programs that a backup needs beside Python: PostgreSQL's pg_dump, and gpg for the encryption.

OpenPGP, because a hospital opens a backup years later, on another machine, with a program that every Debian has and a
private key that may live on a smart card.  Encryption is to a public key in a file; no key ring, agent or trust
database is used, and the private half MUST NOT be on this machine.  To open one, its keeper hands over the key of that
one file (``gpg --show-session-key``), never the private key.  No secret stands in a command line.
"""

import io
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, BinaryIO, cast

from appliance.errors import ConfigError

PG_PROGRAMS = Path("/usr/lib/postgresql")
"""Where Debian keeps each major version's own programs."""

_GPG = ("gpg", "--batch", "--quiet", "--no-tty", "--no-options", "--no-autostart")


@contextmanager
def encrypting(target: Path, recipient: Path) -> Iterator[BinaryIO]:
    """Yield where the plain stream goes; the encrypted file is whole and on disk afterwards.  Raises ConfigError."""
    if not recipient.is_file():
        raise ConfigError(f"{recipient} is missing; put the public key there that backups are encrypted to.")
    with tempfile.TemporaryDirectory(prefix="appliance-backup.") as folder:
        command = [*_GPG, "--homedir", folder, "--trust-model", "always", "--cipher-algo", "AES256", "-z", "1"]
        command += ["--output", str(target), "--recipient-file", str(recipient), "--encrypt"]
        with _started(command, stdin=subprocess.PIPE) as process:
            with cast("BinaryIO", process.stdin) as stream:
                yield stream
            _check(process, f"gpg cannot encrypt to {recipient}; see that it is a public key that may encrypt")
    descriptor = os.open(target, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def decrypting(source: Path, session_key: str) -> Iterator[BinaryIO]:
    """Yield the plain stream of a backup; its end proves that nothing was changed.  Raises ConfigError."""
    with tempfile.TemporaryDirectory(prefix="appliance-backup.") as folder:
        command = [*_GPG, "--homedir", folder, "--override-session-key-fd", "0", "--decrypt", str(source)]
        with _started(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            with cast("BinaryIO", process.stdin) as asked:
                asked.write(session_key.encode() + b"\n")
            with cast("BinaryIO", process.stdout) as stream:
                yield stream
                shutil.copyfileobj(stream, io.BytesIO())  # what follows the archive's end is padding
            _check(process, f"{source} does not open with this key, or was changed")


@contextmanager
def dumping(database: str, *, host: str, role: str) -> Iterator[BinaryIO]:
    """Yield a PostgreSQL database as of one moment, while it runs (pg_dump, custom form).  Raises ConfigError."""
    command = [_pg_dump(), "--format=custom", "--compress=0", "--no-password", f"--dbname={database}"]
    command += [f"--host={host}", f"--username={role}"]
    with _started(command, stdout=subprocess.PIPE) as process:
        with cast("BinaryIO", process.stdout) as stream:
            yield stream
        _check(process, f"pg_dump cannot read the database '{database}' as '{role}'")


@contextmanager
def copying(database: Path) -> Iterator[BinaryIO]:
    """Yield a SQLite database as of one moment, while it runs."""
    with tempfile.TemporaryDirectory(prefix="appliance-backup.") as folder:
        copy = Path(folder) / database.name
        with (
            closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(copy)) as to,
        ):
            source.backup(to)
        with copy.open("rb") as stream:
            yield stream


def _pg_dump() -> str:
    """Return the newest pg_dump: an older one refuses a newer server, and a newer one reads an older server."""
    found = sorted(PG_PROGRAMS.glob("*/bin/pg_dump"), key=lambda path: int(path.parts[-3]))
    program = str(found[-1]) if found else shutil.which("pg_dump")
    if program is None:
        raise ConfigError("pg_dump is missing; install the package postgresql-client.")
    return program


@contextmanager
def _started(
    command: list[str],
    *,
    stdin: int | None = subprocess.DEVNULL,
    stdout: int | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program while the block runs; it is gone afterwards, however the block ended."""
    errors: IO[bytes]
    with tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=errors)  # noqa: S603
        except OSError as error:
            raise ConfigError(f"{command[0]} cannot be started; install it.") from error
        try:
            yield process
        except BrokenPipeError:
            process.wait()
            raise ConfigError(f"{command[0]} ended early; see that its key and its disk are good.") from None
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def _check(process: subprocess.Popen[bytes], problem: str) -> None:
    """Wait for a program's end.  Raises ConfigError if it failed; its own words may be a path's or a key's."""
    if process.wait() != 0:
        raise ConfigError(f"{problem}.")
