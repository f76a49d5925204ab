"""``appliance backup make | open``: one encrypted file with everything that a second machine needs, told in the trail.

A backup's receipt lies beside it: the record of its digest, under a checkpoint that the trail's keys signed.  Anybody
can encrypt to a public key; only the recorder can make that receipt, so `open` believes no file without one, checked
with the `verifier.keys` that were kept off the machine.  It opens into an empty folder and changes nothing else.
"""

import hashlib
import os
import shutil
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.backup_parts import AFTER, BEFORE, Packer, pack_homes, packing, unpack
from appliance.cli.backup_programs import copying, decrypting, dumping, encrypting
from appliance.cli.officers import PROGRAM, places_of, told
from appliance.cli.options import AsJson, Home, settings
from appliance.cli.show import console, print_json
from appliance.config import Config
from appliance.durable_file import flush_folder
from appliance.errors import ConfigError
from appliance.last_backup import tell_backup
from audit.cli.proven import record_and_prove
from audit.cli.trail import operator
from audit.full_receipt import read_full_receipt
from audit.places import Places, find_places, verifier_keys_in
from audit.record import Event, Kind

BACKUP_MADE = "backup_made"
"""Operation of the trail: its facts name the file, its SHA-256 and its bytes."""

SUFFIX, RECEIPT = ".tar.gpg", ".receipt.json"
"""Of a backup, and of its receipt beside it."""

KEEP = 14
"""Backups that stay: two weeks of nightly ones.  Short on purpose: they hold keys that retention will destroy."""

MIN_KEEP = 2

app = typer.Typer(no_args_is_help=True)


@app.command()
@told
def make(
    target: Annotated[Path, typer.Option("--target", help="Folder that backups go to; better on other media.")],
    recipient: Annotated[Path, typer.Option("--recipient", help="OpenPGP public key in a file.")],
    *,
    keep: Annotated[int, typer.Option(min=MIN_KEEP, max=400, help="How many of the newest stay.")] = KEEP,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Back the appliance up while it runs, encrypted, record it, and remove the oldest beyond --keep."""
    config = settings(home)
    places = places_of(config)
    if not target.is_dir():
        raise ConfigError(f"{target} is no folder; mount the medium for backups there.")
    name = f"appliance-{datetime.now(UTC):%Y%m%dT%H%M%SZ}{SUFFIX}"
    partial, final = target / f".{name}.partial", target / name
    try:
        with encrypting(partial, recipient) as stream, packing(stream) as packer:
            _pack(packer, config, places)
        digest, size = digest_of(partial), partial.stat().st_size
        partial.rename(final)
    finally:
        partial.unlink(missing_ok=True)
    flush_folder(target)
    # Only now: the record says what lies there.  Without a recorder the file stays, and the command fails.
    facts: dict[str, str | int | bool | list[str]] = {"file": name, "sha256": digest, "bytes": size}
    event = Event(kind=Kind.OPERATION, code=BACKUP_MADE, client=PROGRAM, user=operator(), facts=facts)
    final.with_name(name + RECEIPT).write_text(record_and_prove(places, event), encoding="utf-8")
    tell_backup(config.backup_mark, name=name, made=datetime.now(UTC))
    removed = _expire(target, keep)
    answer = {**facts, "receipt": name + RECEIPT, "removed": removed}
    print_json(answer) if as_json else console().print(f"{final}: {size:,} bytes, recorded.")


@app.command("open")
@told
def open_backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The backup; its receipt lies beside it.")],
    *,
    into: Annotated[Path, typer.Option("--into", help="Folder to make and to unpack into.")],
    keys: Annotated[Path, typer.Option("--keys", help="Folder with the verifier.keys kept off the machine.")],
    as_json: AsJson = False,
) -> None:
    """Check a backup against the trail's keys and unpack it; its session key is read from standard input.

    Its keeper prints that key with: gpg --show-session-key --output /dev/null --decrypt FILE
    """
    check_receipt(file, keys)
    if into.exists():
        raise ConfigError(f"{into} is there already; name a folder that is not.")
    into.mkdir(mode=0o700)
    try:
        with decrypting(file, sys.stdin.readline().strip()) as stream:
            manifest = unpack(stream, into)
    except ConfigError:
        shutil.rmtree(into)
        raise
    flush_folder(into.parent)
    print_json(manifest) if as_json else console().print(f"{file.name} holds and lies in {into}.")


def check_receipt(file: Path, keys: Path) -> None:
    """Check that a trail recorded this very file.  Raises ConfigError or AuditError if it did not."""
    receipt = file.with_name(file.name + RECEIPT)
    if not receipt.is_file():
        raise ConfigError(f"{receipt} is missing; without it nothing says that the appliance made this backup.")
    held = read_full_receipt(receipt.read_text(encoding="utf-8", errors="replace").strip(), verifier_keys_in(keys))
    facts = held.facts[0].get("facts")
    is_backup = held.leaves[0].kind is Kind.OPERATION and held.leaves[0].code == BACKUP_MADE
    if not is_backup or not isinstance(facts, dict) or facts.get("sha256") != digest_of(file):
        raise ConfigError(f"{file} is not the backup that the trail recorded; do not use it.")


def digest_of(path: Path) -> str:
    """Return a file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pack(packer: Packer, config: Config, places: Places) -> None:
    """Write everything, in the order that makes it consistent (`backup_parts`)."""
    pack_homes(packer, config, BEFORE)
    _pack_database(packer, places, "trail")
    for folder in sorted((config.home / "archive").glob("*/audit")):
        _pack_database(packer, find_places(folder.parent), f"archive-{folder.parent.name}")
    pack_homes(packer, config, AFTER)
    packer.add_tree(config.policies, "policies")
    packer.finish(
        origin=places.trail.origin(),
        made=datetime.now(UTC).isoformat(),
        version=version("clinical-inference-appliance"),
    )


def _pack_database(packer: Packer, places: Places, name: str) -> None:
    address = places.readers
    if address.is_sqlite:
        with copying(address.path) as stream:
            packer.add_pieces(f"database/{name}.db", stream)
        return
    host, role = address.url.query.get("host", ""), address.url.query.get("user") or address.url.username or ""
    with dumping(str(address.url.database), host=str(host), role=str(role)) as stream:
        packer.add_pieces(f"database/{name}.dump", stream)


def _expire(target: Path, keep: int) -> list[str]:
    """Remove the oldest backups and return their names; receipts go with them."""
    old = sorted(target.glob(f"appliance-*{SUFFIX}"))[:-keep]
    for path in old:
        path.unlink()
        path.with_name(path.name + RECEIPT).unlink(missing_ok=True)
    if old:
        os.sync()
    return [path.name for path in old]
