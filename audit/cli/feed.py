"""`audit feed`: the trail in another system's words, oldest first, to be pulled again and again without loss.

The reading is a record before the first byte goes out.  `--since-sequence` begins where the pull before ended; a cursor
file keeps that place and moves on only when everything was handed over, so a crash repeats events and never drops one.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from audit.access import FEED
from audit.cli.duty import authority_of, officer_by
from audit.cli.frame import Home, PassphraseFile, reported, say
from audit.cli.passphrase import opened_custodian
from audit.cli.trail import PROGRAM, open_reader, operator, record_now
from audit.errors import QueryError
from audit.feeds import Format, Naming, name_nobody, render
from audit.feeds.naming import HeaderNaming
from audit.keyring.files import replace
from audit.places import Places, find_places
from audit.query import Reader
from audit.question import ask
from audit.record import Event, Kind

Facts = dict[str, str | int | bool | list[str]]
"""Readable details of a record."""

MAX_SEQUENCE = 2**53
"""Above every place in a trail."""


@reported
def feed(  # noqa: PLR0913 - one parameter for each thing that a person can type
    *,
    format_: Annotated[Format, typer.Option("--format", help="csv, fhir (R4 AuditEvent), ocsf or cef (syslog).")],
    since: Annotated[str, typer.Option(help="First moment: 2026-01-31, 2026-01-31T14:00, 24h, 7d.")] = "",
    until: Annotated[str, typer.Option(help="Last day, or first moment not wanted.")] = "",
    since_sequence: Annotated[int, typer.Option(min=0, help="First record: what the pull before printed.")] = 0,
    cursor_file: Annotated[
        Path | None, typer.Option(help="File that keeps the next record's number between pulls; made when missing.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Records at most.")] = MAX_SEQUENCE,
    output: Annotated[Path | None, typer.Option(help="Write to this new file instead of standard output.")] = None,
    people: Annotated[
        bool, typer.Option("--people", help="fhir: name patients and users, by the custodian's keys.")
    ] = False,
    officer_key_file: Annotated[Path | None, typer.Option(help="File with your officer key, for --people.")] = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Hand records to a SIEM, an audit repository or a spreadsheet.  The reading itself is recorded first."""
    if people and format_ is not Format.FHIR:
        raise QueryError("Only the FHIR feed can name people; SIEM feeds carry keyed commitments.")
    places = find_places(home)
    user = _officer(places, officer_key_file) if people else operator()
    with open_reader(places) as reader:
        begin = max(since_sequence, _read_cursor(cursor_file))
        begin, end = _range(reader, begin=begin, since=since, until=until)
        end = min(end, begin + limit)
        naming = _naming(reader, places, passphrase_file) if people else name_nobody
        facts: Facts = {"format": format_.value, "first": begin, "end": end, "people": people}
        record_now(places.socket, Event(kind=Kind.ACCESS, code=FEED, client=PROGRAM, user=user, facts=facts))
        origin = places.trail.origin()
        with _opened(output) as stream:
            for piece in render(format_, reader.span(begin, end=end), origin=origin, people=naming):
                stream.write(piece)
    if cursor_file is not None:
        replace(cursor_file, f"{end}\n".encode())
    say(f"{max(end - begin, 0)} records; go on with --since-sequence {end}")


def _officer(places: Places, file: Path | None) -> str:
    """Return the officer who may learn who the people are.  Raises PermissionDeniedError."""
    officer = officer_by(file, places)
    authority_of(places).check(officer, "OpenBody")
    return officer.name


def _naming(reader: Reader, places: Places, passphrase_file: Path | None) -> Naming:
    return HeaderNaming(reader, opened_custodian(places.custodian, passphrase_file).secrets)


def _range(reader: Reader, *, begin: int, since: str, until: str) -> tuple[int, int]:
    """Return the half-open range of places that is asked for, within what is there."""
    question = ask({"since": since, "until": until}, now=datetime.now(UTC))
    top = reader.rows.size()
    if begin > top:
        raise QueryError(f"The trail has {top} records, fewer than {begin}: is this another trail? Run 'audit verify'.")
    first = max(begin, reader.first_at(question.since_ms, top)) if question.since_ms else begin
    end = reader.first_at(question.until_ms, top) if question.has_end() else top
    return first, max(first, end)


def _read_cursor(file: Path | None) -> int:
    """Return the place in a cursor file; 0 before the first pull.  Raises QueryError for any other file."""
    if file is None or not file.exists():
        return 0
    try:
        text = file.read_text("ascii").strip()
    except (OSError, ValueError):
        text = ""
    if not text.isdigit() or int(text) > MAX_SEQUENCE:
        raise QueryError(f"{file} is no cursor of 'audit feed'; name another file, or correct the number in it.")
    return int(text)


@contextmanager
def _opened(output: Path | None) -> Iterator[BinaryIO]:
    """Yield where the feed goes; on return everything is handed over."""
    if output is None:
        try:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        except BrokenPipeError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python fails once more at its end
            raise QueryError("Who reads standard output went away; the cursor stays where it was.") from error
        return
    try:
        stream = output.open("xb")
    except OSError as error:
        raise QueryError(f"{output} cannot be written, or is there already; name a new file.") from error
    try:
        with stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        output.unlink()
        raise
