"""`audit query`: which exchanges, or events, match; newest first."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from audit.access import asked
from audit.cli.frame import AsJson, Home, PassphraseFile, reported, say
from audit.cli.output import print_json, print_table
from audit.cli.people import tell_missed, with_past_months
from audit.cli.trail import PROGRAM, open_reader, operator, record_reading
from audit.index_keys import current_index_key, held_index_keys
from audit.places import find_places
from audit.query import Page
from audit.question import DEFAULT_LIMIT, STATES, Question, Topic, ask
from audit.view import entry_view, row_view

COLUMNS = ("time", "exchange", "client", "task", "route", "outcome", "reasons")
EVENT_COLUMNS = ("time", "sequence", "kind", "exchange", "client", "task", "route", "outcome")
LONE_COLUMNS = ("time", "sequence", "kind", "client", "code", "policy", "model", "details")
"""Of questions about operations and accesses, which belong to no exchange."""

_LONE_TOPICS = frozenset(Topic) - {Topic.DISCLOSURES, Topic.BREAK_GLASS}
_MODEL_HELP = "Model: name, digest, the digest's first 8 or more digits, or name@sha256:digest."
_PATIENT_HELP = "Record number, exactly as the integration sent it; several find an event about any of them."


@reported
def query(  # noqa: PLR0913 - one parameter for each filter that a person can type
    *,
    patient: Annotated[list[str] | None, typer.Option(help=_PATIENT_HELP)] = None,
    user: Annotated[str, typer.Option(help="The person who acted, exactly as the integration named them.")] = "",
    task: Annotated[str, typer.Option(help="Task, such as medical-coding.")] = "",
    client: Annotated[str, typer.Option(help="Client id of the integration.")] = "",
    tenant: Annotated[str, typer.Option(help="Tenant, such as sandbox.")] = "",
    purpose: Annotated[str, typer.Option(help="Purpose of use, such as TREAT.")] = "",
    kind: Annotated[str, typer.Option(help="Kind of event: intent, decision, release, outcome, access, ...")] = "",
    outcome: Annotated[str, typer.Option(help="answered, refused, failed, cancelled or incomplete.")] = "",
    state: Annotated[str, typer.Option(help=f"How the exchange stands: {', '.join(STATES)}.")] = "",
    topic: Annotated[str, typer.Option(help=f"A question with a name: {', '.join(Topic)}.")] = "",
    code: Annotated[str, typer.Option(help="Error code, or name of an operation, such as policy_reloaded.")] = "",
    decision: Annotated[str, typer.Option(help="allowed or denied.")] = "",
    route: Annotated[str, typer.Option(help="local, refused, managed, or managed:PROVIDER.")] = "",
    provider: Annotated[str, typer.Option(help="Provider of a managed route.")] = "",
    agreement: Annotated[str, typer.Option(help="Id of the business associate agreement of a disclosure.")] = "",
    model: Annotated[str, typer.Option(help=_MODEL_HELP)] = "",
    policy: Annotated[str, typer.Option(help="Digest of the policy bundle, or its first 8 or more digits.")] = "",
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
        "user": user,
        "task": task,
        "client": client,
        "tenant": tenant,
        "purpose": purpose,
        "kind": kind,
        "outcome": outcome,
        "state": state,
        "topic": topic,
        "code": code,
        "decision": decision,
        "route": route,
        "provider": provider,
        "agreement": agreement,
        "model": model,
        "policy": policy,
        "exchange": exchange,
        "since": since,
        "until": until,
        "cursor": cursor,
    }
    question = ask(filters, now=datetime.now(UTC), patients=patient or (), limit=limit, by_event=events)
    page = _answer(question, home=home, passphrase_file=passphrase_file)
    _print(page, question, as_json=as_json)


def _answer(question: Question, *, home: Home, passphrase_file: PassphraseFile) -> Page:
    """Find, record the reading, and only then return."""
    places = find_places(home)
    keys = held_index_keys(places.trail)
    with open_reader(places) as reader:
        page = reader.find(question, keys)
        page = with_past_months(
            page,
            missed=page.months_not_searched,
            keys=keys,
            places=places,
            passphrase_file=passphrase_file,
            ask_again=lambda more: reader.find(question, more),
        )
    event = asked(question, operator=operator(), program=PROGRAM, results=len(page.rows), key=current_index_key(keys))
    record_reading(places.socket, event)
    return page


def _print(page: Page, question: Question, *, as_json: bool) -> None:
    rows = [entry_view(row.entries[0]) if question.by_event else row_view(row) for row in page.rows]
    if as_json:
        print_json({"rows": rows, "next_cursor": page.next_cursor, "months_not_searched": page.months_not_searched})
    else:
        _print_table(page, question, rows)
        if page.next_cursor:
            say(f"there is more: add --cursor {page.next_cursor}")
    tell_missed(page.months_not_searched)


def _print_table(page: Page, question: Question, rows: list[dict[str, object]]) -> None:
    columns = EVENT_COLUMNS if question.by_event else COLUMNS
    if question.topic in _LONE_TOPICS:
        columns = LONE_COLUMNS
        views = (entry_view(row.entries[0]) for row in page.rows)
        rows = [{**view, "details": _details(view.get("facts"))} for view in views]
    print_table(f"{len(rows)} rows, newest first", columns, ([_cell(row, name) for name in columns] for row in rows))


def _cell(row: dict[str, object], name: str) -> str:
    value = row.get(name, "")
    if name == "outcome" and row.get("code"):
        return f"{value} ({row['code']})" if value else str(row["code"])
    return _text(value)


def _details(facts: object) -> str:
    """Return an event's facts on one line; the digest of a question tells a person nothing."""
    members = facts.items() if isinstance(facts, dict) else ()
    return ", ".join(f"{name}: {_text(value)}" for name, value in members if name != "query")


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
