"""Where the demo plays: what every step may use, and where what it expected is kept.

Shows what came back and whether it is what had to come back.  Texts shown are the demo's own, never a patient's.
"""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx
from rich.console import Console

from appliance.cli.supervisor_state import Running
from appliance.config import Config

WIDTH = 100
"""Columns of a shown draft; wider lines read badly."""

SHOWN_LINES = 12
"""Lines of a draft that are shown; the rest is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One expectation and whether it held."""

    what: str
    holds: bool
    found: str = ""


@dataclass(slots=True, kw_only=True)
class Stage:
    """The running appliance, one client of it, and the expectations so far."""

    config: Config
    running: Running
    http: httpx.Client
    out: Console
    patient: str
    """A made-up record number of this run alone."""

    user: str = "demo-user"
    exchanges: dict[str, str] = field(default_factory=dict)
    """Exchange ids of what was asked, by task."""

    checks: list[Check] = field(default_factory=list)

    def title(self, text: str) -> None:
        """Begin a step."""
        self.out.print(f"\n{text}", style="bold")

    def say(self, name: str, value: object) -> None:
        """Show one value, wrapped under its name."""
        lines = [part for line in str(value).splitlines() for part in textwrap.wrap(line, WIDTH) or [""]]
        shown = lines[:SHOWN_LINES] + (
            [f"... and {len(lines) - SHOWN_LINES} more lines"] if len(lines) > SHOWN_LINES else []
        )
        for number, line in enumerate(shown or [""]):
            self.out.print(f"  {name if number == 0 else '':<9} {line}", soft_wrap=True)

    def expect(self, what: str, *, holds: bool, found: object = "") -> bool:
        """Keep one expectation, show whether it held, and return that."""
        self.checks.append(Check(what=what, holds=holds, found=str(found)))
        if holds:
            self.out.print(f"  ok        {what}", style="green", soft_wrap=True)
        else:
            self.out.print(f"  FAILED    {what}; found: {found}", style="red", soft_wrap=True)
        return holds

    def provenance(self, headers: Mapping[str, str], reasons: object) -> None:
        """Show how an answer came about and hold it against what every answer must say."""
        route, receipt = headers.get("appliance-route", ""), headers.get("appliance-receipt", "")
        self.say("route", f"{route}; evidence: {headers.get('appliance-evidence', '')}")
        for reason in reasons if isinstance(reasons, list) else []:
            self.say("because", reason)
        self.say("model", headers.get("appliance-model", ""))
        self.say("receipt", f"{receipt[:60]}... ({len(receipt)} characters)")
        self.expect("it was drafted by the local model", holds=route == "local", found=route or "no route")
        self.expect("it says why", holds=bool(reasons), found=reasons)
        self.expect("it carries a receipt of its record", holds=bool(receipt), found="no receipt")
