"""``appliance up``: all five processes under one supervisor, until Ctrl-C.

Exit codes: 0 stopped when told to; 1 not started, the cause is named; 2 wrong use, or the home folder or a port is
held by somebody else.  With ``--json`` standard output carries one line and nothing else, once it is ready.
"""

import asyncio
import ipaddress
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, TextIO
from urllib.parse import urlsplit

import structlog
import typer
from pydantic import ValidationError

from appliance.cli.options import AsJson, Home, settings
from appliance.cli.show import console, print_json
from appliance.cli.site_state import how_to_start
from appliance.cli.supervisor import Supervisor
from appliance.cli.supervisor_claims import StartConflictError, claimed, with_ports
from appliance.cli.supervisor_plan import programs
from appliance.cli.supervisor_preflight import prepare, restrict
from appliance.cli.supervisor_state import Running, boot_id
from appliance.clock import Clock
from appliance.config import Config, make_private
from appliance.errors import ConfigError

READY_WITHIN_S = 900.0
"""vLLM's first start compiles for minutes on two cores; fifteen minutes without an answer is a failure."""

EXIT_CONFLICT = 2
"""The home folder or a port is held by somebody else."""

app = typer.Typer()


@app.command()
def up(  # noqa: PLR0913  # each parameter is an option of the command
    *,
    home: Home = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, show_default=False, help="Gateway's port; 0 takes a free one.")
    ] = None,
    console_port: Annotated[
        int | None, typer.Option(min=0, max=65535, show_default=False, help="Console's port; the gateway's plus one.")
    ] = None,
    upstream: Annotated[
        str | None, typer.Option(metavar="URL|unix:PATH", help="An OpenAI-compatible server in the engine's place.")
    ] = None,
    upstream_model: Annotated[
        str | None, typer.Option(metavar="NAME", help="The model to ask that server for.")
    ] = None,
    profile: Annotated[str | None, typer.Option(metavar="cpu|a100x2|a100x2x2", help="The engine's flags.")] = None,
    within: Annotated[
        float, typer.Option(metavar="SECONDS", min=1, help="Give up when not ready by then.")
    ] = READY_WITHIN_S,
    as_json: AsJson = False,
) -> None:
    """Start the whole appliance and keep it running until Ctrl-C."""
    restrict()
    engine = {"upstream": upstream, "upstream_model": upstream_model, "profile": profile}
    try:
        config = override(settings(home), {"port": port, "console_port": console_port}, engine)
        if config.site is not None:
            raise ConfigError(f"{config.home} is a site's, whose programs systemd starts: '{how_to_start(config)}'.")
        with claimed(config.home):
            _run(with_ports(config), within_s=within, as_json=as_json)
    except StartConflictError as conflict:
        console(on_stderr=True).print(conflict.public, style="red", soft_wrap=True)
        raise typer.Exit(EXIT_CONFLICT) from conflict


def _run(config: Config, *, within_s: float, as_json: bool) -> None:
    make_private(config.log)
    announce = _announcer(as_json=as_json)
    certificates = prepare(config, announce=announce)
    with (config.log / "supervisor.log").open("a", buffering=1) as log:
        _log_to(log)
        running = Running(
            pid=os.getpid(),
            boot=boot_id(),
            since=Clock().now().isoformat(timespec="seconds"),
            home=config.home,
            url=f"https://{_in_url(config.host)}:{config.port}",
            console_url=f"https://{_in_url(config.host)}:{config.console_port}",
            metrics_url=f"http://127.0.0.1:{config.metrics_port}",
            ca=certificates.ca,
            upstream=config.engine.upstream,
            profile=config.engine.profile,
        )
        supervisor = Supervisor(config, programs(config, certificates), running=running, announce=announce)
        on_ready = print_ready_json if as_json else print_ready
        asyncio.run(supervisor.run(on_ready=on_ready, within_s=within_s))
    announce(f"{'stopped':<11} every record is in the trail")


def override(config: Config, ports: Mapping[str, int | None], engine: Mapping[str, str | None]) -> Config:
    """Return the settings with what the command line says in the place of what the file says."""
    said = {name: value for name, value in ports.items() if value is not None}
    said_engine = {name: value for name, value in engine.items() if value is not None}
    kept = config.model_dump(exclude_unset=True)
    try:
        changed = Config.model_validate({**kept, **said, "engine": {**kept.get("engine", {}), **said_engine}})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ConfigError(f"--{first['loc'][-1]}: {first['msg']}.".replace("_", "-")) from error
    _check_upstream(changed.engine.upstream)
    return changed


def _check_upstream(upstream: str | None) -> None:
    """Refuse a server on another machine: prompts would cross the network in the clear (promise 1)."""
    if upstream is None:
        return
    if upstream.startswith("unix:"):
        if not Path(upstream.removeprefix("unix:")).is_socket():
            raise ConfigError(f"--upstream: {upstream.removeprefix('unix:')} is no socket; start that server first.")
        return
    parts = urlsplit(upstream)
    if parts.scheme != "http" or not _is_loopback(parts.hostname or ""):
        raise ConfigError("--upstream: give http://127.0.0.1:PORT or unix:PATH; another machine is not allowed.")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _in_url(host: str) -> str:
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # shown, not bound to
    return f"[{reachable}]" if ":" in reachable else reachable


def _announcer(*, as_json: bool) -> Callable[[str], None]:
    """Return where progress is told: with JSON only to a person who watches standard error."""
    out = console(on_stderr=as_json)
    if as_json and not out.is_terminal:
        return lambda _line: None
    return out.print


def _log_to(file: TextIO) -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        logger_factory=structlog.PrintLoggerFactory(file),
    )


def print_ready_json(running: Running) -> None:
    """Print the one line that a program waits for."""
    print_json({"event": "ready", **running.model_dump(mode="json", exclude={"processes", "boot", "ready"})})


def print_ready(running: Running) -> None:
    """Tell a person where the appliance is and what to do next."""
    out = console()
    out.print("\nThe appliance is ready.", style="bold green")
    out.print(f"  gateway  {running.url}")
    out.print(f"  console  {running.console_url}")
    out.print(f"  CA       {running.ca}")
    out.print("\nAdd a client:  appliance client add my-ehr --task medical-coding")
    out.print("Stop:          Ctrl-C\n")
