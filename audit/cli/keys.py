"""`audit keys`: which months have keys, who holds them, and making those of months to come.

Run by the custodian's side.  `init` runs at the first start of an appliance and changes nothing after that; every
other change is recorded first, and without a recorder nothing is changed.
"""

import secrets
from datetime import UTC, datetime
from typing import Annotated

import typer

from audit.access import MONTHS_PREPARED
from audit.cli.frame import AsJson, Home, PassphraseFile, commands, reported
from audit.cli.key_retention import destroy, due, hold, release
from audit.cli.key_root import change_passphrase, protect, rotate_root
from audit.cli.operation import record_operation
from audit.cli.output import print_fields, print_json, print_table
from audit.cli.passphrase import opened_custodian
from audit.keyring import Trail, initialise, missing_months, month_after, prepare_months, read_tombstone
from audit.keyring.holds import Holds
from audit.keyring.protectors import opens_alone
from audit.keyring.root import FILE_NAME as ROOT_NAME
from audit.keyring.root import RootFile
from audit.places import Places, find_places

MAX_AHEAD = 24
"""Months that may be made at once: keys lying about longer than two years are no rotation."""

WARN_MONTHS = 1
"""Fewer months than this beyond the current one, and `status` says what to do."""

keys = commands("Which months have keys, and keys for months to come.")


@keys.command("init")
@reported
def init(
    *,
    origin: Annotated[str, typer.Option(help="Name of this log for ever, such as hospital.example/a1.")] = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make whatever of the trail's and the custodian's keys is missing; safe to run again."""
    places = find_places(home)
    trail = initialise(
        places.trail.folder, places.custodian, origin=origin or _origin(places.trail), now=datetime.now(UTC)
    )
    status = {"origin": trail.origin(), "months": list(trail.prepared_months()), "custodian": str(places.custodian)}
    if as_json:
        print_json(status)
        return
    print(f"Keys of {trail.origin()} are ready for {', '.join(trail.prepared_months())}.")
    print(f"Copy {trail.folder / 'verifier.keys'} off this machine, and keep {places.custodian} safe.")


@keys.command("list")
@reported
def list_months(*, home: Home = None, as_json: AsJson = False) -> None:
    """List the months and who holds which key of each."""
    places = find_places(home)
    rows = [_month(places, month) for month in _months(places)]
    if as_json:
        print_json(rows)
    else:
        columns = ("month", "state", "seal", "search", "custodian")
        print_table(f"Keys of {places.trail.origin()}", columns, ([str(row[name]) for name in columns] for row in rows))


@keys.command("status")
@reported
def status(*, home: Home = None, as_json: AsJson = False) -> None:
    """Say for how long the keys last, and what to do."""
    places = find_places(home)
    current = _now()
    prepared = places.trail.prepared_months()
    ahead = [month for month in prepared if month > current]
    members: dict[str, object] = {
        "origin": places.trail.origin(),
        "current": current,
        "current_has_keys": current in prepared,
        "ahead": ahead,
        **_root(places),
        "advice": _advice(places, has_current=current in prepared, ahead=len(ahead)),
        "verifier_keys": [key.to_vkey() for key in places.trail.verifier_keys()],
    }
    if as_json:
        print_json(members)
    else:
        key_ids = [key.key_id().hex() for key in places.trail.verifier_keys()]
        print_fields((name, _text(value)) for name, value in {**members, "verifier_keys": key_ids}.items())


@reported
def ahead(
    *,
    months: Annotated[int, typer.Option(min=0, max=MAX_AHEAD, help="Months beyond the current one.")] = 2,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make the keys of the current month and of months to come; asks for the custodian passphrase."""
    places = find_places(home)
    custodian = opened_custodian(places.custodian, passphrase_file)
    now = datetime.now(UTC)
    missing = missing_months(places.trail, now=now, ahead=months)
    # Without this month's keys nothing at all can be recorded, so they are the one change that comes before its record.
    made = prepare_months(places.trail, custodian, now=now, ahead=0)
    if missing:
        record_operation(places, MONTHS_PREPARED, months=list(missing))
        made += prepare_months(places.trail, custodian, now=now, ahead=months)
    if as_json:
        print_json({"made": list(made), "months": list(places.trail.prepared_months())})
    elif made:
        print(f"Made the keys of {', '.join(made)}; the recorder finds them by itself.")
    else:
        print("Nothing was missing.")


keys.command("ahead")(ahead)
keys.command("prepare", hidden=True)(ahead)  # the recorder's errors call it so
for _command in (rotate_root, change_passphrase, hold, release, due, destroy):
    keys.command()(_command)
keys.add_typer(protect, name="protect")


def _origin(trail: Trail) -> str:
    """Return the origin that the trail has, or a fresh one: unique, and naming no hospital by itself."""
    if (trail.folder / "trail.json").exists():
        return trail.origin()
    return f"appliance.local/{secrets.token_hex(4)}"


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m")


def _months(places: Places) -> list[str]:
    """Return every month that anybody holds a key of, oldest first."""
    sealing = {path.stem for path in places.trail.keys.glob("????-??.public")}
    kept = {path.stem for path in (places.custodian / "months").glob("????-??.json")}
    return sorted(sealing | kept | set(places.trail.prepared_months()))


def _month(places: Places, month: str) -> dict[str, object]:
    current = _now()
    return {
        "month": month,
        "state": "current" if month == current else "prepared" if month > current else "past",
        "seal": "yes" if (places.trail.keys / f"{month}.public").exists() else "no",
        "search": "recorder" if month in places.trail.prepared_months() else "custodian only",
        "custodian": _custody(places, month),
    }


def _custody(places: Places, month: str) -> str:
    folder = places.custodian / "months"
    if not folder.is_dir():
        return "not on this machine"
    if read_tombstone(places.custodian, month):
        return "destroyed"
    return "held" if (folder / f"{month}.json").exists() else "missing"


def _root(places: Places) -> dict[str, object]:
    """Return what keeps the root, as far as the custodian's folder is on this machine."""
    if not (places.custodian / ROOT_NAME).exists():
        return {"root": "not on this machine", "opens_by_itself": False, "rotation_unfinished": False, "holds": []}
    file = RootFile.read(places.custodian)
    return {
        "root": file.protection.value,
        "opens_by_itself": opens_alone(places.custodian),
        "rotation_unfinished": "next" in file.members,
        "holds": [each.hold for each in Holds(places.custodian).entries()],
    }


def _advice(places: Places, *, has_current: bool, ahead: int) -> str:
    if not has_current:
        return "No keys for this month: nothing can be recorded. Run 'audit keys ahead' now."
    if ahead < WARN_MONTHS:
        return f"The keys end with this month; run 'audit keys ahead' before {month_after(_now())}."
    if _root(places)["rotation_unfinished"]:
        return "A rotation of the root was cut short; every month opens. Run 'audit keys rotate-root' to finish it."
    return "Nothing to do."


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
