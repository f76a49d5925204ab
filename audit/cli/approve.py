"""`audit approval`: one officer asks, another one gives; each step is recorded before it counts."""

from typing import Annotated

import typer

from audit.approvals import GOOD_MS, WAIT_MS, Act, Approval, approval_view
from audit.cli.duty import approvals_of, authority_of, desk_of, now_ms, officer_by
from audit.cli.frame import AsJson, Home, OfficerKeyFile, commands, reported, say
from audit.cli.output import print_json, print_table
from audit.places import find_places

approval = commands("A second officer's approval: to open a body, destroy a month, restore, or let something leave.")

COLUMNS = ("approval", "state", "action", "subject", "case", "requested_by", "approved_by", "expires")

_HOUR_MS = 3600 * 1000


@approval.command("request")
@reported
def request(
    action: Annotated[Act, typer.Argument(metavar="ACTION", help="open_body, destroy_month, restore, export_bodies.")],
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="Exchange id, month, origin, or FROM/TO.")],
    *,
    case: Annotated[str, typer.Option(help="The hospital's case number; no name of a patient.")],
    officer_key_file: OfficerKeyFile = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Ask for an approval and print its id."""
    places = find_places(home)
    officer = officer_by(officer_key_file, places)
    made = desk_of(places).request(action, subject, case=case, officer=officer, now_ms=now_ms())
    _print(made, as_json=as_json)
    say(f"another officer gives it within {WAIT_MS // _HOUR_MS // 24} days: 'audit approval give {made.id}'.")


@approval.command("give")
@reported
def give(
    approval_id: Annotated[str, typer.Argument(metavar="APPROVAL", help="The id that the request printed.")],
    *,
    officer_key_file: OfficerKeyFile = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Approve what another officer asked for."""
    places = find_places(home)
    officer = officer_by(officer_key_file, places)
    given = desk_of(places).approve(approval_id, officer=officer, now_ms=now_ms())
    _print(given, as_json=as_json)
    say(f"{given.requested_by} may use it once, within {GOOD_MS // _HOUR_MS} hours.")


@approval.command("list")
@reported
def list_approvals(*, officer_key_file: OfficerKeyFile = None, home: Home = None, as_json: AsJson = False) -> None:
    """List the approvals, the newest request first."""
    places = find_places(home)
    authority_of(places).check(officer_by(officer_key_file, places), "ReadTrail")
    rows = [approval_view(each, now_ms=now_ms()) for each in approvals_of(places).entries()]
    if as_json:
        print_json(rows)
    else:
        print_table("Approvals", COLUMNS, ([str(row[name]) for name in COLUMNS] for row in rows))


def _print(made: Approval, *, as_json: bool) -> None:
    if as_json:
        print_json(approval_view(made, now_ms=now_ms()))
    else:
        print(made.id)
