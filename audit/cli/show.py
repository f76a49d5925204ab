"""`audit show`: everything of one exchange or event, and with the custodian's passphrase the sealed bodies too.

An opening is recorded, durably, before the first body is shown; without a recorder nothing is opened.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from audit.access import BODY_OPENED, SHOW, looked
from audit.cli.frame import AsJson, Home, PassphraseFile, reported
from audit.cli.output import harmless, print_fields, print_json
from audit.cli.passphrase import ask_passphrase
from audit.cli.trail import PROGRAM, open_reader, operator, record_now, record_reading
from audit.envelope import Opened, open_sealed
from audit.errors import OpenError
from audit.keyring import MonthSecrets, open_custodian
from audit.places import Places, find_places
from audit.query import Entry, Reader
from audit.record import Event
from audit.view import TITLES, entry_view, reasons_of

_PLACED = frozenset({"sequence", "time", "facts", "body", "exchange"})
"""Members that stand in a place of their own."""

_OWN = frozenset({"sequence", "event", "kind", "time", "facts", "body", "sealed_body", "previous"})
"""Members that are told of each event even when they are the same."""

Bodies = dict[int, Opened]
"""What was opened, by sequence number."""


@reported
def show(
    name: Annotated[str, typer.Argument(metavar="ID", help="Exchange id, event id or sequence number.")],
    *,
    do_open: Annotated[bool, typer.Option("--open", help="Open the sealed bodies; asks for the passphrase.")] = False,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show every event of an exchange, with the reasons in plain words.  The reading itself is recorded."""
    places = find_places(home)
    with open_reader(places) as reader:
        entries = reader.look_up(name)
        if do_open:
            bodies = _open(reader, entries, name=name, places=places, passphrase_file=passphrase_file)
        else:
            bodies = {}
            record_reading(places.socket, _looked(SHOW, name, entries))
    views = [_view(entry, bodies) for entry in entries]
    if as_json:
        print_json({"exchange": entries[0].leaf.exchange_id, "reasons": reasons_of(entries), "events": views})
    else:
        _print(entries, views)


def _open(
    reader: Reader, entries: Sequence[Entry], *, name: str, places: Places, passphrase_file: Path | None
) -> Bodies:
    """Return the opened bodies, once their opening is durably recorded."""
    # 1. The passphrase and the months' keys: a wrong one ends here, with nothing opened.
    custodian = open_custodian(places.custodian, passphrase=ask_passphrase(passphrase_file))
    sealed = [entry for entry in entries if entry.has_body]
    keys = {month: custodian.secrets(month) for month in sorted({entry.leaf.month for entry in sealed})}
    # 2. Open in memory, so that a body that does not open is known before anything is recorded as shown.
    bodies = {entry.leaf.sequence: _open_one(reader, entry, keys) for entry in sealed}
    # 3. The record of the opening, durable.  The caller MUST show nothing unless this returned.
    record_now(places.socket, _looked(BODY_OPENED, name, sealed))
    return bodies


def _open_one(reader: Reader, entry: Entry, keys: dict[str, MonthSecrets]) -> Opened:
    body = reader.sealed(entry.leaf.sequence)
    if body is None:
        raise OpenError(f"the sealed body of record {entry.leaf.sequence} is damaged; run 'audit verify'.")
    return open_sealed(
        entry.leaf, wrapped_key=body.wrapped_key, ciphertext=body.ciphertext, keys=keys[entry.leaf.month]
    )


def _looked(code: str, name: str, entries: Sequence[Entry]) -> Event:
    sequences = [entry.leaf.sequence for entry in entries]
    return looked(code, operator=operator(), program=PROGRAM, name=name, sequences=sequences)


def _view(entry: Entry, bodies: Bodies) -> dict[str, object]:
    opened = bodies.get(entry.leaf.sequence)
    if opened is None:
        return entry_view(entry)
    body = opened.body.decode("utf-8", "replace") if opened.body is not None else ""
    return {**entry_view(entry), "user": opened.user, "patients": list(opened.patients), "body": body}


def _print(entries: Sequence[Entry], views: Sequence[dict[str, object]]) -> None:
    """Print what all events share once, then each event with what is its own."""
    shared = {name: value for name, value in views[0].items() if all(view.get(name) == value for view in views)}
    shared = {name: value for name, value in shared.items() if len(views) > 1 and name not in _OWN}
    if shared:
        print(f"Exchange {shared.pop('exchange', '')}")
        print_fields(_texts(shared))
        print()
    for entry, view in zip(entries, views, strict=True):
        print(f"{TITLES[entry.leaf.kind]} (record {entry.leaf.sequence}, {view['time']})")
        own = {name: value for name, value in view.items() if name not in shared and name not in _PLACED}
        facts = view.get("facts")
        print_fields([*_texts(own), *_texts(facts if isinstance(facts, dict) else {})])
        _print_body(str(view.get("body", "")))
        print()


def _print_body(body: str) -> None:
    if body:
        print("  body")
        print("\n".join(f"    {line}" for line in harmless(body, allowed="\n\t").split("\n")))


def _texts(members: dict[str, object]) -> list[tuple[str, str]]:
    return [(name, _text(value)) for name, value in members.items()]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
