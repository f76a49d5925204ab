"""`audit query`: which exchanges, or events, match; newest first."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from audit.access import asked
from audit.cli.frame import AsJson, Home, PassphraseFile, reported, say
from audit.cli.output import print_json, print_table
from audit.cli.passphrase import ask_passphrase, can_ask
from audit.cli.trail import PROGRAM, open_reader, operator, record_reading
from audit.index_keys import current_index_key, custodian_index_keys, held_index_keys
from audit.keyring import IndexKey, open_custodian
from audit.places import Places, find_places
from audit.query import Page, Reader
from audit.question import DEFAULT_LIMIT, Question, ask
from audit.view import entry_view, row_view

COLUMNS = ("time", "exchange", "client", "task", "route", "outcome", "reasons")
EVENT_COLUMNS = ("time", "sequence", "kind", "exchange", "client", "task", "route", "outcome")


@reported
def query(  # noqa: PLR0913 - one parameter for each filter that a person can type
    *,
    patient: Annotated[str, typer.Option(help="Record number, exactly as the integration sent it.")] = "",
    user: Annotated[str, typer.Option(help="The person who acted, exactly as the integration named them.")] = "",
    task: Annotated[str, typer.Option(help="Task, such as medical-coding.")] = "",
    client: Annotated[str, typer.Option(help="Client id of the integration.")] = "",
    kind: Annotated[str, typer.Option(help="Kind of event: intent, decision, release, outcome, access, ...")] = "",
    outcome: Annotated[str, typer.Option(help="answered, refused, failed, cancelled or incomplete.")] = "",
    exchange: Annotated[str, typer.Option(help="Exchange id.")] = "",
    since: Annotated[str, typer.Option(help="First moment: 2026-01-31, 2026-01-31T14:00, 24h, 7d.")] = "",
    until: Annotated[str, typer.Option(help="Last day, or first moment not wanted.")] = "",
    limit: Annotated[int, typer.Option(help="Rows of one page.")] = DEFAULT_LIMIT,
    cursor: Annotated[str, typer.Option(help="Where the page before ended, as it printed.")] = "",
    events: Annotated[bool, typer.Option("--events", help="One row an event instead of one an exchange.")] = False,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List the exchanges that match every filter, newest first.  The reading itself is recorded."""
    filters = {
        "patient": patient,
        "user": user,
        "task": task,
        "client": client,
        "kind": kind,
        "outcome": outcome,
        "exchange": exchange,
        "since": since,
        "until": until,
        "cursor": cursor,
    }
    question = ask(filters, now=datetime.now(UTC), limit=limit, by_event=events)
    places = find_places(home)
    keys = held_index_keys(places.trail)
    with open_reader(places) as reader:
        page = _find(reader, question, keys, places=places, passphrase_file=passphrase_file)
    event = asked(question, operator=operator(), program=PROGRAM, results=len(page.rows), key=current_index_key(keys))
    record_reading(places.socket, event)
    _print(page, question, as_json=as_json)


def _find(
    reader: Reader, question: Question, keys: dict[str, IndexKey], *, places: Places, passphrase_file: PassphraseFile
) -> Page:
    """Return the page, with the custodian's keys for past months if somebody can give the passphrase."""
    page = reader.find(question, keys)
    has_custodian = (places.custodian / "root.json").exists()
    if not page.months_not_searched or not has_custodian or not can_ask(passphrase_file):
        return page
    say(f"people in {', '.join(page.months_not_searched)} can be found with the custodian passphrase only.")
    custodian = open_custodian(places.custodian, passphrase=ask_passphrase(passphrase_file))
    return reader.find(question, {**keys, **custodian_index_keys(custodian, page.months_not_searched)})


def _print(page: Page, question: Question, *, as_json: bool) -> None:
    rows = [entry_view(row.entries[0]) if question.by_event else row_view(row) for row in page.rows]
    if as_json:
        print_json({"rows": rows, "next_cursor": page.next_cursor, "months_not_searched": page.months_not_searched})
    else:
        columns = EVENT_COLUMNS if question.by_event else COLUMNS
        print_table(
            f"{len(rows)} rows, newest first", columns, ([_cell(row, name) for name in columns] for row in rows)
        )
        if page.next_cursor:
            say(f"there is more: add --cursor {page.next_cursor}")
    if page.months_not_searched:
        say(
            f"not searched for people: {', '.join(page.months_not_searched)}; "
            "give the custodian passphrase with --passphrase-file."
        )


def _cell(row: dict[str, object], name: str) -> str:
    value = row.get(name, "")
    if name == "outcome" and row.get("code"):
        return f"{value} ({row['code']})" if value else str(row["code"])
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
