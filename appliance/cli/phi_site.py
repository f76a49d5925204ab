"""``appliance phi site``: the site's own list in ``policies/phi.yaml``, checked and tried on a text.

It needs no model: an officer can write a facility or a form of identifier and see at once what it finds.
"""

from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.options import AsJson, Home
from appliance.cli.phi_guard import open_settings
from appliance.cli.phi_input import File, read_text
from appliance.cli.phi_show import Places, Show, check_show, found_table, to_json
from appliance.cli.show import console, print_json, table
from appliance.errors import InvalidRequestError
from appliance.phi.findings import Kind
from appliance.phi.settings import GuardSettings
from appliance.phi.site_list import SiteList
from appliance.policy.load import load_bundle

app = typer.Typer(no_args_is_help=True)


@app.command()
def check(
    path: Annotated[
        Path | None, typer.Argument(metavar="[PATH]", help="A policy folder; the one in use by default.")
    ] = None,
    *,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Check phi.yaml and show what it says: what becomes of each kind, and the site's own names and forms."""
    guard = load_bundle(path).guard if path else open_settings(home)[1]
    if as_json:
        print_json(_to_json(guard))
        return
    out = console()
    out.print(f"Days: {guard.mode.value}.", soft_wrap=True)
    out.print(table("", ("kind", "becomes"), [(kind.value, guard.action(kind).value) for kind in Kind]))
    if guard.site.id_formats:
        out.print(table("", ("form", "kind"), [(each.name, each.kind.value) for each in guard.site.id_formats]))
    counts = f"Facilities: {len(guard.site.facilities)}. Forms of identifiers: {len(guard.site.id_formats)}."
    out.print(f"{counts} Ordinary words: {len(guard.site.ordinary)}.", soft_wrap=True)


@app.command("test")
def try_on(file: File, *, show: Show = False, home: Home = None, as_json: AsJson = False) -> None:
    """List what the site's own names and forms find in a text, without any other rule or model."""
    check_show(show=show, as_json=as_json)
    _config, guard = open_settings(home)
    if not guard.site.facilities and not guard.site.id_formats:
        raise InvalidRequestError("phi.yaml lists no facility and no form of identifier; add one under 'site' first.")
    text = read_text(file)
    findings = SiteList(guard.site).find_in(text.reveal())
    if as_json:
        places = Places(text)
        print_json({"characters": len(text), "findings": [to_json(places, each) for each in findings]})
    else:
        found_table(text, findings, show=show)


def _to_json(guard: GuardSettings) -> dict[str, object]:
    return {
        "mode": guard.mode.value,
        "actions": {kind.value: guard.action(kind).value for kind in Kind},
        "facilities": len(guard.site.facilities),
        "id_formats": [{"name": each.name, "kind": each.kind.value} for each in guard.site.id_formats],
        "ordinary": sorted(guard.site.ordinary),
    }
