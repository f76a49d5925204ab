"""``appliance doctor``: checks the machine and the home folder, and says what to do about each finding.

Changes nothing and reads no patient data.  Exit codes: 0 nothing failed (warnings may stand); 1 something did.
"""

from collections.abc import Callable, Iterator, Mapping

import typer
from rich.text import Text

from appliance.cli import doctor_agreements, doctor_exclusions, doctor_home, doctor_machine
from appliance.cli.doctor_finding import Finding, Verdict, failed
from appliance.cli.options import AsJson, Home, settings
from appliance.cli.show import console, print_json, table
from appliance.config import Config
from appliance.errors import ApplianceError

COLOURS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAILED: "red"}
"""Colours beside the words, never instead of them."""

CHECKS: Mapping[str, Callable[[Config], Iterator[Finding]]] = {
    "python": doctor_machine.python,
    "engine environment": doctor_machine.engine_environment,
    "compiler": doctor_machine.compiler,
    "memory": doctor_machine.memory,
    "disk": doctor_machine.disk,
    "clock": doctor_machine.clock,
    "ports": doctor_machine.ports,
    "model": doctor_home.model,
    "guard models": doctor_home.guard_models,
    "policy": doctor_home.policy,
    "agreements": doctor_agreements.agreements,
    "exclusions": doctor_exclusions.exclusions,
    "certificates": doctor_home.certificates,
    "clients": doctor_home.clients,
    "trail": doctor_home.trail,
    "backups": doctor_home.backups,
    "file modes": doctor_home.modes,
    "supervisor": doctor_home.supervisor,
}
"""Every check, in the order in which a start would need it."""


def doctor(*, home: Home = None, as_json: AsJson = False) -> None:
    """Check this machine and this home folder, and say what to do."""
    config = settings(home)
    findings = [finding for name in CHECKS for finding in _examine(name, config)]
    is_bad = any(finding.verdict is Verdict.FAILED for finding in findings)
    if as_json:
        print_json({"ok": not is_bad, "checks": [_to_json(finding) for finding in findings]})
    else:
        rows = [
            (finding.check, Text(finding.verdict, style=COLOURS[finding.verdict]), finding.found, finding.advice)
            for finding in findings
        ]
        console().print(table("", ("check", "", "found", "what to do"), rows))
    if is_bad:
        raise typer.Exit(1)


def _examine(name: str, config: Config) -> Iterator[Finding]:
    """Run one check; what stops it is its finding, and never stops the next."""
    try:
        yield from CHECKS[name](config)
    except ApplianceError as error:
        yield failed(name, error.public, "as the sentence says")
    except OSError as error:
        yield failed(name, f"{error.filename or name}: {error.strerror}", "mend its owner and mode")


def _to_json(finding: Finding) -> dict[str, str]:
    return {
        "check": finding.check,
        "verdict": finding.verdict,
        "found": finding.found,
        "advice": finding.advice,
    }
