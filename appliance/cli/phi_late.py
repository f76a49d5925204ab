"""The ``phi`` commands by name, read only when one of them is called.

They bring Presidio, spaCy and the ONNX runtime with them: a second and a hundred megabytes that `appliance up` and
`appliance status` must not carry.  It is the only place that imports by name.
"""

import importlib

import typer
from typer._click import Command, Context
from typer.core import TyperGroup
from typing_extensions import override

COMMANDS = "appliance.cli.phi"
"""The module with the commands, in ``app``."""


class PhiGroup(TyperGroup):
    """Ask `COMMANDS` for everything, once somebody asks for anything."""

    @override
    def list_commands(self, ctx: Context) -> list[str]:
        """Return the names of the commands."""
        return _group().list_commands(ctx)

    @override
    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        """Return one command by its name."""
        return _group().get_command(ctx, cmd_name)


def _group() -> TyperGroup:
    group = typer.main.get_command(importlib.import_module(COMMANDS).app)
    if not isinstance(group, TyperGroup):
        raise TypeError("appliance phi is a group of commands")
    return group


app = typer.Typer(cls=PhiGroup, no_args_is_help=True)
"""What `cli.root` adds."""


@app.callback()
def _phi() -> None:
    """Look for identifiers in texts, on this machine."""
