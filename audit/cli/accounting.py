"""`audit disclosures`: one person's accounting of disclosures, or everything that left the building, counted.

With a patient it is the accounting that 45 CFR 164.528 gives an individual, ready to print; without one it is the
privacy officer's summary by agreement and kind of information.  Either reading is recorded.
"""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from audit.access import asked
from audit.accounting import (
    Accounting,
    Format,
    WhatLeft,
    account,
    accounting_question,
    render,
    render_summary,
    six_years_before,
    what_left,
)
from audit.accounting.summary import COLUMNS
from audit.cli.frame import AsJson, Home, PassphraseFile, reported, say
from audit.cli.output import print_table
from audit.cli.people import tell_missed, with_past_months
from audit.cli.trail import PROGRAM, open_reader, operator, record_reading
from audit.errors import QueryError
from audit.index_keys import current_index_key, held_index_keys
from audit.places import Places, find_places
from audit.question import MAX_LIMIT, Question, Topic, ask

_PATIENT_HELP = "Record number, exactly as the integration sent it; several if one person has several."


@reported
def disclosures(  # noqa: PLR0913 - one parameter for each thing that a person can type
    *,
    patient: Annotated[list[str] | None, typer.Option(help=_PATIENT_HELP)] = None,
    agreement: Annotated[str, typer.Option(help="Summary of this business associate agreement only.")] = "",
    provider: Annotated[str, typer.Option(help="Summary of this provider only.")] = "",
    since: Annotated[str, typer.Option(help="First day; six years before today if left out.")] = "",
    until: Annotated[str, typer.Option(help="Last day; today if left out.")] = "",
    form: Annotated[str, typer.Option("--format", help="text, html, csv or json.")] = Format.TEXT.value,
    output: Annotated[Path | None, typer.Option(help="Write to this new file instead.")] = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Print a person's accounting of disclosures; without a patient, what left by agreement and kind of data."""
    chosen = _format("json" if as_json else form)
    places, now = find_places(home), datetime.now(UTC)
    if not patient:
        filters = {"agreement": agreement, "provider": provider, "until": until}
        _summarise(places, {**filters, "since": since or six_years_before(now)}, form=chosen, output=output, now=now)
        return
    if agreement or provider:
        raise QueryError("agreement and provider narrow the summary only; leave them out for a patient's accounting.")
    question = accounting_question(patient, now=now, since=since, until=until)
    accounting = _account(places, question, passphrase_file=passphrase_file)
    _write(render(accounting, chosen), output)
    tell_missed(accounting.months_not_searched)


def _account(places: Places, question: Question, *, passphrase_file: Path | None) -> Accounting:
    """Work the accounting out, record the reading, and only then return."""
    keys, origin = held_index_keys(places.trail), places.trail.origin()
    with open_reader(places) as reader:
        missed = reader.months_not_searched(question, keys)
        # Asked for the keys first: an accounting without past months is of no use, and reading them twice is slow.
        known = with_past_months(
            keys, missed=missed, keys=keys, places=places, passphrase_file=passphrase_file, ask_again=lambda more: more
        )
        accounting = account(reader, question, known, origin=origin)
    results = len(accounting.disclosures)
    _record(places, question, results=results)
    return accounting


def _summarise(places: Places, filters: dict[str, str], *, form: Format, output: Path | None, now: datetime) -> None:
    """Count what left, record the reading, and only then print."""
    question = ask({**filters, "topic": Topic.DISCLOSURES.value}, now=now, limit=MAX_LIMIT, by_event=True)
    with open_reader(places) as reader:
        summary = what_left(reader, question)
    _record(places, question, results=summary.disclosures)
    if form is Format.TEXT and output is None:
        print_table(_title(summary), COLUMNS, (_cells(line.cells()) for line in summary.lines))
    else:
        _write(render_summary(summary, Format.CSV if form is Format.TEXT else form), output)


def _record(places: Places, question: Question, *, results: int) -> None:
    key = current_index_key(held_index_keys(places.trail))
    event = asked(question, operator=operator(), program=PROGRAM, results=results, key=key)
    record_reading(places.socket, event)


def _title(summary: WhatLeft) -> str:
    return f"{summary.disclosures} disclosures by agreement, provider and kind of data"


def _cells(cells: Sequence[str | int]) -> list[str]:
    agreement, provider, recipient, kind, *rest = map(str, cells)
    return [agreement, provider, recipient, kind or "(all)", *rest]


def _format(name: str) -> Format:
    if name not in set(Format):
        raise QueryError(f"format is one of: {', '.join(Format)}.")
    return Format(name)


def _write(text: str, output: Path | None) -> None:
    if output is None:
        print(text, end="")
        return
    try:
        with open(output, "x", encoding="utf-8", newline="", opener=_private) as stream:
            stream.write(text)
    except OSError as error:
        raise QueryError(f"{output} cannot be written, or is there already; name a new file.") from error
    say(f"wrote {output}.")


def _private(path: str, flags: int) -> int:
    """Open a file for its owner alone: an accounting names a patient."""
    return os.open(path, flags, 0o600)
