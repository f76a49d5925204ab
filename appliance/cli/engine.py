"""``appliance engine``: what the engine's process is.

It prints what the supervisor runs, from the same functions (`engine.process`), and runs nothing itself.
"""

import shlex
from typing import Annotated

import typer
from rich.text import Text

from appliance.cli.options import AsJson, Home, settings
from appliance.cli.show import console, print_json, table
from appliance.engine import process
from appliance.engine.profiles import PROFILES
from appliance.errors import ConfigError

app = typer.Typer(no_args_is_help=True, help="The inference engine: what runs, and why with these flags.")

ProfileName = Annotated[
    str | None, typer.Option("--profile", help=f"One of: {', '.join(PROFILES)}; else the configured.")
]
"""``--profile NAME``."""


@app.callback()
def engine() -> None:
    """Group the commands of the engine."""


@app.command("command")
def show_command(*, profile: ProfileName = None, home: Home = None, as_json: AsJson = False) -> None:
    """Print the exact command and environment of the engine's process, each part with its reason."""
    config = settings(home)
    name = profile or config.engine.profile
    if name not in PROFILES:
        raise ConfigError(f"There is no engine profile of that name; choose one of: {', '.join(PROFILES)}.")
    config = config.model_copy(update={"engine": config.engine.model_copy(update={"profile": name})})
    command = process.command(config.engine, config.engine_socket)
    environment = process.environment(config)
    flags = [{"name": flag.name, "value": flag.value, "reason": flag.reason} for flag in PROFILES[name].flags]
    if as_json:
        print_json({"profile": name, "command": command, "environment": environment, "flags": flags})
        return
    reasons = {variable.name: variable.reason for variable in process.variables(config)}
    out = console()
    out.print(Text(shlex.join(command)), soft_wrap=True)
    out.print(table("Flags", ("flag", "value", "why"), [tuple(flag[key] or "" for key in flag) for flag in flags]))
    rows = [(key, value, reasons.get(key, "Inherited.")) for key, value in sorted(environment.items())]
    out.print(table("Environment, and nothing else", ("variable", "value", "why"), rows))
