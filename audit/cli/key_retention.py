"""`audit keys due | hold | release | destroy`: how long a month's bodies can be opened, and the end of that.

A destruction needs two officers and is recorded before the key goes; a hold stops it.  Nothing here opens a body, and
nothing asks for the passphrase: who may read is not who may destroy.
"""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from audit.access import LEGAL_HOLD, LEGAL_HOLD_RELEASED
from audit.cli.duty import approvals_of, authority_of, now_ms, officer_by
from audit.cli.frame import AsJson, Home, OfficerKeyFile, reported
from audit.cli.operation import record_operation
from audit.cli.output import print_fields, print_json, print_table
from audit.cli.trail import PROGRAM, open_reader, operator, record_now
from audit.errors import RetentionError
from audit.keyring import destroyed_months, read_tombstone
from audit.keyring.files import alone_in
from audit.keyring.holds import Hold, Holds, new_hold
from audit.places import Places, find_places, home_folder
from audit.retention import Destroying, Due, due_months, read_retention
from audit.view import to_time

Archive = Annotated[
    str,
    typer.Option("--archive", help="Folder in HOME/archive: the months of a trail from before a restore."),
]


@reported
def due(*, archive: Archive = "", home: Home = None, as_json: AsJson = False) -> None:
    """List the months by when their keys may be destroyed, the holds on them, and those that are gone."""
    places = _keeper(home, archive)
    retention = read_retention(find_places(home).settings.policies)
    months = due_months(places.custodian, retention, today=datetime.now(UTC).date())
    holds = Holds(places.custodian).entries()
    found = (read_tombstone(places.custodian, month) for month in destroyed_months(places.custodian))
    gone = [tombstone for tombstone in found if tombstone is not None]
    rows = [
        {"month": each.month, "due": each.due_on.isoformat(), "state": _state(each), "holds": list(each.holds)}
        for each in months
    ]
    if as_json:
        held = [_hold_view(each) for each in holds]
        print_json({"rule": retention.rule(), "months": rows, "holds": held, "destroyed": [d.sentence() for d in gone]})
        return
    cells = ([str(row["month"]), str(row["due"]), str(row["state"]), " ".join(row["holds"])] for row in rows)
    print_table(f"Keys: {retention.rule()}", ("month", "due", "state", "holds"), cells)
    for each in holds:
        print_fields((name, _text(value)) for name, value in _hold_view(each).items())
    for tombstone in gone:
        print(tombstone.sentence())


@reported
def hold(  # noqa: PLR0913 - each is an option of the command
    months: Annotated[list[str] | None, typer.Argument(metavar="[MONTH]...", help="Months to hold, YYYY-MM.")] = None,
    *,
    case: Annotated[str, typer.Option(help="The hospital's own number of the matter; no name of a patient.")],
    exchange: Annotated[str, typer.Option(help="Hold the months of this exchange instead.")] = "",
    reason: Annotated[
        str,
        typer.Option(help="Why, in one line. It is readable in the trail for ever: no name or number of a patient."),
    ] = "",
    archive: Archive = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Keep months from being destroyed, whatever retention says, until the hold is released."""
    places = _keeper(home, archive)
    wanted = tuple(months or ()) + (_months_of(places, exchange) if exchange else ())
    made = new_hold(wanted, case=case, reason=reason, exchange=exchange, by=operator(), time_ms=now_ms())
    with alone_in(places.custodian):
        record_operation(find_places(home), LEGAL_HOLD, **made.facts(), **_epoch(places, archive))
        Holds(places.custodian).keep(made)
    if as_json:
        print_json(_hold_view(made))
    else:
        print(f"{made.hold} holds {', '.join(made.months)} until 'audit keys release {made.hold}'.")


@reported
def release(
    name: Annotated[str, typer.Argument(metavar="HOLD", help="Name of the hold; 'audit keys due' lists them.")],
    *,
    archive: Archive = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """End a hold; what is due may then be destroyed under two officers."""
    places = _keeper(home, archive)
    with alone_in(places.custodian):
        ended = Holds(places.custodian).find(name)
        record_operation(find_places(home), LEGAL_HOLD_RELEASED, **ended.facts(), **_epoch(places, archive))
        Holds(places.custodian).release(name)
    if as_json:
        print_json({"released": ended.hold, "months": list(ended.months)})
    else:
        print(f"{ended.hold} holds {', '.join(ended.months)} no longer.")


@reported
def destroy(
    month: Annotated[str, typer.Argument(metavar="MONTH", help="YYYY-MM; 'audit keys due' says which are due.")],
    *,
    approval: Annotated[str, typer.Option(help="Approval to destroy this month, given by a second officer.")] = "",
    officer_key_file: OfficerKeyFile = None,
    archive: Archive = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Destroy a month's keys for ever: its bodies can never be opened again, and every proof still holds."""
    places, keeper = find_places(home), _keeper(home, archive)
    officer = officer_by(officer_key_file, places)
    authority_of(places).check(officer, "OpenBody")
    destroying = Destroying(
        custodian=keeper.custodian,
        retention=read_retention(places.settings.policies),
        approvals=approvals_of(places),
        officer=officer,
        program=PROGRAM,
        record=partial(record_now, places.socket),
        epoch=keeper.trail.origin() if archive else "",
    )
    done = destroying.destroy(month, approval_id=approval, now=datetime.now(UTC))
    if as_json:
        print_json({"month": done.month, "destroyed": to_time(done.time_ms), **done.facts()})
        return
    print(f"{done.sentence()[0].upper()}{done.sentence()[1:]}.")
    print(f"Backups still hold it: remove months/{month}.json from every backup of {keeper.custodian}.")


def _keeper(home: Path | None, archive: str) -> Places:
    """Return the places of the months' keeper: this trail, or an earlier epoch of it in the archive."""
    if not archive:
        return find_places(home)
    folder = home_folder(home) / "archive" / archive
    if Path(archive).name != archive or archive.startswith(".") or not (folder / "custodian").is_dir():
        raise RetentionError(f"no archive goes by this name; {folder.parent} holds those that there are")
    return find_places(folder)


def _epoch(keeper: Places, archive: str) -> dict[str, str]:
    """Return what the record says of an earlier epoch; nothing of the living trail."""
    return {"epoch": keeper.trail.origin()} if archive else {}


def _months_of(places: Places, exchange: str) -> tuple[str, ...]:
    """Return the months in which an exchange was recorded.  Raises UnknownRecordError if there is none."""
    with open_reader(places) as reader:
        return tuple({entry.leaf.month for entry in reader.look_up(exchange)})


def _hold_view(each: Hold) -> dict[str, object]:
    return {**each.facts(), "by": each.by, "since": to_time(each.time_ms)}


def _state(each: Due) -> str:
    if each.is_back:
        return "destroyed, and back from a backup: run 'audit keys destroy' again"
    if each.holds:
        return "held"
    return "due" if each.is_over else "kept"


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
