"""``appliance demo``: real clinical tasks through the whole appliance, and the proof that they left.

Uses the appliance that runs on the home folder, or starts one and stops it again.  Adds a client in the sandbox tenant
and revokes it at the end.  With ``--stand-in`` one request leaves, from a second appliance to a program on this machine
(`demo_sandbox`).  Exit codes: 0 everything behaved as it should; 1 something did not, and is named.
"""

import secrets
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import httpx
import typer
from rich.console import Console

from appliance.auth.registry import Registry
from appliance.cli.client import DEFAULT_ROLE
from appliance.cli.demo_appliance import appliance
from appliance.cli.demo_sandbox import sandbox
from appliance.cli.demo_script import STEPS, TASKS, TENANT
from appliance.cli.demo_stage import Stage
from appliance.cli.demo_trail import in_the_trail
from appliance.cli.options import Home, settings
from appliance.cli.show import console
from appliance.cli.supervisor_preflight import restrict
from appliance.cli.supervisor_state import Running
from appliance.config import Config
from appliance.errors import ConfigError

ANSWER_WITHIN_S = 180.0
"""The longest deadline of the tasks shown; two cores draft a few words a second."""


def demo(
    *,
    home: Home = None,
    stand_in: Annotated[
        str | None,
        typer.Option(
            "--stand-in",
            metavar="MODULE",
            help="Also show a request that leaves: to this program, which stands in for a managed API on this machine.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Send real tasks through the whole appliance and show what they leave behind."""
    restrict()
    config, out = settings(home), console()
    if config.site is not None:
        raise ConfigError(f"{config.home} is a site's, and the demonstration leaves records; give it another --home.")
    with appliance(config, out) as running:
        failed = _play(config, running, out, stand_in=stand_in)
    if failed:
        raise typer.Exit(1)


def _play(config: Config, running: Running, out: Console, *, stand_in: str | None) -> bool:
    """Run every step, show the summary, and say whether anything was not as it should be."""
    registry = Registry.open(config.clients, config.secrets)
    name = f"demo-{secrets.token_hex(4)}"
    client, key = registry.add(name=name, tenant=TENANT, tasks=TASKS, roles=[DEFAULT_ROLE])
    try:
        with _http(running, key) as http:
            stage = Stage(config=config, running=running, http=http, out=out, patient=f"DEMO-{secrets.token_hex(4)}")
            out.print(f"Client {client.id} may use {', '.join(client.tasks)}; patient {stage.patient} is made up.")
            for step in (*STEPS, in_the_trail):
                with _survived(stage, step.__name__):
                    step(stage)
            if stand_in is not None:
                with _survived(stage, "sandbox"):
                    sandbox(stage, stand_in)
            registry.revoke(client.id)
            with _survived(stage, "revoked"):
                _revoked(stage)
    finally:
        if any(known.id == client.id and known.revoked is None for known in registry.list()):
            registry.revoke(client.id)
    return _sum_up(stage)


@contextmanager
def _http(running: Running, key: str) -> Iterator[httpx.Client]:
    trust = ssl.create_default_context(cafile=str(running.ca))
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(
        base_url=running.url, headers=headers, verify=trust, timeout=ANSWER_WITHIN_S, trust_env=False
    ) as http:
        yield http


@contextmanager
def _survived(stage: Stage, step: str) -> Iterator[None]:
    """Count a connection that broke, or an answer of another form, as an expectation that failed; go on."""
    try:
        yield
    except (httpx.HTTPError, OSError, ValueError, LookupError, TypeError, subprocess.TimeoutExpired) as error:
        stage.expect(f"the step '{step}' runs to its end", holds=False, found=type(error).__name__)


def _revoked(stage: Stage) -> None:
    stage.title("GET /v1/models after 'appliance client revoke'")
    status = stage.http.get("/v1/models").status_code
    stage.expect("the revoked key opens nothing any more", holds=status == httpx.codes.UNAUTHORIZED, found=status)


def _sum_up(stage: Stage) -> bool:
    failed = [check for check in stage.checks if not check.holds]
    stage.title("Summary")
    stage.out.print(f"  {len(stage.checks) - len(failed)} of {len(stage.checks)} expectations held.")
    for check in failed:
        stage.out.print(f"  FAILED    {check.what}; found: {check.found}", style="red", soft_wrap=True)
    if not failed:
        stage.out.print("  Everything behaved as it should.", style="green")
    stage.out.print(f"\n  gateway {stage.running.url}, console {stage.running.console_url}, CA {stage.running.ca}")
    return bool(failed)
