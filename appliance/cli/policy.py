"""``appliance policy``: what is written down about who may do what, whether it holds, and why an answer is what it is.

``check``, ``table`` and ``explain`` use the bundle on disk and the functions that decide on a running appliance;
``reload`` makes a running one take the bundle from disk.  None of them reads a request or a record.
"""

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from appliance.approval import Approvals, Closed
from appliance.auth.registry import Client, Registry
from appliance.cli.options import AsJson, Home, settings
from appliance.cli.show import console, print_json
from appliance.cli.site_state import find_running, how_to_start, tell_to_reload
from appliance.cli.supervisor_preflight import restrict
from appliance.cli.supervisor_probes import readiness_of
from appliance.cli.supervisor_state import Running
from appliance.clock import Clock, Moment
from appliance.config import Config
from appliance.decision import Decision
from appliance.errors import ConfigError, ManifestMismatchError
from appliance.exchange import Actor, Purpose
from appliance.models.manifest import load_manifest
from appliance.policy.agreements import check_expiry
from appliance.policy.bundle import Bundle
from appliance.policy.cases import check_cases
from appliance.policy.decide import decide
from appliance.policy.escalate import Ask
from appliance.policy.evidence import Assessment
from appliance.policy.load import load_bundle
from appliance.policy.question import (
    SANDBOX,
    Action,
    Question,
    Resource,
    task_resource,
    trail_resource,
)
from appliance.policy.register import Provider
from appliance.policy.roles import TASK_ACTIONS, TRAIL_ACTIONS, facts_of, resource_of
from appliance.policy.table import render, table
from appliance.policy.task import TaskPolicy
from appliance.routing.candidates import Candidate, Outlook
from appliance.routing.route import Weighing, weigh

RELOAD_WITHIN_S = 10.0
"""A bundle loads in a tenth of a second; ten seconds cover a gateway that is busy."""

LOOK_EVERY_S = 0.2
"""How often the gateway is asked whether it has the new bundle."""

app = typer.Typer(no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class _Ready:
    """The engine as `explain` supposes it: a route is explained for ordinary times."""

    is_ready: bool = True
    state: str = "ready"


@dataclass(frozen=True, slots=True)
class _Open:
    """A provider as `explain` supposes it."""

    state: str = "open"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Broker:
    """The broker as `explain` supposes it: it holds the same policy, and may ask every provider."""

    policy_digest: str
    providers: Mapping[str, _Open]
    reachable: bool = True
    approval: str = ""


@app.command()
def check(
    path: Annotated[
        Path | None, typer.Argument(metavar="[PATH]", help="A policy folder; the one in use by default.")
    ] = None,
    *,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Check a policy folder as a whole, and ask it every case of cases/."""
    folder = path or settings(home).policies
    bundle = load_bundle(folder)
    check_expiry(bundle.providers, Clock().now())
    counts = {
        "tasks": len(bundle.tasks),
        "policies": len(bundle.statements),
        "roles": len(bundle.roles),
        "providers": len(bundle.providers),
        "cases": check_cases(bundle, folder),
    }
    if as_json:
        print_json({"digest": bundle.digest, **counts})
        return
    told = ", ".join(f"{number} {what}" for what, number in counts.items())
    console().print(f"The policy in {folder} holds: {told}.\nDigest {bundle.digest}", soft_wrap=True)


@app.command("table")
def show_table(*, home: Home = None, as_json: AsJson = False) -> None:
    """Print who may do what: every client, every role, every action."""
    config = settings(home)
    bundle = load_bundle(config.policies)
    rows = table(bundle, [client.to_actor() for client in _clients(config) if client.revoked is None])
    if as_json:
        print_json({"digest": bundle.digest, "rows": [row.to_json() for row in rows]})
        return
    console().print(f"{render(rows)}\nPolicy {bundle.digest}", soft_wrap=True)


@app.command()
def explain(
    *,
    client: Annotated[str, typer.Option("--client", metavar="ID|NAME", help="As 'client list' shows it.")],
    task: Annotated[str, typer.Option("--task", metavar="TASK", help="As 'task list' shows it.")],
    action: Annotated[Action, typer.Option("--action", help="What the client wants to do.")] = Action.USE_TASK,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Say whether a client may use a task and why, and which route it would take with which numbers."""
    config = settings(home)
    bundle = load_bundle(config.policies)
    caller = _find(config, client)
    policy = bundle.tasks.get(task)
    if policy is None:
        raise ConfigError(f"There is no task '{task}'; there are: {', '.join(sorted(bundle.tasks))}.")
    question = Question(
        actor=caller.to_actor(),
        action=action,
        resource=_resource(action, policy, caller),
        facts=facts_of(bundle, action, caller.to_actor(), _provider_for(bundle, caller.to_actor())),
    )
    decision = decide(bundle, question)
    model = _model_digest(config)
    outlook, ask = _supposed(config, bundle), _ordinary(policy)
    weighing = weigh(bundle, actor=question.actor, task=policy, model_digest=model, ask=ask, outlook=outlook)
    if as_json:
        print_json(_explained(caller, policy, decision, weighing))
        return
    console().print(_told(caller, policy, decision, weighing, model), soft_wrap=True)


@app.command()
def reload(*, home: Home = None, as_json: AsJson = False) -> None:
    """Check the policy and make the running appliance use it; a bad one changes nothing."""
    config = settings(home)
    bundle = load_bundle(config.policies)
    check_expiry(bundle.providers, Clock().now())
    check_cases(bundle, config.policies)
    running = find_running(config)
    if running is None:
        raise ConfigError(f"Nothing runs on {config.home}; the policy holds and is read by '{how_to_start(config)}'.")
    before = _digest_in_force(running)
    _tell(config, running)
    in_force = _wait_for(running, bundle.digest)
    if as_json:
        print_json({"before": before, "now": bundle.digest, "in_force": in_force})
    else:
        console().print(_reloaded(before, bundle, in_force=in_force), soft_wrap=True)
    if not in_force:
        raise typer.Exit(1)


def _tell(config: Config, running: Running) -> None:
    """Ask for the policy to be read again: our supervisor passes it on, at a site each program is asked."""
    if config.site is None:
        os.kill(running.pid, signal.SIGHUP)
    else:
        tell_to_reload(running, config.site)


def _clients(config: Config) -> tuple[Client, ...]:
    if not config.clients.exists():
        return ()
    restrict()
    return Registry.open(config.clients, config.secrets).list()


def _find(config: Config, id_or_name: str) -> Client:
    """Return the client of this id or name; the active one where a revoked one had the same name."""
    found = [client for client in _clients(config) if id_or_name in {client.id, client.name}]
    if not found:
        raise ConfigError("No client has this id or name; 'appliance client list' shows them.")
    return min(found, key=lambda client: client.revoked is not None)


def _resource(action: Action, task: TaskPolicy, client: Client) -> Resource:
    if action in TASK_ACTIONS:
        return task_resource(task)
    return trail_resource(client.id) if action in TRAIL_ACTIONS else resource_of(action)


def _supposed(config: Config, bundle: Bundle) -> Outlook:
    """Return an engine and a broker that are there; what people approved and closed is as it is."""
    return Outlook(
        engine=_Ready(),
        moment=Moment.at(Clock().now()),
        approval=Approvals.of(config).why_not_bundle(bundle),
        broker=_Broker(bundle.digest, dict.fromkeys(bundle.providers, _Open())),
        closed=Closed.of(config).names(bundle.providers),
    )


def _provider_for(bundle: Bundle, actor: Actor) -> Provider | None:
    """Return the first provider that this tenant may reach at all."""
    reached = (each for each in bundle.providers.values() if each.sandbox == (actor.tenant == SANDBOX))
    return next(reached, None)


def _ordinary(task: TaskPolicy) -> Ask:
    """Return an ordinary request: for treatment, of a patient who is named and under no restriction."""
    return Ask(purpose=Purpose.TREATMENT, data_class=task.data_class, restrictions=frozenset(), patients_named=True)


def _model_digest(config: Config) -> str:
    """Return the digest of the pinned model; empty where no evidence can name the model."""
    if config.engine.upstream is not None:
        return ""
    try:
        return load_manifest(config.engine.model).digest
    except ManifestMismatchError:
        return ""


def _explained(client: Client, task: TaskPolicy, decision: Decision, weighing: Weighing) -> dict[str, object]:
    route = weighing.route
    return {
        "client": {
            "id": client.id,
            "name": client.name,
            "tenant": client.tenant,
            "revoked": client.revoked is not None,
        },
        "task": task.name,
        "action": decision.action,
        "allowed": decision.allowed,
        "reasons": list(decision.reasons),
        "policy_ids": list(decision.policy_ids),
        "policy_digest": decision.policy_digest,
        "threshold": task.threshold.model_dump(),
        "when_unmet": task.when_unmet,
        "evidence": {"local": _numbers(weighing.local)},
        "managed": [_candidate(each) for each in weighing.candidates],
        "route": {
            "route": route.label(),
            "state": route.state.value,
            "illustrative": route.illustrative,
            "below_threshold": route.below_threshold,
            "reasons": list(route.reasons),
        },
    }


def _candidate(candidate: Candidate) -> dict[str, object]:
    return {
        "provider": candidate.provider.name,
        "model": candidate.provider.identity(candidate.model).label(),
        "agreement": candidate.agreement,
        "open": not candidate.objections(),
        "reasons": list(candidate.objections() or candidate.permission.reasons),
        "evidence": _numbers(candidate.assessment),
    }


def _numbers(assessment: Assessment) -> dict[str, object]:
    return {
        "state": assessment.state.value,
        "cases": assessment.n,
        "rate": assessment.rate,
        "lower": assessment.lower,
        "upper": assessment.upper,
        "illustrative": assessment.illustrative,
    }


def _told(client: Client, task: TaskPolicy, decision: Decision, weighing: Weighing, model: str) -> str:
    route = weighing.route
    lines = [
        f"{decision.action}: {'yes' if decision.allowed else 'no'}.  {decision.sentence()}",
        f"  by {', '.join(decision.policy_ids) or 'no policy'} of bundle {decision.policy_digest}",
        "",
        f"Route of {task.name} for {client.name} (tenant {client.tenant}): {route.label()}"
        + (", marked as below its threshold" if route.below_threshold else ""),
        f"  {' '.join(route.reasons)}",
        f"  model {f'sha256:{model}' if model else 'not pinned here: measured evidence cannot name it'}",
        f"  prompt {task.prompt_version}",
        *(_way_out(each) for each in weighing.candidates),
    ]
    if client.revoked is not None:
        lines.insert(0, f"Client {client.name} is revoked: none of its requests is let in.\n")
    return "\n".join(lines)


def _way_out(candidate: Candidate) -> str:
    label, told = f"{candidate.provider.name} {candidate.model.name}", candidate.objections()
    return f"  managed {label}: {'closed; ' + '; '.join(told) if told else f'open under {candidate.agreement}'}"


def _digest_in_force(running: Running) -> str:
    return str(readiness_of(running).body.get("policy_digest", ""))


def _wait_for(running: Running, digest: str) -> bool:
    clock = Clock()
    end_s = clock.monotonic_s() + RELOAD_WITHIN_S
    while _digest_in_force(running) != digest:
        if clock.monotonic_s() > end_s:
            return False
        time.sleep(LOOK_EVERY_S)
    return True


def _reloaded(before: str, bundle: Bundle, *, in_force: bool) -> str:
    told = f"before  {before or 'unknown: the gateway did not say'}\nnow     {bundle.digest}\n"
    if in_force:
        return f"{told}The gateway uses the new policy."
    return (
        f"{told}The policy was checked and the appliance told, but the gateway did not confirm it within "
        f"{RELOAD_WITHIN_S:.0f} s; see 'appliance status'."
    )
