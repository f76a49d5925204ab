"""`audit export`: a part of the trail as one file that proves itself to an outside auditor.

It runs as the custodian's Unix user, as every reading command does.  The export is a record before the file exists,
and sealed bodies leave only with a second officer's approval, still sealed.
"""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from audit.access import EXPORT
from audit.approvals import Act, Approval
from audit.cli.bar import counted
from audit.cli.duty import approvals_of, now_ms, officer_by
from audit.cli.frame import AsJson, Home, reported, say
from audit.cli.output import print_json
from audit.cli.trail import PROGRAM, open_reader, operator
from audit.errors import ApprovalError, QueryError, RecorderUnavailableError
from audit.export import Order, Source, Written, write_bundle
from audit.export.bundle import Facts
from audit.places import Places, find_places
from audit.question import ask
from audit.record import Event, Kind
from audit.recorder.client import RecorderClient

SIGNED_WITHIN_S = 15.0
"""A checkpoint over a new record is there within a second or two; on a failing disk it never comes."""

POLL_S = 0.2
"""Between two questions for it."""


@reported
def export(  # noqa: PLR0913 - one parameter for each thing that a person can type
    out: Annotated[Path, typer.Argument(metavar="OUT.zip", help="New file for the bundle.")],
    *,
    since: Annotated[str, typer.Option("--from", help="First moment: 2026-01-31, 2026-01-31T14:00, 24h, 7d.")] = "",
    until: Annotated[str, typer.Option("--to", help="Last day, or first moment not wanted.")] = "",
    exchange: Annotated[str, typer.Option(help="One exchange instead of a span of time.")] = "",
    bodies: Annotated[bool, typer.Option("--bodies", help="Add the sealed bodies, sealed as they are.")] = False,
    approval: Annotated[str, typer.Option(help="Approval of a second officer, for --bodies.")] = "",
    officer_key_file: Annotated[Path | None, typer.Option(help="File with your officer key, for --bodies.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write an evidence bundle: records, proofs, checkpoints and a verifier, to be checked offline by anybody."""
    places = find_places(home)
    order = _order(since=since, until=until, exchange=exchange, with_bodies=bodies)
    approved = None
    if bodies:
        subject = exchange or f"{since}/{until}"
        approved = _approved(places, approval, subject=subject, officer_key_file=officer_key_file)
    written = _write(out, places, order, approved)
    if as_json:
        members = ("records", "first", "end", "size", "manifest", "recorded")
        print_json({"bundle": str(out), **{name: getattr(written, name) for name in members}})
        return
    say(f"wrote {out}: {written.records} records, recorded as {written.recorded}; manifest {written.manifest}")
    say("check it anywhere with: python verify_bundle.py BUNDLE.zip verifier.keys, or audit verify --bundle BUNDLE.zip")


def _order(*, since: str, until: str, exchange: str, with_bodies: bool) -> Order:
    """Return what was asked for.  Raises QueryError."""
    if bool(exchange) == bool(since or until) or bool(since) != bool(until):
        raise QueryError("Name what to export: --from and --to, or --exchange.")
    question = ask({"since": since, "until": until}, now=datetime.now(UTC))
    return Order(
        made_ms=now_ms(),
        since_ms=question.since_ms,
        until_ms=question.until_ms,
        exchange_id=exchange,
        with_bodies=with_bodies,
    )


def _approved(places: Places, approval: str, *, subject: str, officer_key_file: Path | None) -> Approval:
    """Return the approval, given to this officer for these bodies.  Raises ApprovalError or PermissionDeniedError."""
    officer = officer_by(officer_key_file, places)
    given = approvals_of(places).check(approval, action=Act.EXPORT_BODIES, subject=subject, now_ms=now_ms())
    if given.requested_by != officer.name:
        raise ApprovalError(
            "This approval was given to another officer; ask for your own with 'audit approval request'."
        )
    return given


def _write(out: Path, places: Places, order: Order, approved: Approval | None) -> Written:
    def seal(facts: Facts) -> tuple[int, str]:
        if approved is not None:
            approvals_of(places).spend(approved.id)
        event = Event(
            kind=Kind.ACCESS,
            code=EXPORT,
            client=PROGRAM,
            user=operator() if approved is None else approved.requested_by,
            facts={**facts, **(approved.facts() if approved else {})},
        )
        return asyncio.run(_recorded(places.socket, event))

    keys = places.trail.verifier_keys()
    with open_reader(places) as reader, counted("exporting") as moved:
        head = asyncio.run(_signed(places.socket, above=0))
        return write_bundle(out, Source(reader), order=order, head=head, keys=keys, seal=seal, moved=moved)


async def _recorded(socket: Path, event: Event) -> tuple[int, str]:
    """Record the export and return its place, with a checkpoint over it.  Raises AppendError."""
    client = RecorderClient(socket)
    try:
        place = (await client.append(event)).sequence
    finally:
        await client.aclose()
    return place, await _signed(socket, above=place)


async def _signed(socket: Path, *, above: int) -> str:
    """Return a signed checkpoint over more records than these.  Raises RecorderUnavailableError."""
    client = RecorderClient(socket)
    deadline = time.monotonic() + SIGNED_WITHIN_S
    try:
        while time.monotonic() < deadline:
            answer = await client.checkpoint()
            size, note = answer.get("size"), answer.get("note")
            if isinstance(size, int) and isinstance(note, str) and size > above:
                return note
            await asyncio.sleep(POLL_S)
    finally:
        await client.aclose()
    raise RecorderUnavailableError(
        f"the recorder signed nothing within {SIGNED_WITHIN_S:.0f} seconds, so no bundle; see 'appliance status'"
    )
