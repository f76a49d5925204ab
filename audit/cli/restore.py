"""`audit restore`: go on from a backup, as a new epoch that names the old head and who approved.

The appliance is stopped and the backup is in its place; a second officer has approved the restore of this origin.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from audit.approvals import Act
from audit.cli.duty import approvals_of, now_ms
from audit.cli.frame import AsJson, Home, PassphraseFile, reported
from audit.cli.output import print_fields, print_json
from audit.cli.outside import notes_in
from audit.cli.passphrase import ask_passphrase
from audit.errors import StoreError
from audit.keyring.custodian import read_passphrase
from audit.keyring.signatures import is_origin
from audit.places import RESTORE_FILE, Places, find_places, home_folder
from audit.restore import Epoch, Head, finish, newest_head, next_origin, restore
from audit.rows import Rows
from audit.store.address import Address, read_address


@reported
def restore_trail(  # noqa: PLR0913 - each is an option of the command
    *,
    approval: Annotated[str, typer.Option(help="Approval to restore the old origin, given by a second officer.")] = "",
    checkpoint: Annotated[
        list[Path] | None, typer.Option(help="A checkpoint that was kept elsewhere; repeat for more.")
    ] = None,
    origin: Annotated[str, typer.Option(help="Name of the new epoch; the old one with /e2 by default.")] = "",
    old_database: Annotated[
        str, typer.Option(help="PostgreSQL: the restored database; trail.yaml names the new and empty one.")
    ] = "",
    passphrase_file: PassphraseFile = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Go on from a backup as a new epoch; the restored trail is kept in HOME/archive and stays readable."""
    folder = home_folder(home)
    if (folder / RESTORE_FILE).exists():
        _report(finish(folder), find_places(folder), as_json=as_json)
        return
    places = find_places(folder)
    old = _old_database(places, old_database)
    head = newest_head(places.trail, old=old or places.database, notes=_notes(places, checkpoint or ()))
    chosen = _origin(origin, head)
    approvals = approvals_of(places)
    given = approvals.check(approval, action=Act.RESTORE, subject=head.origin, now_ms=now_ms())
    passphrase = _passphrase(places, passphrase_file)
    approvals.spend(given.id)
    epoch = Epoch(origin=chosen, head=head, approval=given.facts(), old=old)
    archive = restore(places, epoch, passphrase=passphrase, now=datetime.now(UTC))
    _report(archive, find_places(folder), as_json=as_json)


def _old_database(places: Places, text: str) -> Address | None:
    """Return the restored database if it is no file of the trail.  Raises StoreError if old and new are mixed up."""
    if not text:
        if places.database.is_sqlite:
            return None
        raise StoreError("name the restored database with --old-database; trail.yaml names the new and empty one")
    with Rows.open(places.readers) as rows:  # root may read at a site, and not write
        if rows.size():
            raise StoreError("the database of trail.yaml is not empty; make a new one with 'audit store create'")
    return read_address(text)


def _notes(places: Places, files: Sequence[Path]) -> list[str]:
    """Return the newest note of this origin in each file witness and in each file that was named."""
    first = f"{places.trail.origin()}\n"
    held = (path for path in places.witness_files if path.is_file())
    newest = (_last(note for note in notes_in(path) if note and note.startswith(first)) for path in (*held, *files))
    return [note for note in newest if note is not None]


def _last(notes: Iterator[str]) -> str | None:
    kept = deque(notes, maxlen=1)
    return kept[0] if kept else None


def _origin(wanted: str, head: Head) -> str:
    chosen = wanted or next_origin(head.origin)
    if not is_origin(chosen) or chosen == head.origin:
        raise StoreError("the new origin is another name of 1 to 100 letters, digits, '.', '_', '/' or '-'")
    return chosen


def _passphrase(places: Places, file: Path | None) -> bytes:
    """Return the passphrase of the new custodian's root: the one on this machine, or the one typed."""
    if file is None and (places.custodian / "passphrase").exists():
        return read_passphrase(places.custodian)
    return ask_passphrase(file) or read_passphrase(places.custodian)


def _report(archive: Path, places: Places, *, as_json: bool) -> None:
    facts = places.trail.beginning()
    members = {"origin": places.trail.origin(), "archive": str(archive), **facts}
    if as_json:
        print_json(members)
        return
    print_fields((name, str(value)) for name, value in members.items())
    print("Start the appliance; its first record names the old head. Copy the new verifier.keys off this machine.")
    print(f"The old trail is read and verified with --home {archive}")
