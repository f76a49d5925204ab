"""``appliance status``: what runs, whether it can answer, and what it would answer with.

Asks the supervisor's state file, the gateway's readiness and the recorder's health; reads no patient data.
Exit codes: 0 ready; 1 running and not ready; 3 not running.
"""

import contextlib
from collections.abc import Iterator
from datetime import datetime

import typer
from rich.text import Text

from appliance.cli.options import AsJson, Home, settings
from appliance.cli.record import ask_health
from appliance.cli.show import console, print_json, table
from appliance.cli.site_state import find_running, how_to_start
from appliance.cli.status_policy import policy_on_disk
from appliance.cli.supervisor_probes import Readiness, readiness_of
from appliance.cli.supervisor_state import ProcessState, Running
from appliance.clock import Clock
from appliance.config import Config
from appliance.errors import ApplianceError
from appliance.models.manifest import load_manifest
from appliance.policy.agreements import ENDED

EXIT_NOT_READY = 1
"""It runs and cannot answer now."""

EXIT_NOT_RUNNING = 3
"""As service managers say it: the program is not running (LSB init script actions)."""

STATE_COLOURS = {"running": "green", "starting": "yellow", "refused": "red", "waiting_to_restart": "red"}
"""Colours beside the words, never instead of them."""


def status(*, home: Home = None, as_json: AsJson = False) -> None:
    """Show what runs, whether it is ready, and what it answers with."""
    config = settings(home)
    running = find_running(config)
    readiness = readiness_of(running) if running else None
    report = _report(config, running, readiness)
    if as_json:
        print_json(report)
    else:
        _show(report, running, how_to_start=how_to_start(config))
    if running is None or readiness is None:
        raise typer.Exit(EXIT_NOT_RUNNING)
    if not readiness.ready:
        raise typer.Exit(EXIT_NOT_READY)


def _report(config: Config, running: Running | None, readiness: Readiness | None) -> dict[str, object]:
    policy, agreements = policy_on_disk(config)
    return {
        "running": running is not None,
        "ready": readiness is not None and readiness.ready,
        "reasons": list(readiness.reasons) if readiness else [],
        "home": str(config.home),
        **_addresses(running),
        "policy": policy,
        "agreements": agreements,
        "model": _model(config, running),
        "trail": ask_health(config.recorder_socket) if running else {},
        "readyz": readiness.body if readiness else {},
        "processes": {name: state.model_dump() for name, state in running.processes.items()} if running else {},
    }


def _addresses(running: Running | None) -> dict[str, object]:
    if running is None:
        return {}
    return running.model_dump(mode="json", include={"pid", "since", "url", "console_url", "metrics_url", "ca"})


def _model(config: Config, running: Running | None) -> dict[str, object]:
    upstream = running.upstream if running else config.engine.upstream
    if upstream is not None:
        return {"upstream": upstream, "pinned": False}
    try:
        manifest = load_manifest(config.engine.model)
    except ApplianceError as error:
        return {"folder": str(config.engine.model), "problem": error.public}
    return {"name": manifest.name, "digest": manifest.digest, "pinned": True}


def _show(report: dict[str, object], running: Running | None, *, how_to_start: str) -> None:
    out = console()
    if running is None:
        out.print(f"Not running ({report['home']}). Start it with '{how_to_start}'.", style="yellow")
        out.print(table("", ("", ""), _rows(report)))
        _show_agreements(report)
        return
    style = "green" if report["ready"] else "red"
    reasons = report["reasons"]
    why = f": {', '.join(map(str, reasons))}" if isinstance(reasons, list) and reasons else ""
    out.print(f"{'Ready' if report['ready'] else 'Not ready'}{why}", style=style)
    columns = ("process", "state", "pid", "since", "restarts", "")
    out.print(table("", columns, (_process_row(name, state) for name, state in running.processes.items())))
    out.print(table("", ("", ""), _rows(report)))
    _show_agreements(report)


def _show_agreements(report: dict[str, object]) -> None:
    """Say loudly what ends: a provider that closes by itself must surprise nobody."""
    agreements = report["agreements"]
    for each in agreements if isinstance(agreements, list) else ():
        console().print(each["sentence"], style="red" if each["threshold"] == ENDED else "yellow", soft_wrap=True)


def _process_row(name: str, process: ProcessState) -> tuple[object, ...]:
    state = Text(process.state.replace("_", " "), style=STATE_COLOURS.get(process.state, ""))
    return name, state, process.pid or "", _age(process.since), process.restarts, process.detail


def _rows(report: dict[str, object]) -> Iterator[tuple[str, object]]:
    for name in ("home", "url", "console_url", "metrics_url", "ca"):
        if name in report:
            yield name.replace("_", " "), report[name]
    for name in ("policy", "model", "trail"):
        part = report[name]
        if isinstance(part, dict):
            yield from ((f"{name} {key.replace('_', ' ')}", _short(value)) for key, value in part.items())


def _short(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_short, value))
    if isinstance(value, dict):
        return f"{value.get('name', '')} {value.get('state', '')} ({value.get('reason') or value.get('kind', '')})"
    text = str(value)
    with contextlib.suppress(ValueError):
        return f"{text} ({_age(text)} ago)" if "T" in text else text
    return text


def _age(since: str) -> str:
    """Return how long ago a moment was, in the largest whole unit that a person would use."""
    if not since:
        return ""
    seconds = int((Clock().now() - datetime.fromisoformat(since)).total_seconds())
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{max(seconds, 0)} s"
