"""`audit receipt` and `audit checkpoint`: what a caller or an auditor takes away from the machine.

Receipt, proof and checkpoint are printed only after they have been checked against the trail's own verifier keys.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from audit.access import RECEIPT, looked
from audit.canonical import decode
from audit.checkpoint import read_checkpoint
from audit.cli.frame import AsJson, Home, reported, say
from audit.cli.output import print_json
from audit.cli.trail import PROGRAM, open_reader, operator, record_reading
from audit.errors import QueryError, StoreError
from audit.full_receipt import read_full_receipt, write_full_receipt
from audit.keyring import Trail
from audit.places import Places, find_places
from audit.query import Reader
from audit.record import Leaf
from audit.tlog_proof import proof_from_receipt, verify_proof
from audit.view import to_time
from audit.witness import read_newest


@reported
def receipt(
    exchange: Annotated[str, typer.Argument(metavar="EXCHANGE", help="Exchange id, event id or sequence number.")],
    *,
    proof: Annotated[
        bool, typer.Option("--proof", help="A C2SP tlog-proof of one record: the one named, or the exchange's release.")
    ] = False,
    output: Annotated[Path | None, typer.Option(help="Write the receipt to this new file instead.")] = None,
    home: Home = None,
) -> None:
    """Print the full receipt of an exchange: leaves, inclusion proofs and a signed checkpoint, for offline checks."""
    places = find_places(home)
    with open_reader(places) as reader:
        issue = _issue_proof if proof else _issue
        text, sequences = issue(reader, places, exchange)
    record_reading(
        places.socket, looked(RECEIPT, operator=operator(), program=PROGRAM, name=exchange, sequences=sequences)
    )
    if output is None:
        print(text, end="")
        return
    try:
        with output.open("x") as stream:
            stream.write(text)
    except OSError as error:
        raise QueryError(f"{output} cannot be written, or is there already; name a new file.") from error
    say(f"wrote {output}; check it anywhere with: audit verify {output} --public-key verifier.keys")


@reported
def checkpoint(*, home: Home = None, as_json: AsJson = False) -> None:
    """Print the newest signed checkpoint; keep it outside and give it to 'audit verify --checkpoint' later."""
    places = find_places(home)
    with open_reader(places) as reader:
        note = _newest_checkpoint(reader, places)
    statement = read_checkpoint(note, places.trail.verifier_keys())
    if as_json:
        signed = to_time(statement.time_s * 1000)
        root = statement.root.hex()
        print_json({"origin": statement.origin, "size": statement.size, "root": root, "time": signed, "note": note})
    else:
        print(note, end="")


def _issue(reader: Reader, places: Places, name: str) -> tuple[str, list[int]]:
    """Return the receipt and the sequence numbers in it."""
    # The checkpoint first: what is read after it may be newer, never older.
    note = _newest_checkpoint(reader, places)
    signed = _signed(reader, places.trail, name, note=note)
    text = _receipt(reader, places.trail, signed, note=note)
    return text + "\n", [leaf.sequence for leaf, _ in signed]


def _issue_proof(reader: Reader, places: Places, name: str) -> tuple[str, list[int]]:
    """Return the proof of one record, and its sequence number."""
    note = _newest_checkpoint(reader, places)
    signed = _signed(reader, places.trail, name, note=note)
    named = [(leaf, facts) for leaf, facts in signed if name in {leaf.event_id, str(leaf.sequence)}]
    text = proof_from_receipt(decode(_receipt(reader, places.trail, named or signed, note=note).encode()))
    proven = verify_proof(text, places.trail.verifier_keys())
    return text, [proven.index]


def _signed(reader: Reader, trail: Trail, name: str, *, note: str) -> list[tuple[Leaf, bytes]]:
    """Return leaf and facts of the records by this name that a checkpoint signs."""
    size = read_checkpoint(note, trail.verifier_keys()).size
    entries = reader.look_up(name)
    signed = [(entry.leaf, entry.document) for entry in entries if entry.leaf.sequence < size]
    if not signed:
        raise QueryError("No checkpoint signs this yet; with the recorder running, ask again in a minute.")
    if len(signed) < len(entries):
        say(f"{len(entries) - len(signed)} newer events are not yet signed and are left out; ask again in a minute.")
    return signed


def _receipt(reader: Reader, trail: Trail, records: Sequence[tuple[Leaf, bytes]], *, note: str) -> str:
    keys = trail.verifier_keys()
    text = write_full_receipt(records, note=note, keys=keys, node=reader.rows.node)
    read_full_receipt(text, keys)
    return text


def _newest_checkpoint(reader: Reader, places: Places) -> str:
    """Return the newest signed note of database and witness files: the witnesses get every one, the database fewer."""
    keys = places.trail.verifier_keys()
    stored = reader.latest_checkpoint()
    notes = [note for note in (stored, *_witnessed(places.witness_files, origin=keys[0].name)) if note is not None]
    if not notes:
        raise QueryError("The trail has no checkpoint yet; with the recorder running, ask again in a minute.")
    return max(notes, key=lambda note: read_checkpoint(note, keys).size)


def _witnessed(files: Sequence[Path], *, origin: str) -> Iterator[str | None]:
    """Yield the newest note of each witness file; one that cannot be read is for 'audit verify' to tell."""
    for file in files:
        with suppress(StoreError):
            yield read_newest(file, origin=origin)
