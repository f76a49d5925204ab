"""`audit officer`: who may ask the trail as an officer, and in which roles.

A change holds from the next request on.  The trail learns of it at once where a recorder runs; before the first start
it waits in the registry, and is recorded before anybody acts with an officer's key.
"""

from functools import partial
from typing import Annotated

import typer

from audit.cli.frame import AsJson, Home, commands, reported, say
from audit.cli.output import print_json, print_table
from audit.cli.trail import operator, record_now
from audit.errors import AppendError
from audit.officers import Officers
from audit.permission import Permissions
from audit.places import Places, find_places

officer = commands("Who may ask the trail as an officer, and in which roles.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The officer's name, written into every record of a read.")]
Role = Annotated[
    list[str] | None,
    typer.Option(
        "--role", help="A role of the policy, such as compliance-officer or privacy-officer; may be repeated."
    ),
]


@officer.command("add")
@reported
def add(
    name: Name,
    *,
    role: Role = None,
    tenant: Annotated[str, typer.Option(help="Tenant that the policy may look at; none for the whole hospital.")] = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Add an officer and print the key, once; it is kept nowhere."""
    places = find_places(home)
    roles = _checked(places, role)
    key = Officers(places.custodian).add(name, roles=roles, tenant=tenant, by=operator())
    _record(places)
    if not roles:
        say(f"{name} has no role and may do nothing yet: 'audit officer roles {name} --role ROLE' gives one.")
    if as_json:
        print_json({"name": name, "key": key, "roles": roles, "tenant": tenant})
        return
    print(key)
    say("hand this key over in person; it is shown only now. Use it as 'Authorization: Bearer <key>'.")


@officer.command("roles")
@reported
def roles_of(name: Name, *, role: Role = None, home: Home = None, as_json: AsJson = False) -> None:
    """Replace the roles of an officer; without --role, take all away."""
    places = find_places(home)
    changed = Officers(places.custodian).set_roles(name, _checked(places, role), by=operator())
    _record(places)
    if as_json:
        print_json({"name": name, "roles": list(changed.roles), "tenant": changed.tenant})
    else:
        print(f"{name} now holds: {', '.join(changed.roles) or 'no role, and may do nothing'}.")


@officer.command("list")
@reported
def list_officers(*, home: Home = None, as_json: AsJson = False) -> None:
    """List the officers, their roles, and whether their keys are good."""
    rows = [
        {
            "name": entry.name,
            "key_id": entry.key_id,
            "created": entry.created,
            "revoked": entry.revoked,
            "roles": list(entry.roles),
            "tenant": entry.tenant,
        }
        for entry in Officers(find_places(home).custodian).entries()
    ]
    if as_json:
        print_json(rows)
        return
    cells = ([" ".join(cell) if isinstance(cell, list) else str(cell) for cell in row.values()] for row in rows)
    print_table("Officers", ("name", "key id", "created", "revoked", "roles", "tenant"), cells)


@officer.command("revoke")
@reported
def revoke(name: Name, *, home: Home = None, as_json: AsJson = False) -> None:
    """End an officer's key; it is refused from the next request on."""
    places = find_places(home)
    Officers(places.custodian).revoke(name, by=operator())
    _record(places)
    if as_json:
        print_json({"name": name, "revoked": True})
    else:
        print(f"The key of {name} is revoked.")


def _checked(places: Places, roles: list[str] | None) -> list[str]:
    """Return the roles, each of which an officer can hold.  Raises SettingsError."""
    wanted = sorted(set(roles or ()))
    if wanted:
        Permissions.load(places.settings.policies).check_roles(wanted)
    return wanted


def _record(places: Places) -> None:
    """Record what changed, or say when it will be."""
    try:
        Officers(places.custodian).record_changes(partial(record_now, places.socket))
    except AppendError:
        say("no recorder took the record; it is made before anybody acts with an officer's key.")
