"""`audit store`: make a site's database, bring it to this release's schema, and say how much room it takes.

The recorder never changes a table: on PostgreSQL that is the owner's, whose address is given here and stands in no
file of the appliance.  On SQLite a new trail makes its file by itself.
"""

from typing import Annotated

import typer

from audit.cli.frame import AsJson, Home, commands, reported
from audit.cli.output import print_fields, print_json
from audit.cli.progress import BIG, shown
from audit.errors import StoreError
from audit.places import find_places
from audit.store.address import Address, read_address
from audit.store.connect import connect_owner, connect_reader
from audit.store.database import Database
from audit.store.migrate import upgrade as run_upgrade
from audit.store.roles import grant
from audit.store.schema import SCHEMA_VERSION
from audit.store.size import Size, measure
from audit.store.stored import check_schema, schema_version

Owner = Annotated[
    str,
    typer.Option("--owner", metavar="ADDRESS", help="PostgreSQL address of the tables' owner; never kept."),
]

store = commands("The trail's database: make it, upgrade it, measure it.")


@store.command("create")
@reported
def create(
    *,
    owner: Owner = "",
    recorder: Annotated[str, typer.Option(metavar="ROLE", help="Role of the recorder: adds and reads.")] = "",
    reader: Annotated[str, typer.Option(metavar="ROLE", help="Role of console and commands: reads.")] = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make the tables of a new trail and, on PostgreSQL, give each role its rights; safe to run again."""
    address = _address(owner, find_places(home).database)
    if address.is_sqlite:
        Database(address).close()
        _say(address, done="is ready", as_json=as_json)
        return
    if not recorder or not reader:
        raise StoreError("name the roles: --recorder ROLE (adds and reads) and --reader ROLE (reads)")
    _upgrade(address)
    with connect_owner(address) as connection:
        grant(connection, address, recorder=recorder, reader=reader)
    _say(address, done=f"is ready; '{recorder}' may add to it and '{reader}' may read it", as_json=as_json)


@store.command("upgrade")
@reported
def upgrade(*, owner: Owner = "", home: Home = None, as_json: AsJson = False) -> None:
    """Bring the tables to this release's schema; stop the recorder first.  A failure changes nothing."""
    address = _address(owner, find_places(home).database)
    if not address.is_sqlite:
        _check_made(address)
    before = _upgrade(address)
    same = before == SCHEMA_VERSION
    done = f"has schema {SCHEMA_VERSION} already" if same else f"was upgraded from schema {before} to {SCHEMA_VERSION}"
    _say(address, done=done, as_json=as_json)


@store.command("status")
@reported
def status(*, owner: Owner = "", home: Home = None, as_json: AsJson = False) -> None:
    """Say what the database is, and what a record takes in it."""
    address = read_address(owner) if owner else find_places(home).readers
    if address.is_sqlite and not address.path.is_file():
        raise StoreError(f"{address} is missing; start the appliance once, or name the folder of a trail")
    with connect_reader(address) as connection:
        version = schema_version(connection, address)
        check_schema(connection, address)
        size = measure(connection, address)
    members = {
        "database": str(address),
        "kind": "sqlite" if address.is_sqlite else "postgresql",
        "schema": version,
        **_members(size),
    }
    if as_json:
        print_json(members)
    else:
        print_fields((name.replace("_", " "), _text(value)) for name, value in members.items())


def _members(size: Size) -> dict[str, object]:
    return {
        "records": size.records,
        "checkpoints": size.checkpoints,
        "total_bytes": size.total,
        "ciphertext_bytes": size.ciphertext,
        "wrapped_key_bytes": size.wrapped_keys,
        "bytes_per_record_beyond_ciphertext": round(size.record_bytes),
        "tables": size.tables,
    }


def _address(owner: str, default: Address) -> Address:
    """Return the address to work at.  Raises StoreError if PostgreSQL's owner is needed and not named."""
    if not owner and not default.is_sqlite:
        raise StoreError(f"{default} is changed by its owner only; add --owner postgresql:///NAME?host=...&user=OWNER")
    return read_address(owner) if owner else default


def _upgrade(address: Address) -> int:
    with shown(BIG) as bar:
        bar.begin("moving records", total=None)
        return run_upgrade(address, moved=bar.reach)


def _check_made(address: Address) -> None:
    """Refuse to make tables that nobody has rights to."""
    with connect_owner(address) as connection:
        if schema_version(connection, address) == 0:
            raise StoreError(f"{address} holds no trail yet; run 'audit store create --owner ADDRESS ...'")


def _say(address: Address, *, done: str, as_json: bool) -> None:
    if as_json:
        print_json({"database": str(address), "schema": SCHEMA_VERSION, "done": done})
    else:
        print(f"{address} {done}.")


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(part)}" for name, part in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)
