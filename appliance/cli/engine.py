"""``appliance engine``: what the engine's process is.

It prints what the supervisor runs, from the same functions (`engine.process`), and runs nothing itself.
"""

import shlex
from typing import Annotated

import typer
from rich.text import Text

from appliance.cli.options import AsJson, Home, settings
from appliance.cli.show import console, print_json, table
from appliance.clock import Clock
from appliance.engine import process
from appliance.engine.advisories import load_ledger
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


@app.command("advisories")
def show_advisories(
    *,
    vex: Annotated[bool, typer.Option("--vex", help="Print the OpenVEX document that scanners take.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what each published advisory of vLLM can do here, and what stands in its way."""
    ledger, now = load_ledger(), Clock().now()
    if vex:
        print_json(ledger.to_vex(at=now))
        return
    found = [
        {"ids": each.ids, "what": each.what, "fixed": each.fixed, "controls": each.controls}
        | {name: each.state(pin) for name, pin in ledger.pins.items()}
        for each in ledger.advisories
    ]
    if as_json:
        print_json({"reviewed": ledger.reviewed, "due": ledger.is_due(now.date()), "advisories": found})
        return
    pins = [f"{name} {pin}" for name, pin in ledger.pins.items()]
    rows = [
        (each.ids[0], each.what, *(each.state(pin) for pin in ledger.pins.values()), ", ".join(each.controls))
        for each in ledger.advisories
    ]
    console().print(table("Advisories", ("advisory", "what", *pins, "what stands in its way"), rows))
    due = "; a review is due: compare the list with vLLM's advisories" if ledger.is_due(now.date()) else ""
    console().print(f"reviewed on {ledger.reviewed}{due}")


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
