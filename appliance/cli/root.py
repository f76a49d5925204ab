"""Puts the commands together and says errors the way a person can use them.

An error that was raised on purpose becomes one red sentence that says what to do, and exit code 1; so does a file
that cannot be read or written.  Wrong use is exit code 2, as everywhere.  A fault of ours still shows its
traceback, because hiding it would hide the bug, but not the exception's words: they can be a patient's.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from types import TracebackType
from typing import Annotated

import typer

from appliance.cli import (
    backup,
    client,
    demo,
    doctor,
    engine,
    exclusion,
    isolation,
    lifecycle,
    medium,
    model,
    phi_late,
    policy,
    policy_propose,
    provider,
    provider_close,
    status,
    task,
    up,
)
from appliance.cli.show import console
from appliance.errors import ApplianceError

RUN = "Run"
"""Heading of the commands that start and watch the appliance."""

SET_UP = "Set up"
"""Heading of the commands that change what it may do."""

app = typer.Typer(
    name="appliance",
    help="On-premises, PHI-safe clinical inference appliance.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("up", rich_help_panel=RUN)(up.up)
app.command("demo", rich_help_panel=RUN)(demo.demo)
app.command("status", rich_help_panel=RUN)(status.status)
app.command("doctor", rich_help_panel=RUN)(doctor.doctor)
app.add_typer(client.app, name="client", help="Who may call: add, list, revoke.", rich_help_panel=SET_UP)
app.add_typer(task.app, name="task", help="What may be asked: list, show.", rich_help_panel=SET_UP)
policy.app.command("propose")(policy_propose.propose)
policy.app.command("approve")(policy_propose.approve)
app.add_typer(
    policy.app,
    name="policy",
    help="Who may do what: table, explain, propose, approve, reload.",
    rich_help_panel=SET_UP,
)
provider_close.app.command("list")(provider.list_providers)
provider_close.app.command("show")(provider.show)
app.add_typer(
    provider_close.app,
    name="provider",
    help="Who may get what leaves: list, show, close, open, closings.",
    rich_help_panel=SET_UP,
)
app.add_typer(
    exclusion.app,
    name="exclusion",
    help="Patients whose requests never leave: add, list, confirm, remove.",
    rich_help_panel=SET_UP,
)
app.add_typer(isolation.app, name="isolation", help="Nothing gets out: verify, check.", rich_help_panel=RUN)
app.add_typer(medium.app, name="medium", help="The install medium: build, verify.", rich_help_panel=SET_UP)
app.add_typer(model.app, name="model", help="The weights: prepare, verify, pin.", rich_help_panel=SET_UP)
app.add_typer(phi_late.app, name="phi", help="Identifiers: scan, explain, preview, evaluate.", rich_help_panel=SET_UP)
app.add_typer(backup.app, name="backup", help="One encrypted file of everything: make, open.", rich_help_panel=SET_UP)
app.command("record", rich_help_panel=SET_UP)(lifecycle.record)
app.add_typer(engine.app, name="engine", help="The engine's exact command.", rich_help_panel=SET_UP)


def _say_version(wanted: bool) -> None:
    if wanted:
        console().print(f"appliance {version('clinical-inference-appliance')}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    """Take the options that stand before every command."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    try:
        # Not `app` itself: that puts Python's own report of a crash, with the exception's words, in place of ours.
        typer.main.get_command(app)(args=arguments, prog_name="appliance")
    except ApplianceError as error:
        console(on_stderr=True).print(error.public, style="red", soft_wrap=True)
        sys.exit(1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        is_roots = isinstance(error, PermissionError) and os.geteuid() != 0
        advice = "it is another user's; run the command with 'sudo'" if is_roots else "see 'appliance doctor'"
        console(on_stderr=True).print(f"{where}{error.strerror or type(error).__name__}; {advice}.", style="red")
        sys.exit(1)


def show_crash(kind: type[BaseException], _error: BaseException, trace: TracebackType | None) -> None:
    """Show where a fault of ours happened and its type (`sys.excepthook`)."""
    lines = traceback.format_tb(trace)
    sys.stderr.write(f"{''.join(lines)}{kind.__name__}: its words are held, for they may hold a patient's text.\n")
