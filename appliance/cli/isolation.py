"""``appliance isolation verify | check``: proves on a running host that nothing gets out but what is listed.

`verify` needs root, takes about five seconds, changes nothing, writes its report where the gateway looks, and records
it in the trail.  Exit codes: 0 proven; 1 not proven, or it could not be recorded; 2 wrong use.
"""

import os
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.text import Text

from appliance.cli.options import AsJson, Home, settings
from appliance.cli.record import record_operation
from appliance.cli.show import console, print_json, table
from appliance.config import Config
from appliance.errors import ConfigError
from appliance.isolation import check as unit_check
from appliance.isolation.attempt import Outcome
from appliance.isolation.network_file import Endpoint, networks
from appliance.isolation.report import FOLDER, Report, UnitReport, write_report
from appliance.isolation.verify import verify as prove
from appliance.policy.load import load_bundle

PROVEN, NOT_PROVEN = "isolation_proven", "isolation_not_proven"
"""Codes of the records in the trail."""

MAX_NAMED = 20
"""Findings that a record names; the report has all."""

app = typer.Typer(no_args_is_help=True)


@app.command("verify")
def verify(*, home: Home = None, as_json: AsJson = False) -> None:
    """Try to get out from inside every unit, and say whether anything could."""
    config = settings(home)
    site = config.site
    if site is None or os.geteuid() != 0:
        message = "isolation is proven on a host that the playbook installed, by root: sudo appliance isolation verify."
        raise ConfigError(message)
    report = prove(config.home, tuple(_registered(config)))
    write_report(report, site.run / FOLDER)
    is_recorded = _record(config, report)
    if as_json:
        print_json({**report.to_json(), "recorded": is_recorded})
    else:
        _show(report, is_recorded=is_recorded)
    if not (report.holds and is_recorded):
        raise typer.Exit(1)


@app.command("check")
def check(
    unit: Annotated[str, typer.Option("--unit", metavar="NAME", help="The unit, without 'appliance-'.")],
    *,
    home: Home = None,
) -> None:
    """Check the isolation of the unit in which this runs; what its ExecStartPre does."""
    code = unit_check.main(("--unit", unit, "--home", str(settings(home).home)))
    raise typer.Exit(code)


def _registered(config: Config) -> Iterator[Endpoint]:
    """Give the hosts of the register on disk: what the firewall should have been made from."""
    for provider in load_bundle(config.policies).providers.values():
        pinned = provider.endpoint
        yield Endpoint(name=pinned.host, addresses=networks(list(pinned.addresses)), port=pinned.port)


def _record(config: Config, report: Report) -> bool:
    """Record what was found; False if no recorder runs."""
    failed = [f"{name}: {each.group}: {each.target}" for name, each in report.failures]
    facts: dict[str, str | int | bool | list[str]] = {
        "tries": report.tries,
        "failures": len(failed),
        "units": [f"{unit.name} {unit.state}" for unit in report.units],
        "failed": failed[:MAX_NAMED],
    }
    return record_operation(config.recorder_socket, PROVEN if report.holds else NOT_PROVEN, facts)


def _show(report: Report, *, is_recorded: bool) -> None:
    out = console()
    columns = ("unit", "state", "tries", "refused", "not refused", "verdict")
    rows = [_row(unit) for unit in report.units]
    host = UnitReport(name="host", state="rules", attempts=report.host)
    out.print(table("", columns, [*rows, _row(host)]))
    if report.failures:
        found = ((name, each.group, each.target, each.evidence) for name, each in report.failures)
        out.print(table("What did not hold", ("unit", "tried", "on", "evidence"), found))
    said = "Isolation is proven" if report.holds else "Isolation is NOT proven"
    out.print(f"{said}: {report.tries} tries in {report.seconds:.1f} s.", soft_wrap=True)
    if not is_recorded:
        out.print("The recorder does not run, so the trail does not hold this result.", style="red", soft_wrap=True)


def _row(unit: UnitReport) -> tuple[str, str, str, str, str, Text]:
    refused = sum(each.outcome is Outcome.REFUSED for each in unit.attempts)
    failed = sum(not each.holds for each in unit.attempts)
    verdict = Text("FAILED", style="red") if failed else Text("holds", style="green")
    return unit.name, unit.state, str(len(unit.attempts)), str(refused), str(failed), verdict
