"""`audit show`: everything of one exchange or event; and to an officer with an approval, the sealed bodies too.

An opening is recorded, durably, before the first body is shown; without a recorder nothing is opened.  Who only holds
the passphrase opens nothing here: it takes an officer's key, a second officer's approval, and the passphrase.
"""

from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Annotated

import typer

from audit.access import SHOW, looked
from audit.cli.duty import approvals_of, authority_of, now_ms, officer_by
from audit.cli.frame import AsJson, Home, OfficerKeyFile, PassphraseFile, reported
from audit.cli.output import harmless, print_fields, print_json
from audit.cli.passphrase import opened_custodian
from audit.cli.trail import PROGRAM, open_reader, operator, record_now, record_reading
from audit.errors import ApprovalError
from audit.keyring import Custodian
from audit.opening import Bodies, Keys, Opening, opened_view, subject_of
from audit.places import Places, find_places
from audit.query import Entry, Reader
from audit.record import Event
from audit.retention import destroyed_sentence
from audit.view import TITLES, reasons_of

_PLACED = frozenset({"sequence", "time", "facts", "body", "exchange"})
"""Members that stand in a place of their own."""

_OWN = frozenset({"sequence", "event", "kind", "time", "facts", "body", "sealed_body", "previous"})
"""Members that are told of each event even when they are the same."""

_NOTHING = Bodies(opened={}, destroyed={})
"""What is opened without ``--open``."""


@reported
def show(  # noqa: PLR0913 - one parameter for each option that a person can type
    name: Annotated[str, typer.Argument(metavar="ID", help="Exchange id, event id or sequence number.")],
    *,
    do_open: Annotated[
        bool, typer.Option("--open", help="Open the sealed bodies: by an officer, with an approval and the passphrase.")
    ] = False,
    approval: Annotated[str, typer.Option(help="Id that 'audit approval request' printed, once it is given.")] = "",
    officer_key_file: OfficerKeyFile = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show every event of an exchange, with the reasons in plain words.  The reading itself is recorded."""
    places = find_places(home)
    with open_reader(places) as reader:
        entries = reader.look_up(name)
        if do_open:
            opening = _opening(places, officer_key_file, approval=approval, subject=subject_of(entries))
            bodies = opening.open(reader, entries, keys=_keys(reader, places, passphrase_file))
        else:
            bodies = _NOTHING
            record_reading(places.socket, _looked(name, entries))
    views = [opened_view(entry, bodies) for entry in entries]
    if as_json:
        print_json({"exchange": entries[0].leaf.exchange_id, "reasons": reasons_of(entries), "events": views})
    else:
        _print(entries, views)


def _opening(places: Places, officer_key_file: Path | None, *, approval: str, subject: str) -> Opening:
    """Return the use of an approval by an officer who may.  Raises PermissionDeniedError or ApprovalError."""
    if not approval:
        raise ApprovalError(
            f"Opening needs a second officer: 'audit approval request open_body {subject} --case NUMBER', then "
            "'audit approval give', then this command with --approval. The passphrase alone opens nothing."
        )
    officer = officer_by(officer_key_file, places)
    authority_of(places).check(officer, "OpenBody")
    return Opening(
        officer=officer,
        approval_id=approval,
        approvals=approvals_of(places),
        program=PROGRAM,
        record=partial(record_now, places.socket),
        now_ms=now_ms(),
    )


def _keys(reader: Reader, places: Places, passphrase_file: Path | None) -> Keys:
    """Return the custodian's keys; the passphrase is asked for when the first one is needed."""

    @cache
    def custodian() -> Custodian:
        return opened_custodian(places.custodian, passphrase_file)

    return Keys(
        secrets=lambda month: custodian().secrets(month),
        destroyed=partial(destroyed_sentence, places, reader=reader),
    )


def _looked(name: str, entries: Sequence[Entry]) -> Event:
    sequences = [entry.leaf.sequence for entry in entries]
    return looked(SHOW, operator=operator(), program=PROGRAM, name=name, sequences=sequences)


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
