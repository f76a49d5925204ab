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

from audit.errors import (
    AppendError,
    ApprovalError,
    AuditError,
    OpenError,
    PermissionDeniedError,
    QueryError,
    UnknownRecordError,
    VerificationError,
)

EPILOG = (
    "Exit codes: 0 done or verified, 1 failed, 2 wrong usage, 3 tampered, 4 unverifiable, "
    "5 passphrase or key does not open, 6 the act could not be recorded, 7 nothing found by that name, "
    "8 the policy does not permit it, 9 a second officer's approval is missing."
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

    NOT_PERMITTED = 8
    """The policy does not let this officer do this, or the key is no officer's."""

    NOT_APPROVED = 9
    """A second officer's approval is missing, spent, expired, or for something else."""


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
OfficerKeyFile = Annotated[
    Path | None,
    typer.Option("--officer-key-file", help="File whose first line is your officer key; readable by you alone."),
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
    return next((_EXITS[kind] for kind in type(error).__mro__ if kind in _EXITS), Exit.FAILED)


_EXITS: dict[type, Exit] = {
    VerificationError: Exit.TAMPERED,
    OpenError: Exit.NOT_OPENED,
    AppendError: Exit.NOT_RECORDED,
    UnknownRecordError: Exit.NOT_FOUND,
    QueryError: Exit.USAGE,
    PermissionDeniedError: Exit.NOT_PERMITTED,
    ApprovalError: Exit.NOT_APPROVED,
}
"""By class, nearest first."""


def say(sentence: str) -> None:
    """Write one line for the person at the terminal to standard error, so that standard output stays data."""
    typer.echo(f"audit: {sentence}", err=True)
