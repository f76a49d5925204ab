"""Run a program that speaks to a token or a TPM: one question, one answer, within a time.

Secrets go to the child's standard input, or in a file that exists in memory only and that the child inherits; they
MUST NOT stand in its arguments or its environment, which other processes can read (CWE-214).  Its messages are not
repeated to people, because nobody knows what a vendor's library writes.
"""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from audit.errors import OpenError

TIMEOUT_S = 60.0
"""A slow TPM makes a key in seconds; a token that has said nothing for a minute hangs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a child ended."""

    code: int
    """Its exit code; negative when a signal ended it."""

    out: bytes = field(repr=False)
    err: str = field(repr=False)


def run_child(
    command: Sequence[str],
    *,
    data: bytes = b"",
    environment: Mapping[str, str] | None = None,
    inherited: Sequence[int] = (),
    timeout_s: float = TIMEOUT_S,
) -> Ended:
    """Run a program to its end.  Raises OpenError if it is not installed or hangs."""
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program; its arguments are ours and no shell reads them
            command,
            input=data,
            capture_output=True,
            check=False,
            env={**os.environ, **(environment or {})},
            pass_fds=inherited,
            timeout=timeout_s,
        )
    except OSError as error:
        raise OpenError(f"the program {command[0]} cannot be started; install it and run this again") from error
    except subprocess.TimeoutExpired as error:
        raise OpenError(
            f"the program {command[0]} did not end within {timeout_s:.0f} seconds; see that the device answers"
        ) from error
    return Ended(code=done.returncode, out=done.stdout, err=done.stderr.decode("utf-8", "replace"))


@contextmanager
def memory_file(data: bytes) -> Iterator[int]:
    """Give the descriptor of a file in memory that holds a secret, at its beginning, and close it after."""
    descriptor = os.memfd_create("secret", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, data)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)
