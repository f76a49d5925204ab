"""What every `audit` command shares: its options, its exit codes, and how an error reaches a person.

An `AuditError` becomes one line on standard error and a documented exit code, never a traceback; anything else is a
fault of ours and is left to show itself.  Nothing here reads the trail.
"""

import functools
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Annotated, ParamSpec

import typer

from audit.errors import AppendError, AuditError, OpenError, QueryError, UnknownRecordError, VerificationError

EPILOG = (
    "Exit codes: 0 done or verified, 1 failed, 2 wrong usage, 3 tampered, 4 unverifiable, "
    "5 passphrase or key does not open, 6 the read could not be recorded, 7 nothing found by that name."
)
"""Shown under every command's help."""


class Exit(IntEnum):
    """Exit codes of every command; the list only grows."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    TAMPERED = 3
    UNVERIFIABLE = 4
    NOT_OPENED = 5
    """Wrong passphrase, destroyed or damaged key."""

    NOT_RECORDED = 6
    """The act must be recorded first and no recorder took the record."""

    NOT_FOUND = 7
    """Nothing in the trail goes by this name."""


Home = Annotated[
    Path | None,
    typer.Option(
        "--home", envvar="APPLIANCE_HOME", help="Folder with the appliance's state, or a copied trail folder."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output instead of a table.")]
PassphraseFile = Annotated[
    Path | None,
    typer.Option("--passphrase-file", help="File whose first line is the custodian passphrase."),
]

_P = ParamSpec("_P")


def commands(text: str) -> typer.Typer:
    """Return an empty group of commands with one line of help."""
    return typer.Typer(
        help=text, epilog=EPILOG, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
    )


def reported(command: Callable[_P, None]) -> Callable[_P, None]:
    """Turn an AuditError of the command into its sentence on standard error and its exit code."""

    @functools.wraps(command)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except AuditError as error:
            say(str(error))
            raise typer.Exit(exit_code(error)) from error

    return run


def exit_code(error: AuditError) -> Exit:
    """Return the documented code of an error's class."""
    match error:
        case VerificationError():
            return Exit.TAMPERED
        case OpenError():
            return Exit.NOT_OPENED
        case AppendError():
            return Exit.NOT_RECORDED
        case UnknownRecordError():
            return Exit.NOT_FOUND
        case QueryError():
            return Exit.USAGE
        case _:
            return Exit.FAILED


def say(sentence: str) -> None:
    """Write one line for the person at the terminal to standard error, so that standard output stays data."""
    typer.echo(f"audit: {sentence}", err=True)
