"""``appliance client``: which integrations may call, with which tasks.

A key is shown once, when it is made; only its keyed hash is kept.  A revoked key stops working with the next request,
also on a running gateway, which reads the register again when it has changed.  Granting a task here does not
overrule the policy: both must agree.  Each change is an operation of the trail, an addition before it takes effect.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated

import typer

from appliance.auth.registry import Client, Registry
from appliance.cli.options import AsJson, Home, settings
from appliance.cli.record import record_operation
from appliance.cli.show import console, print_json, table
from appliance.cli.supervisor_preflight import restrict
from appliance.config import Config
from appliance.errors import ConfigError
from appliance.policy.bundle import Bundle
from appliance.policy.load import load_bundle
from appliance.policy.question import PrincipalKind
from appliance.trail import Facts

DEFAULT_ROLE = "integration"
"""The role of ``policies/roles.yaml`` that a calling program needs."""

app = typer.Typer(no_args_is_help=True)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="A name for people, such as the EHR's.")],
    *,
    task: Annotated[list[str], typer.Option("--task", metavar="TASK", help="A task it may use; repeat for more.")],
    role: Annotated[
        list[str] | None, typer.Option("--role", metavar="ROLE", help="A role of policies/roles.yaml.")
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="Its tenant, when not the appliance's own.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Add a client and print its key, once."""
    restrict()
    config = settings(home)
    bundle = load_bundle(config.policies)
    roles = role or [DEFAULT_ROLE]
    _check_known("task", task, bundle.tasks)
    _check_known("role", roles, _client_roles(bundle))
    client, key = _registry(config).add(
        name=name,
        tenant=tenant or config.tenant,
        tasks=task,
        roles=roles,
        record=lambda client: _record(config, "client_added", client),
    )
    if as_json:
        print_json({**_to_json(client), "key": key})
        return
    out = console()
    out.print(f"Client {client.id} ({client.name}) may use: {', '.join(client.tasks)}")
    out.print(f"\n  {key}\n", style="bold", soft_wrap=True)
    out.print("This is its key; it is not kept and cannot be shown again.")


@app.command("list")
def list_clients(*, home: Home = None, as_json: AsJson = False) -> None:
    """List every client, revoked ones too."""
    restrict()
    clients = _registry(settings(home)).list()
    if as_json:
        print_json([_to_json(client) for client in clients])
        return
    rows = [
        (client.id, client.name, client.tenant, ", ".join(client.tasks), ", ".join(client.roles), _standing(client))
        for client in clients
    ]
    console().print(table("", ("id", "name", "tenant", "tasks", "roles", "since"), rows))


@app.command()
def revoke(
    client: Annotated[str, typer.Argument(metavar="ID|NAME", help="As 'client list' shows it.")],
    *,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """End a client's key at once, also on a running appliance."""
    restrict()
    config = settings(home)
    # Ended first: what closes a door never waits for the trail.
    ended = _registry(config).revoke(client)
    _record(config, "client_revoked", ended)
    if as_json:
        print_json(_to_json(ended))
        return
    console().print(f"Client {ended.id} ({ended.name}) is revoked; its key opens nothing any more.")


def _registry(config: Config) -> Registry:
    return Registry.open(config.clients, config.secrets)


def _record(config: Config, code: str, client: Client) -> None:
    """Record a change of the register.  Raises AuditUnavailableError if a recorder runs and refuses."""
    facts: Facts = {
        "client_id": client.id,
        "tenant": client.tenant,
        "tasks": list(client.tasks),
        "roles": list(client.roles),
    }
    if not record_operation(config.recorder_socket, code, facts):
        console(on_stderr=True).print("No recorder runs; the gateway records the register at its start.", style="dim")


def _client_roles(bundle: Bundle) -> list[str]:
    """Return the roles that a program may hold; those of people are proven elsewhere."""
    return [name for name, role in bundle.roles.items() if role.principal is PrincipalKind.CLIENT]


def _check_known(what: str, wanted: Iterable[str], known: Iterable[str]) -> None:
    names = sorted(known)
    for name in wanted:
        if name not in names:
            raise ConfigError(f"There is no {what} '{name}' for clients; there are: {', '.join(names)}.")


def _standing(client: Client) -> str:
    return f"revoked {client.revoked}" if client.revoked else client.created


def _to_json(client: Client) -> Mapping[str, object]:
    return {
        "client_id": client.id,
        "name": client.name,
        "tenant": client.tenant,
        "tasks": list(client.tasks),
        "roles": list(client.roles),
        "created": client.created,
        "revoked": client.revoked,
    }
