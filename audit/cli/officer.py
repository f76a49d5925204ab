"""`audit officer`: who may read the trail through the console."""

from typing import Annotated

import typer

from audit.cli.frame import AsJson, Home, commands, reported, say
from audit.cli.output import print_json, print_table
from audit.officers import Officers
from audit.places import find_places

officer = commands("Who may read the trail through the console.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The officer's name, written into every record of a read.")]


@officer.command("add")
@reported
def add(name: Name, *, home: Home = None, as_json: AsJson = False) -> None:
    """Add an officer and print the key, once; it is kept nowhere."""
    key = Officers(find_places(home).custodian).add(name)
    if as_json:
        print_json({"name": name, "key": key})
        return
    print(key)
    say("hand this key over in person; it is shown only now. Use it as 'Authorization: Bearer <key>'.")


@officer.command("list")
@reported
def list_officers(*, home: Home = None, as_json: AsJson = False) -> None:
    """List the officers and whether their keys are good."""
    rows = [
        {"name": entry.name, "key_id": entry.key_id, "created": entry.created, "revoked": entry.revoked}
        for entry in Officers(find_places(home).custodian).entries()
    ]
    if as_json:
        print_json(rows)
    else:
        print_table("Officers", ("name", "key id", "created", "revoked"), (list(row.values()) for row in rows))


@officer.command("revoke")
@reported
def revoke(name: Name, *, home: Home = None, as_json: AsJson = False) -> None:
    """End an officer's key; it is refused from the next request on."""
    Officers(find_places(home).custodian).revoke(name)
    if as_json:
        print_json({"name": name, "revoked": True})
    else:
        print(f"The key of {name} is revoked.")
